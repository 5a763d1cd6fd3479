#ifndef HTTP_H1_H
#define HTTP_H1_H

#include "net/conn.h"

/*
 * HTTP/1.0 and 1.1 over llhttp, strict (RFC 9110, RFC 9112). One exchange at a time on a
 * connection; what a client pipelines behind it stays in the connection's input until its turn,
 * which comes within the same tick, so that the answers leave together.
 */
void h1_setup(void);    /* once per process */
void h1_teardown(void); /* ENSUREs that no connection is left */

void h1_accept(struct conn *c); /* an accept_fn: the connection speaks HTTP/1 */

/* The worker drains: answers carry "connection: close" from now on. */
void h1_set_draining(bool draining);

#endif
