#include "tls_check.h"

#include "net/tls_int.h"

#include <ev.h>
#include <sys/socket.h>

/* Peers that speak no TLS, or break it. */

/* What one end says that is no TLS at all; an empty text: its end. */
static void against_text(enum tls_role role, struct span text, int code, const char *why)
{
	struct tls_config config =
		role == TLS_CLIENT ? pki_client(&pki_get()->ca) : pki_server(&pki_get()->server);
	struct tls_ctx *ctx = pki_ctx(config);
	int fds[2], rc;
	struct tls *t;
	char seen[4096];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	t = tls_new(ctx, fds[0], role == TLS_CLIENT ? "example.org" : NULL);
	rc = tls_handshake(t);
	assert_int_equal(rc, ERR_AGAIN);
	assert_int_equal(tls_wants(t), EV_READ);
	assert_int_equal(tls_shut(t), ERR_STATE);
	(void)!recv(fds[1], seen, sizeof(seen), 0);
	if (text.n == 0)
		shutdown(fds[1], SHUT_WR);
	else
		assert_true(send(fds[1], text.p, text.n, 0) > 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tls_handshake(t), code);
		assert_says(tls_reason(t), why);
	}
	if (text.n > 0 && text.p[0] == '\x16') { /* it spoke TLS so far: an alert (21) */
		assert_true(recv(fds[1], seen, sizeof(seen), 0) >= 7);
		assert_memory_equal(seen, "\x15\x03", 2);
	}
	tls_free(&t);
	tls_ctx_unref(&ctx);
	close(fds[0]);
	close(fds[1]);
}

static void test_no_tls(void **state)
{
	static const struct {
		enum tls_role role;
		struct span text;
		int code;
		const char *why;
	} rows[] = {
		{TLS_CLIENT, SPAN("HTTP/1.1 400 Bad Request\r\n\r\n"), ERR_TLS,
			"wrong version number"},
		{TLS_CLIENT, SPAN("220 example.org ESMTP\r\n"), ERR_TLS, "wrong version number"},
		{TLS_SERVER, SPAN("GET / HTTP/1.1\r\nhost: x\r\n\r\n"), ERR_TLS, "http request"},
		{TLS_SERVER, SPAN("EHLO example.org\r\n"), ERR_TLS, "wrong version number"},
		{TLS_SERVER, SPAN("\x16\x03\x01\0\5hello"), ERR_TLS, "unexpected message"},
		{TLS_CLIENT, SPAN("\x16\x03\x03\0\5hello"), ERR_TLS, "unexpected message"},
		{TLS_CLIENT, SPAN(""), ERR_CLOSED,
			"closed the connection during the TLS handshake"},
		{TLS_SERVER, SPAN(""), ERR_CLOSED,
			"closed the connection during the TLS handshake"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		against_text(rows[i].role, rows[i].text, rows[i].code, rows[i].why);
}

/* A record changed on its way. */
static void test_forged(void **state)
{
	struct tls_pair p;
	char bytes[256];
	ssize_t n;

	shake_ok(&p, 0);
	assert_int_equal(tls_read(p.client, bytes, sizeof(bytes)), ERR_AGAIN);
	tls_pair_write(p.client, "0123456789", 10);
	n = recv(p.server_fd, bytes, sizeof(bytes), 0);
	bytes[n - 1] ^= 1;
	assert_int_equal(send(p.client_fd, bytes, (size_t)n, 0), n);
	assert_int_equal(tls_read(p.server, bytes, sizeof(bytes)), ERR_TLS);
	assert_string_equal(tls_reason(p.server), "decryption failed or bad record mac");
	assert_int_equal(tls_read(p.client, bytes, sizeof(bytes)), ERR_TLS);
	assert_string_equal(tls_reason(p.client), "the peer refused: bad record mac");
	tls_pair_close(&p);
}

/* The queue of errors is common to all: what one session leaves there must not hit another. */
static void test_foreign_errors(void **state)
{
	struct tls_pair p;
	char got[16] = "";

	shake_ok(&p, 0);
	ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
	assert_int_equal(tls_read(p.server, got, sizeof(got)), ERR_AGAIN);
	ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
	tls_pair_write(p.client, got, sizeof(got));
	tls_pair_close(&p);
	assert_int_equal(ERR_peek_error(), 0);
	against_text(TLS_SERVER, SPAN("EHLO x\r\n"), ERR_TLS, "wrong version number");
	assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ZERO_TEST(test_no_tls),
		ZERO_TEST(test_forged),
		ZERO_TEST(test_foreign_errors),
	};

	return cmocka_run_group_tests_name("tls strange", tests, tls_setup, tls_teardown);
}
