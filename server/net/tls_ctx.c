#include "net/tls_int.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdio.h>

/*
 * All is set here, nothing is left to openssl.cnf: an OPENSSL_CONF in the environment, or a
 * distribution's defaults, would make the same program behave differently from host to host.
 */
#define SECURITY_LEVEL 2 /* 112 bits: RSA from 2048, no SHA-1 (SSL_CTX_set_security_level(3)) */
#define CIPHERS_12     "ECDHE+AESGCM:ECDHE+CHACHA20" /* RFC 9325 4.2 */
#define CIPHERS_13     "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
#define GROUPS         "X25519:P-256:P-384:P-521" /* no finite fields (RFC 9325 4.1) */
#define SESSION_S      7200 /* a session is offered and taken again for so long */

static int refuse(char *err, size_t err_n, const char *field, const char *why)
{
	snprintf(err, err_n, "%s: %s", field, why);
	return ERR_INVALID;
}

static void set_policy(SSL_CTX *ssl, bool tls12)
{
	SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
	TLS_MUST(SSL_CTX_set_min_proto_version(ssl, tls12 ? TLS1_2_VERSION : TLS1_3_VERSION));
	TLS_MUST(SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION));
	TLS_MUST(SSL_CTX_set_cipher_list(ssl, CIPHERS_12));
	TLS_MUST(SSL_CTX_set_ciphersuites(ssl, CIPHERS_13));
	TLS_MUST(SSL_CTX_set1_groups_list(ssl, GROUPS));
	SSL_CTX_clear_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_read_ahead(ssl, 1); /* else each record is two reads */
	SSL_CTX_set_timeout(ssl, SESSION_S);
}

/* The leaf first, then what leads from it to a root. */
static int use_chain(SSL_CTX *ssl, STACK_OF(X509) * certs, char *err, size_t err_n)
{
	if (!SSL_CTX_use_certificate(ssl, sk_X509_value(certs, 0)))
		return refuse(err, err_n, "cert", tls_take_error());
	for (int i = 1; i < sk_X509_num(certs); i++)
		if (!SSL_CTX_add1_chain_cert(ssl, sk_X509_value(certs, i)))
			return refuse(err, err_n, "cert", tls_take_error());
	return 0;
}

static int set_identity(SSL_CTX *ssl, const struct tls_config *config, char *err, size_t err_n)
{
	STACK_OF(X509) *certs = NULL;
	EVP_PKEY *key = NULL;
	int rc = ERR_INVALID;

	if (config->cert.n == 0 && config->key.n == 0)
		return config->role == TLS_CLIENT
		               ? 0
		               : refuse(err, err_n, "cert", "a server needs one");
	if (config->cert.n == 0)
		return refuse(err, err_n, "cert", "there is a key without one");
	if (config->key.n == 0)
		return refuse(err, err_n, "key", "there is a certificate without one");

	certs = tls_pem_certs(config->cert, "cert", err, err_n);
	if (certs != NULL)
		key = tls_pem_key(config->key, "key", err, err_n);
	if (key == NULL)
		goto done;
	if (!X509_check_private_key(sk_X509_value(certs, 0), key)) {
		refuse(err, err_n, "key", "it does not fit the certificate");
		goto done;
	}
	rc = use_chain(ssl, certs, err, err_n);
	if (rc == 0 && !SSL_CTX_use_PrivateKey(ssl, key))
		rc = refuse(err, err_n, "key", tls_take_error());
done:
	EVP_PKEY_free(key);
	sk_X509_pop_free(certs, X509_free);
	return rc;
}

/* Whatever stands in `ca` is trusted, also what is not self-signed. */
static int trust_given(struct tls_ctx *ctx, struct span ca, char *err, size_t err_n)
{
	STACK_OF(X509) *roots = tls_pem_certs(ca, "ca", err, err_n);
	X509_STORE *store = SSL_CTX_get_cert_store(ctx->ssl);

	if (roots == NULL)
		return ERR_INVALID;
	TLS_MUST(X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN));
	for (int i = 0; i < sk_X509_num(roots); i++) {
		TLS_MUST(X509_STORE_add_cert(store, sk_X509_value(roots, i)));
		/* A server says whom it trusts, so that the client can choose its certificate. */
		if (ctx->role == TLS_SERVER && ctx->verify)
			TLS_MUST(SSL_CTX_add_client_CA(ctx->ssl, sk_X509_value(roots, i)));
	}
	sk_X509_pop_free(roots, X509_free);
	return 0;
}

static int set_trust(struct tls_ctx *ctx, struct span ca, char *err, size_t err_n)
{
	int mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;

	SSL_CTX_set_verify(ctx->ssl, ctx->verify ? mode : SSL_VERIFY_NONE, NULL);
	if (ca.n > 0)
		return trust_given(ctx, ca, err, err_n);
	if (ctx->role == TLS_SERVER && ctx->verify)
		return refuse(err, err_n, "ca", "needed to check the clients' certificates");
	if (ctx->verify)
		SSL_CTX_set1_cert_store(ctx->ssl, tls_trust_system());
	return 0;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
	const unsigned char *in, unsigned in_n, void *arg)
{
	const struct tls_ctx *ctx = arg;
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, out_n, ctx->alpn, ctx->alpn_n, in, in_n) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2 */
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int set_alpn(struct tls_ctx *ctx, struct span list, char *err, size_t err_n)
{
	struct buf wire = {0};
	struct span token;
	size_t longest = 0;

	if (list.n == 0)
		return 0;
	while (span_next_token(&list, &token)) {
		longest = MAX(longest, token.n);
		buf_putc(&wire, (char)token.n);
		buf_append(&wire, token.p, token.n);
	}
	ctx->alpn = (unsigned char *)wire.p;
	ctx->alpn_n = (unsigned)wire.n;
	if (wire.n == 0)
		return refuse(err, err_n, "alpn", "no protocol in it");
	if (longest > 255)
		return refuse(err, err_n, "alpn", "a protocol of more than 255 bytes");
	if (wire.n > UINT16_MAX)
		return refuse(err, err_n, "alpn", "longer than 65535 bytes");
	if (ctx->role == TLS_SERVER)
		SSL_CTX_set_alpn_select_cb(ctx->ssl, choose_protocol, ctx);
	else
		TLS_MUST(SSL_CTX_set_alpn_protos(ctx->ssl, ctx->alpn, ctx->alpn_n) == 0);
	return 0;
}

/* During the handshake in TLS 1.2, any time after it in 1.3. 0: we keep no reference. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *t = SSL_get_app_data(ssl);

	if (t->name != NULL && SSL_SESSION_is_resumable(session))
		tls_cache_put(&t->ctx->cache, t->name, session);
	return 0;
}

/* A server's sessions are in its tickets (RFC 5077), so it keeps none. */
static void set_resumption(struct tls_ctx *ctx)
{
	static const unsigned char id[] = "moonloop";

	if (ctx->role == TLS_SERVER) {
		SSL_CTX_set_session_cache_mode(ctx->ssl, SSL_SESS_CACHE_OFF);
		TLS_MUST(SSL_CTX_set_session_id_context(ctx->ssl, id, sizeof(id) - 1));
		return;
	}
	SSL_CTX_set_session_cache_mode(
		ctx->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx->ssl, on_session);
}

int tls_ctx_new(struct tls_ctx **ctx_r, const struct tls_config *config, char *err, size_t err_n)
{
	struct tls_ctx *ctx = mem_zalloc(sizeof(*ctx));
	int rc;

	TLS_MUST(OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL));
	ERR_clear_error();
	ctx->refs = 1;
	ctx->role = config->role;
	ctx->verify = config->verify;
	tls_cache_init(&ctx->cache);
	ctx->ssl =
		SSL_CTX_new(config->role == TLS_CLIENT ? TLS_client_method() : TLS_server_method());
	TLS_MUST(ctx->ssl != NULL);

	set_policy(ctx->ssl, config->tls12);
	set_resumption(ctx);
	rc = set_identity(ctx->ssl, config, err, err_n);
	if (rc == 0)
		rc = set_trust(ctx, config->ca, err, err_n);
	if (rc == 0)
		rc = set_alpn(ctx, config->alpn, err, err_n);
	if (rc < 0)
		tls_ctx_unref(&ctx);
	ERR_clear_error();
	*ctx_r = ctx;
	return rc;
}

void tls_ctx_ref(struct tls_ctx *ctx)
{
	ctx->refs++;
}

void tls_ctx_unref(struct tls_ctx **ctx_p)
{
	struct tls_ctx *ctx = *ctx_p;

	*ctx_p = NULL;
	if (ctx == NULL || --ctx->refs > 0)
		return;
	tls_cache_fini(&ctx->cache);
	SSL_CTX_free(ctx->ssl);
	mem_free(ctx->alpn);
	mem_free(ctx);
}
