#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/chunkq.h"
#include "base/clock.h"
#include "base/slab.h"
#include "net/loop.h"
#include "net/transport.h"

#include <netinet/in.h>

/*
 * One accepted connection: a transport, the bytes read and not yet parsed, the bytes to be
 * written, two deadlines, and the protocol that makes sense of it all. It knows no HTTP.
 *
 * Life: OPEN → CLOSING (the protocol said conn_finish: what is queued still leaves) → LINGER (FIN
 * sent, input is read and dropped so that the peer gets the last answer instead of a reset) →
 * DEAD (descriptor closed, freed in the reap phase). conn_close goes to DEAD from anywhere.
 *
 * The input buffer is borrowed from a pool while there is something in it, the output queue takes
 * blocks as it needs them: an idle connection is this struct and its protocol's state.
 *
 * Feed phase: conn_readable, timers. Flush phase: the one write. A protocol may call the rest in
 * feed, run and flush.
 */
enum conn_state {
	CONN_OPEN,    /* reading and writing */
	CONN_CLOSING, /* writes what is queued, parses nothing more */
	CONN_LINGER,  /* FIN sent; reads and drops until the peer closes, a second at most */
	CONN_DEAD,    /* descriptor closed; freed at reap */
};

enum close_reason {
#define CLOSE(name, word, why) CLOSE_##name,
#include "net/close.tbl.h"
#undef CLOSE
};

const char *close_reason_name(enum close_reason r);

/* What a protocol offers to its connection. */
struct conn_proto {
	const char *name;
	void (*input)(struct conn *c); /* take what you can of conn_input; leave the rest */
	void (*eof)(struct conn *c);   /* the peer will send no more */
	void (*room)(struct conn *c);  /* the output queue fell below the low-water mark */
	void (*slow)(struct conn *c);  /* the read deadline is over */
	void (*drain)(struct conn *c); /* finish what runs, begin nothing new */
	void (*closed)(struct conn *c, enum close_reason why); /* the connection is dead */
	void (*release)(struct conn *c);                       /* reap: free your state */
};

#define CONN_IN_BYTES (32 * 1024)

/* Buffers that are kept for the next readers; as many connections may hold one at a time. */
#define CONN_SPARE_MAX 32

struct conn_input {
	union {
		struct conn_input *next; /* while spare */
		struct {
			uint32_t pos, len; /* data[pos..len) is unread */
		};
	};
	char data[CONN_IN_BYTES];
};

/* All connections of one loop and what they share; the limits are set by its owner. */
struct conn_pool {
	struct loop *loop; /* borrowed for life */
	struct slab slab;
	struct list all;
	struct conn_input *spare; /* owned: cached input buffers */
	unsigned spare_n;
	size_t high_water; /* bytes in the output queue that stop a writer */
	uint64_t write_timeout_us;
	unsigned count;
	void (*on_release)(struct conn_pool *pool); /* after a connection was freed; may be NULL */
	void *owner;
};

struct conn {
	struct list all; /* in pool->all */
	struct loop_item feed, flush, reap;
	struct conn_pool *pool; /* borrowed for life */
	const struct transport *transport;
	const struct conn_proto *proto;
	void *state_of_proto;  /* owned by the protocol, freed in its release */
	struct conn_input *in; /* owned; NULL while nothing is unread */
	struct chunkq out;
	struct deadline read_by, write_by;
	struct ev_io io;
	int fd;
	int file_fd; /* owned; -1: none. Sent behind `out` */
	off_t file_offset;
	size_t file_left;
	uint8_t state;        /* enum conn_state; conn_set_state only */
	uint8_t watching;     /* EV_READ | EV_WRITE as last told to the transport */
	bool paused;          /* the protocol wants no input now */
	bool eof;             /* the peer sent FIN */
	bool was_full;        /* the queue was over high water: tell the protocol when not */
	uint16_t linger_left; /* KiB that LINGER still drops */
	const struct listener *listener; /* borrowed; NULL in tests */
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} peer; /* sa.sa_family is AF_UNIX for a unix socket */
};

void conn_pool_init(struct conn_pool *p, struct loop *loop);
void conn_pool_fini(struct conn_pool *p); /* all connections must be closed and reaped */
void conn_pool_close_all(struct conn_pool *p, enum close_reason why);
void conn_pool_drain(struct conn_pool *p); /* tells every protocol to come to its end */

/* A connection on a non-blocking fd; proto and its state are set by the caller before conn_start.
 */
struct conn *conn_new(struct conn_pool *p, const struct transport *t, int fd);
void conn_start(struct conn *c); /* begins to read */

void conn_readable(struct conn *c); /* the transport has input */

/* For protocols. */

static inline struct span conn_input(const struct conn *c)
{
	if (c->in == NULL)
		return (struct span){"", 0};
	return (struct span){c->in->data + c->in->pos, c->in->len - c->in->pos};
}

void conn_consume(struct conn *c, size_t n); /* the first n unread bytes are done with */

void conn_pause(struct conn *c, bool paused); /* stop or go on reading from the socket */

/* proto->input is called once more in this tick (or the next one), if something is unread. */
static inline void conn_feed_later(struct conn *c)
{
	loop_item_add(&c->pool->loop->feed, &c->feed);
}

/* There is something in c->out (or a file): write it in the flush phase. */
static inline void conn_dirty(struct conn *c)
{
	loop_item_add(&c->pool->loop->flush, &c->flush);
}

/* Over the high-water mark (or a file is on its way)? If so, proto->room will be called. */
static inline bool conn_full(struct conn *c)
{
	if (c->out.total < c->pool->high_water && c->file_fd < 0)
		return false;
	c->was_full = true;
	return true;
}

/* The file's bytes go out behind what is queued; takes the descriptor. One file at a time. */
void conn_send_file(struct conn *c, int fd, off_t offset, size_t n);

void conn_finish(struct conn *c);                       /* OPEN → CLOSING */
void conn_close(struct conn *c, enum close_reason why); /* → DEAD */

/* The peer must do its part within this time, or proto->slow is called; 0 takes the limit away. */
static inline void conn_read_within(struct conn *c, uint64_t us)
{
	if (us == 0)
		deadline_clear(&c->read_by);
	else
		deadline_set(&c->pool->loop->deadlines, &c->read_by, clock_now_us() + us);
}

#endif
