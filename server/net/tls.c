#include "net/tls_int.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <ev.h>

#define RECORD_MAX 16384 /* plain bytes in one record (RFC 8446 5.1) */

int tls_fail(struct tls *t, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->reason, sizeof(t->reason), fmt, ap);
	va_end(ap);
	t->failed = code;
	ERR_clear_error();
	/* The session may be why; after a fatal alert it is void anyway (RFC 5246 7.2.2). */
	if ((!t->established || code == ERR_TLS) && t->name != NULL)
		tls_cache_drop(&t->ctx->cache, t->name);
	return code;
}

/* Not now: nothing ends by it. */
static int refuse(struct tls *t, const char *why)
{
	snprintf(t->reason, sizeof(t->reason), "%s", why);
	return ERR_STATE;
}

/* SSL_get_error looks at OpenSSL's queue of errors, which all sessions share, and at errno. */
static void before_call(void)
{
	ERR_clear_error();
	errno = 0;
}

static int fail_verify(struct tls *t)
{
	long why = SSL_get_verify_result(t->ssl);

	switch (why) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return tls_fail(t, ERR_TLS, "the name %.100s is not in the certificate", t->name);
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return tls_fail(t, ERR_TLS, "the address %s is not in the certificate", t->name);
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return tls_fail(t, ERR_TLS, "the issuer of the certificate is not trusted");
	default:
		return tls_fail(t, ERR_TLS, "%s", X509_verify_cert_error_string(why));
	}
}

/* The latest error is what the peer has against us. */
static bool is_alert(void)
{
	unsigned long e = ERR_peek_last_error();

	return ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) > SSL_AD_REASON_OFFSET;
}

static int fail_protocol(struct tls *t)
{
	bool alert = is_alert();
	const char *text = tls_take_error(), *what = strstr(text, "alert ");

	if (alert && what != NULL) /* "tlsv13 alert certificate required" */
		return tls_fail(t, ERR_TLS, "the peer refused: %s", what + strlen("alert "));
	return tls_fail(t, ERR_TLS, "%s", text);
}

static int fail_end(struct tls *t)
{
	return tls_fail(t, ERR_CLOSED, "the peer closed the connection %s",
		t->established ? "without TLS's close_notify" : "during the TLS handshake");
}

/* What a call of OpenSSL that did not succeed means. */
static int stopped(struct tls *t, int rc)
{
	int errnum = errno;

	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		t->wants = EV_READ;
		return ERR_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		t->wants = EV_WRITE;
		return ERR_AGAIN;
	case SSL_ERROR_SYSCALL:
		if (errnum == 0)
			return fail_end(t);
		return tls_fail(t, err_from_errno(errnum), "%s", strerror(errnum));
	case SSL_ERROR_ZERO_RETURN:
		return fail_end(t);
	default:
		break;
	}
	switch (ERR_GET_REASON(ERR_peek_last_error())) {
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return fail_end(t);
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
		return fail_verify(t);
	default:
		return fail_protocol(t);
	}
}

struct tls *tls_new(struct tls_ctx *ctx, int fd, const char *name)
{
	struct tls *t = mem_zalloc(sizeof(*t));

	before_call();
	tls_ctx_ref(ctx);
	t->ctx = ctx;
	t->ssl = SSL_new(ctx->ssl);
	TLS_MUST(t->ssl != NULL);
	SSL_set_app_data(t->ssl, t);
	TLS_MUST(SSL_set_fd(t->ssl, fd));
	if (ctx->role == TLS_SERVER) {
		SSL_set_accept_state(t->ssl);
	} else {
		SSL_set_connect_state(t->ssl);
		tls_set_server(t, name);
	}
	return t;
}

void tls_free(struct tls **t_p)
{
	struct tls *t = *t_p;

	*t_p = NULL;
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	tls_ctx_unref(&t->ctx);
	buf_fini(&t->half);
	mem_free(t->name);
	mem_free(t->subject);
	mem_free(t);
	ERR_clear_error();
}

int tls_handshake(struct tls *t)
{
	int rc;

	if (t->failed != 0)
		return t->failed;
	before_call();
	rc = SSL_do_handshake(t->ssl);
	if (rc != 1)
		return stopped(t, rc);
	t->established = true;
	return 0;
}

ssize_t tls_read(struct tls *t, void *p, size_t n)
{
	size_t got;
	int rc;

	ENSURE(t->established && n > 0);
	if (t->failed != 0)
		return t->failed;
	before_call();
	t->dry = false;
	if (SSL_read_ex(t->ssl, p, n, &got))
		return (ssize_t)got;
	if (SSL_get_error(t->ssl, 0) == SSL_ERROR_ZERO_RETURN)
		return 0;
	rc = stopped(t, 0);
	t->dry = rc == ERR_AGAIN;
	return rc;
}

/* Where a tls_write has come to. */
struct cursor {
	const struct iovec *iov;
	int n;
	size_t at; /* in the first of them */
};

static void advance(struct cursor *c, size_t n)
{
	c->at += n;
	while (c->n > 0 && c->at >= c->iov->iov_len) {
		c->at -= c->iov->iov_len;
		c->iov++;
		c->n--;
	}
}

/* The bytes of the next record: where they are, or of several pieces copied into `room`. */
static struct span next_record(struct cursor c, char *room)
{
	struct span out = {room, 0};

	advance(&c, 0);
	if (c.n == 0)
		return out;
	if (c.n == 1 || c.iov->iov_len - c.at >= RECORD_MAX)
		return (struct span){
			(char *)c.iov->iov_base + c.at, MIN(c.iov->iov_len - c.at, RECORD_MAX)};
	while (c.n > 0 && out.n < RECORD_MAX) {
		size_t n = MIN(c.iov->iov_len - c.at, RECORD_MAX - out.n);

		memcpy(room + out.n, (char *)c.iov->iov_base + c.at, n);
		out.n += n;
		advance(&c, n);
	}
	return out;
}

/*
 * Who was refused learns it by an alert, which may be here already when a write finds the
 * connection broken: that says more than "Broken pipe".
 */
static int fail_write(struct tls *t)
{
	char byte;
	size_t n;

	before_call();
	if (!SSL_peek_ex(t->ssl, &byte, 1, &n) && is_alert())
		return fail_protocol(t);
	ERR_clear_error();
	return t->failed;
}

/* OpenSSL has the record encrypted already, and would not notice that the bytes are others now. */
static bool goes_on(const struct tls *t, struct span record)
{
	return t->half.n == 0 ||
	       (record.n >= t->half.n && memcmp(record.p, t->half.p, t->half.n) == 0);
}

/* How many bytes of the record were taken; a code. */
static ssize_t write_record(struct tls *t, struct span record)
{
	size_t sent;
	int rc;

	before_call();
	if (SSL_write_ex(t->ssl, record.p, record.n, &sent)) {
		buf_fini(&t->half);
		return (ssize_t)sent;
	}
	rc = stopped(t, 0);
	if (rc == ERR_AGAIN && t->half.n == 0)
		buf_append(&t->half, record.p, record.n);
	return rc == ERR_AGAIN || rc == ERR_TLS ? rc : fail_write(t);
}

ssize_t tls_write(struct tls *t, const struct iovec *iov, int n)
{
	struct cursor c = {iov, n, 0};
	char room[RECORD_MAX];
	struct span record = next_record(c, room);
	size_t taken = 0;
	ssize_t rc;

	ENSURE(t->established);
	if (t->failed != 0)
		return t->failed;
	if (!goes_on(t, record))
		return refuse(t, "a record is half sent: the write that began it must be repeated");
	while (record.n > 0) {
		rc = write_record(t, record);
		if (rc < 0)
			return taken > 0 ? (ssize_t)taken : rc;
		advance(&c, (size_t)rc);
		taken += (size_t)rc;
		record = next_record(c, room);
	}
	return (ssize_t)taken;
}

int tls_shut(struct tls *t)
{
	int rc;

	if (t->failed != 0)
		return t->failed;
	if (!t->established)
		return refuse(t, "the TLS handshake is not done");
	if (t->half.n > 0)
		return refuse(t, "a record is half sent");
	if (t->shut)
		return 0;
	before_call();
	rc = SSL_shutdown(t->ssl);
	if (rc < 0)
		return stopped(t, rc);
	t->shut = true;
	return 0;
}

int tls_wants(const struct tls *t)
{
	return t->wants;
}

size_t tls_pending(const struct tls *t)
{
	int n = SSL_pending(t->ssl);

	if (n > 0)
		return (size_t)n;
	return !t->dry && SSL_has_pending(t->ssl) ? 1 : 0;
}

const char *tls_reason(const struct tls *t)
{
	return t->reason;
}
