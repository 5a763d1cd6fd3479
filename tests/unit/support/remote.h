#ifndef TESTS_SUPPORT_REMOTE_H
#define TESTS_SUPPORT_REMOTE_H

#include "base/buf.h"
#include "net/conn.h"

/*
 * The other end of a connection, in memory: a transport whose reads give what the test said and
 * whose writes take as much as the test allows. Everything that the connection did to its
 * transport is on record here.
 *
 * remote_open makes the connection; remote_poll is what a poll would have reported for it. A peer
 * outlives its connection, so that what was written can be looked at; remote_fini forgets it.
 */
struct remote {
	struct conn *conn; /* NULL once its descriptor was closed */

	/* what the test sets */
	size_t short_write; /* bytes taken per write; 0: all */
	size_t window;      /* bytes that will still be taken; REMOTE_UNLIMITED */
	size_t reset_at;    /* the write that would pass this many bytes finds the peer gone */
	size_t short_read;  /* bytes given per read; 0: all */

	/* what happened */
	struct buf sent; /* not yet read by the connection */
	struct buf got;  /* written by the connection */
	unsigned writes; /* write calls that took something */
	unsigned write_tries;
	unsigned watch_calls;
	int watching;   /* EV_READ | EV_WRITE */
	bool fin;       /* we sent FIN */
	bool reset;     /* we reset */
	bool shut;      /* the connection sent FIN */
	bool last_more; /* the last write said that more follows */
	bool closed;    /* the connection closed its descriptor */
};

#define REMOTE_UNLIMITED SIZE_MAX

typedef void remote_accept_fn(struct conn *c);

void remote_open(struct remote *p, struct conn_pool *pool, remote_accept_fn *accept);
void remote_fini(struct remote *p); /* its connection must be closed */

void remote_send(struct remote *p, const void *bytes, size_t n);
void remote_fin(struct remote *p);   /* no more after what was sent */
void remote_reset(struct remote *p); /* what was sent and not read is lost */

/* Would a poll return now? */
bool remote_ready(const struct remote *p);
/* The feed phase of one turn for this connection. */
void remote_poll(struct remote *p);

extern const struct transport remote_transport;

#endif
