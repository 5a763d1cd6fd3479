#ifndef TESTS_SUPPORT_TLS_PAIR_H
#define TESTS_SUPPORT_TLS_PAIR_H

#include "net/tls.h"

/*
 * A client and a server of ours, face to face over non-blocking socket pairs. With a `step` a relay
 * stands between them that carries so many bytes a turn in each direction, so that both see every
 * message in pieces.
 */
struct tls_pair {
	struct tls *client, *server; /* owned */
	int client_fd, server_fd;    /* -1: closed by the test */
	int relay[2];                /* the far ends of these two; -1: no relay */
	size_t step;                 /* 0: no relay */
	int client_rc, server_rc;    /* of the handshakes */
};

void tls_pair_open(struct tls_pair *p, size_t step, struct tls_ctx *client, struct tls_ctx *server,
	const char *name);
void tls_pair_close(struct tls_pair *p);

void tls_pair_turn(struct tls_pair *p);  /* the relay carries once */
void tls_pair_shake(struct tls_pair *p); /* until neither handshake goes on */
bool tls_pair_ok(const struct tls_pair *p);

/* A read that waits some turns; what tls_read answers. */
ssize_t tls_pair_read(struct tls_pair *p, struct tls *t, void *to, size_t n);
/* All of it in one go; aborts if it cannot be. */
void tls_pair_write(struct tls *t, const void *bytes, size_t n);

#endif
