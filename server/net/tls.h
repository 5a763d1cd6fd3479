#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/span.h"

#include <sys/types.h>
#include <sys/uio.h>

/*
 * TLS over a non-blocking socket, client or server, by OpenSSL 3. A context is what many sessions
 * have in common (certificate, trust, ALPN, resumption); a session is one connection's. Neither
 * owns the descriptor, and nobody here waits: what cannot go on answers ERR_AGAIN and
 * tls_wants() says for what. Not tied to the loop, to conn or to Lua: outgoing sockets
 * (runtime/socket.h) and accepted connections use it alike. The loop's thread only.
 *
 * All certificates and keys are PEM text in memory: reading files is the caller's, who may do it
 * where it does not block. Secrets are never logged nor part of an error's text.
 *
 * TLS 1.2 and 1.3 (RFC 8446, RFC 9325). A client verifies chain and name (RFC 9525) against the
 * system's trust store unless told otherwise. OpenSSL starts with the first context, and reads no
 * openssl.cnf. It writes by write(2): the process ignores SIGPIPE.
 *
 * A client keeps the last session of each of 256 names, for two hours. A server keeps nothing: its
 * sessions are in tickets, by keys of the context, so only that context takes them back.
 */
enum tls_role {
	TLS_CLIENT,
	TLS_SERVER,
};

struct tls_config {
	enum tls_role role;
	struct span ca;   /* trusted roots; empty: the system's trust store */
	struct span cert; /* own certificate and its chain, leaf first; empty: none (client) */
	struct span key;  /* its private key; empty: none */
	struct span alpn; /* protocols, comma-separated, most wanted first; empty: no ALPN */
	bool verify; /* client: check the server; server: demand a client's certificate, by `ca` */
	bool tls12;  /* false: TLS 1.3 only */
};

struct tls_ctx; /* shared (ref): sessions hold it */

/* 0; ERR_INVALID with a text that names what was wrong ("key: it does not fit the certificate"). */
int tls_ctx_new(struct tls_ctx **ctx_r, const struct tls_config *config, char *err, size_t err_n);
void tls_ctx_ref(struct tls_ctx *ctx);
void tls_ctx_unref(struct tls_ctx **ctx);

struct tls; /* one session */

/*
 * `name` (client): the server's name or address, for SNI (RFC 6066 3; not for addresses) and to be
 * verified; its last session is offered again (RFC 8446 2.2). NULL or "" on a server, and on a
 * client that verifies nothing. The handshake tells when it is no name.
 */
struct tls *tls_new(struct tls_ctx *ctx, int fd, const char *name);
void tls_free(struct tls **t);

/*
 * All of them: ERR_AGAIN, or a code < 0 after which only tls_free is left, and which all further
 * calls repeat: ERR_TLS (the certificate, the protocol, an alert), ERR_CLOSED, ERR_RESET and other
 * codes of the socket, ERR_INVALID (no server can have the name). tls_reason() says more. The
 * handshake comes first.
 *
 * tls_read answers 0 at the peer's close_notify; an end without one is ERR_CLOSED. The session may
 * have bytes that the socket no more has: who stops reading before ERR_AGAIN asks tls_pending
 * before waiting for the socket.
 *
 * tls_write makes one record of several small pieces. A record may be left half sent: after
 * ERR_AGAIN, or after fewer bytes were taken than given, the next tls_write must begin with the
 * bytes that were not taken, as many of them or more; their place may change. Other bytes, or
 * tls_shut, are refused until then (ERR_STATE), as is tls_shut before the end of the handshake;
 * that ends nothing.
 */
int tls_handshake(struct tls *t); /* 0: done */
ssize_t tls_read(struct tls *t, void *p, size_t n);
ssize_t tls_write(struct tls *t, const struct iovec *iov, int n); /* how many bytes were taken */
int tls_shut(struct tls *t);                                      /* close_notify; 0: sent */

int tls_wants(const struct tls *t);          /* after ERR_AGAIN: EV_READ or EV_WRITE */
size_t tls_pending(const struct tls *t);     /* 0: a read would need the socket */
const char *tls_reason(const struct tls *t); /* "certificate has expired"; "" for none */

/* What was agreed on; the strings are valid as long as the session. */
struct tls_info {
	const char *version; /* "TLSv1.3" */
	const char *cipher;
	struct span alpn;    /* empty: none */
	const char *name;    /* server: the SNI name asked for; "" for none */
	const char *subject; /* of the peer's certificate, one line (RFC 2253); "" for none */
	bool resumed;
};
void tls_describe(struct tls *t, struct tls_info *out);

#endif
