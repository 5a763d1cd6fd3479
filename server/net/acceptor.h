#ifndef NET_ACCEPTOR_H
#define NET_ACCEPTOR_H

#include "net/conn.h"

/*
 * Takes connections off the listening sockets. It never gives up: without a free descriptor it
 * spends a reserved one to turn the newcomer away, says so once, and pauses; with max_connections
 * open it pauses too, and the newcomers wait in the kernel's backlog.
 *
 * The listening sockets belong to the master and stay open there; this room only stops asking.
 */
struct listener {
	struct ev_io io;
	struct acceptor *acceptor;
	int fd;                          /* borrowed: the process's for life */
	struct sockaddr_storage address; /* where it listens; a wildcard stays one */
	socklen_t address_len;
};

/* Sets proto and state on a connection; called in the feed phase. */
typedef void accept_fn(struct conn *c);

struct acceptor {
	struct conn_pool *pool;     /* borrowed */
	struct listener *listeners; /* owned */
	int count;
	unsigned max_connections;
	accept_fn *on_accept;
	int reserve_fd; /* spent when the process has no descriptor left; -1 while it is */
	struct deadline pause_end;
	uint64_t quiet_until_us; /* a shortage was logged: not again before */
	bool listening;          /* watchers started */
	bool stopped;            /* for good */
};

void acceptor_init(
	struct acceptor *a, struct conn_pool *pool, unsigned max_connections, accept_fn *fn);
void acceptor_add(struct acceptor *a, const int *fds, int count); /* once */
void acceptor_start(struct acceptor *a);
void acceptor_stop(struct acceptor *a); /* for good; idempotent */
void acceptor_fini(struct acceptor *a);

/* A connection was freed: goes on if it had paused because of max_connections. */
void acceptor_room(struct acceptor *a);

#endif
