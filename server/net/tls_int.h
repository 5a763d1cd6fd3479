#ifndef NET_TLS_INT_H
#define NET_TLS_INT_H

#include "base/buf.h"
#include "base/list.h"
#include "net/tls.h"

/* OpenSSL has a type of the name of one of our codes, and no use for it in ours. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

/* What the files of net/tls share: the context, the last sessions of a client, PEM, errors. */

/*
 * The last session of each name that a client talked to, the one used longest ago first. A full
 * cache forgets that one. Sessions of TLS 1.3 are good for one use (RFC 8446 C.4), those of 1.2
 * for many; none is offered once its lifetime is over.
 */
#define TLS_CACHE_NAMES 256

struct tls_cache {
	struct list names;
	unsigned n;
};

void tls_cache_init(struct tls_cache *c);
void tls_cache_fini(struct tls_cache *c);
void tls_cache_put(struct tls_cache *c, const char *name, const SSL_SESSION *session); /* a copy */
SSL_SESSION *tls_cache_take(struct tls_cache *c, const char *name); /* the caller's, or NULL */
void tls_cache_drop(struct tls_cache *c, const char *name);

struct tls_ctx {
	unsigned refs;
	enum tls_role role;
	bool verify;
	SSL_CTX *ssl;        /* owned */
	unsigned char *alpn; /* owned; each protocol behind its length (RFC 7301 3.1) */
	unsigned alpn_n;
	struct tls_cache cache; /* empty on a server */
};

struct tls {
	SSL *ssl;            /* owned */
	struct tls_ctx *ctx; /* shared (ref) */
	char *name;          /* owned; client: the server's, NULL: not given */
	char *subject;       /* owned; NULL until asked for */
	bool established;    /* the handshake is done */
	bool shut;           /* close_notify is out */
	bool dry;            /* the last tls_read found nothing */
	struct buf half;     /* owned; the plain bytes of the record that is half sent */
	int wants;           /* EV_READ, EV_WRITE */
	int failed;          /* code; 0: none */
	char reason[160];
};

/* Notes the end of the session: `code` is from now on every answer. */
int tls_fail(struct tls *t, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Before the handshake of a client; fails when the name is none. */
void tls_set_server(struct tls *t, const char *name);

/*
 * PEM text in memory. The caller owns what they answer; NULL: `err` says why, behind the name of
 * the `field` of the configuration. A key that asks for a pass phrase is refused.
 */
STACK_OF(X509) * tls_pem_certs(struct span pem, const char *field, char *err, size_t err_n);
EVP_PKEY *tls_pem_key(struct span pem, const char *field, char *err, size_t err_n);

/*
 * The system's trust store, loaded when first asked for and kept; shared, the caller may
 * SSL_CTX_set1_cert_store it. SSL_CERT_FILE and SSL_CERT_DIR are heeded.
 */
X509_STORE *tls_trust_system(void);

/* "unknown CA", "bad base64 decode": of OpenSSL's latest error, after which its queue is empty. */
const char *tls_take_error(void);

/* Of something that fails only without memory. */
#define TLS_MUST(call) ((call) ? (void)0 : tls_no_memory(#call))
NORETURN void tls_no_memory(const char *call);

#endif
