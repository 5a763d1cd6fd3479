#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "net/addr.h"

/*
 * Making listening sockets: the few calls between an address and a descriptor that may be
 * accepted from. The master makes them before it forks and keeps them open for its whole life,
 * so that a connection in a backlog outlives the worker that was to accept it. Accepting is
 * somebody else's business.
 *
 * A descriptor is non-blocking and close-on-exec, belongs to the caller and is closed with
 * close(2). TCP_NODELAY is set on the listener: accepted sockets inherit it on Linux.
 *
 * Unix sockets: the file that a dead server left is removed; one that answers is an error, and so
 * is a file that is no socket. The file is made with mode 0600; listen_set_mode opens it up, so
 * that it is never more open than asked for. The file mode mask of the process is changed for
 * a moment: not for a process with threads.
 */

/*
 * The descriptor, or -1 with one line in err that names the address. reuse_port: SO_REUSEPORT,
 * one socket for each worker (TCP only).
 */
int listen_open(const struct addr *a, int backlog, bool reuse_port, char *err, size_t cap);

/*
 * True when nobody else listens on the address (TCP): binds it without SO_REUSEPORT and lets it
 * go at once. To be asked before the first socket with reuse_port, which would otherwise share
 * the port with a stranger in silence. False: one line in err.
 */
bool listen_probe(const struct addr *a, char *err, size_t cap);

/* The mode of a unix socket's file; nothing to do for TCP. -1: one line in err. */
int listen_set_mode(const struct addr *a, unsigned mode, char *err, size_t cap);

void listen_unlink(const struct addr *a); /* removes the file of a unix socket, if it is there */

/* Puts the port that the kernel chose into `a` (port 0). */
void listen_fill_port(int fd, struct addr *a);

#endif
