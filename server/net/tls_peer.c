#include "net/tls_int.h"

#include "base/err.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <ctype.h>

/* Whom a session talks to: the server that a client wants, and what was agreed on. */
#define NAME_MAX_N 253 /* of a host name (RFC 1035 2.3.4, less the length bytes) */

/* The bytes of an address, 4 or 16; 0: it is a name. */
static size_t parse_address(const char *name, unsigned char *ip)
{
	char text[INET6_ADDRSTRLEN];
	size_t n = strcspn(name, "%"); /* the zone of fe80::1%eth0 is not in certificates */

	if (n >= sizeof(text))
		return 0;
	memcpy(text, name, n);
	text[n] = '\0';
	if (inet_pton(AF_INET, text, ip) == 1)
		return 4;
	return inet_pton(AF_INET6, text, ip) == 1 ? 16 : 0;
}

/* A copy in lower case without the dot of the root; NULL: cannot be a name. */
static char *canonical(const char *name)
{
	size_t n = strlen(name);
	char *copy;

	if (n > 1 && name[n - 1] == '.')
		n--;
	/* A dot in front would fit all names below (X509_check_host(3)). */
	if (n == 0 || n > NAME_MAX_N || name[0] == '.')
		return NULL;
	copy = mem_dup(name, n);
	for (char *c = copy; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

static void verify_name(struct tls *t, const unsigned char *ip, size_t ip_n)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);

	X509_VERIFY_PARAM_set_hostflags(
		param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (ip_n > 0)
		TLS_MUST(X509_VERIFY_PARAM_set1_ip(param, ip, ip_n));
	else
		TLS_MUST(X509_VERIFY_PARAM_set1_host(param, t->name, 0));
}

void tls_set_server(struct tls *t, const char *name)
{
	unsigned char ip[16];
	SSL_SESSION *last;
	size_t ip_n;

	if (name == NULL)
		name = "";
	if (name[0] == '\0' && !t->ctx->verify)
		return;
	t->name = canonical(name);
	if (t->name == NULL) {
		tls_fail(t, ERR_INVALID, "\"%.100s\" is no server's name", name);
		return;
	}
	ip_n = parse_address(t->name, ip);
	if (t->ctx->verify)
		verify_name(t, ip, ip_n);
	if (ip_n == 0)
		TLS_MUST(SSL_set_tlsext_host_name(t->ssl, t->name));
	last = tls_cache_take(&t->ctx->cache, t->name);
	if (last != NULL)
		TLS_MUST(SSL_set_session(t->ssl, last));
	SSL_SESSION_free(last);
}

/* One line, control characters escaped, UTF-8 as it is. */
static char *print_subject(const SSL *ssl)
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);
	BIO *bio;
	char *text, *copy;
	long n;

	if (cert == NULL)
		return mem_strdup("");
	bio = BIO_new(BIO_s_mem());
	TLS_MUST(bio != NULL);
	X509_NAME_print_ex(
		bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	n = BIO_get_mem_data(bio, &text);
	copy = mem_dup(text, (size_t)n);
	BIO_free(bio);
	ERR_clear_error();
	return copy;
}

void tls_describe(struct tls *t, struct tls_info *out)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(t->ssl);
	const char *name = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);
	const unsigned char *alpn;
	unsigned alpn_n;

	ENSURE(t->established);
	if (t->subject == NULL)
		t->subject = print_subject(t->ssl);
	SSL_get0_alpn_selected(t->ssl, &alpn, &alpn_n);
	*out = (struct tls_info){
		.version = SSL_get_version(t->ssl),
		.cipher = SSL_CIPHER_standard_name(cipher),
		.alpn = {(const char *)alpn, alpn_n},
		.name = t->ctx->role == TLS_SERVER && name != NULL ? name : "",
		.subject = t->subject,
		.resumed = SSL_session_reused(t->ssl) != 0,
	};
}
