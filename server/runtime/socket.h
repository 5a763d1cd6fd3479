#ifndef RUNTIME_SOCKET_H
#define RUNTIME_SOCKET_H

#include "base/span.h"
#include "net/loop.h"

#include <sys/uio.h>

struct tls_config;
struct tls_info;

/*
 * An application's own sockets: TCP, UDP and unix, clients and servers. All are non-blocking and
 * close-on-exec, and live in a slab; Lua holds ids and closes what it made. Addresses are literal
 * (addr_parse_literal): names are looked up elsewhere.
 *
 * A verb that can wait answers at once, or ERR_AGAIN after it noted the task: that one is woken,
 * maybe for nothing, and asks again, or calls socket_leave. A socket has two sides, the reader's
 * and the writer's (which also dials), and one task at a time in each: ERR_BUSY for a second.
 *
 * Readiness is remembered: after a read that took all there was no other is tried before the loop
 * says so. An echo is write, epoll_wait, read.
 *
 * TLS begins by the first verb that needs it (or socket_shake). It may have to write for a reader:
 * then he waits until that is possible, on his own side.
 *
 * Verbs: run phase, the loop's thread. A code < 0 is the world's; socket_why() says more.
 */
enum socket_side {
	SOCKET_READER,
	SOCKET_WRITER,
};

struct socket;

void socket_setup(struct loop *loop);
void socket_teardown(void); /* closes what is left */
unsigned socket_live(void);

struct socket *socket_find(double id); /* NULL: closed, or none is set up here */
void socket_close(struct socket *s);   /* who waits is woken, and finds it gone */
void socket_leave(struct socket *s, enum socket_side side, double task); /* waits no more */
const char *socket_why(void); /* of the last code; "" for none. Valid until the next verb */

/* Life: an id, or a code; ERR_QUEUE_FULL: no descriptors are left. */
double socket_dial(
	struct span address, struct span source); /* source: bind to it first; or empty */
int socket_dialed(struct socket *s, double task);
int socket_pair(double ids[2]); /* two ends of a unix socket */

/* A listening socket of unix kind replaces the file that is there, and removes its own. */
struct socket_listen {
	int backlog;
	unsigned mode;   /* of a unix socket's file */
	bool reuse_port; /* TCP: other processes of this user may listen there, too */
};
double socket_listen(struct span address, const struct socket_listen *how);
/* After ERR_QUEUE_FULL come again later: the listener stays readable, and this does not wait. */
double socket_accept(struct socket *s, double task);

double socket_udp(struct span source, struct span peer, bool reuse_port); /* either may be empty */
int socket_send(struct socket *s, double task, struct span bytes, struct span to);
/* from_r: valid until the next verb. */
int socket_receive(struct socket *s, double task, struct span *out_r, const char **from_r);

enum socket_option {
	SOCKET_NODELAY,   /* 0 or 1; TCP has it on from the start */
	SOCKET_KEEPALIVE, /* seconds of silence until the peer is probed; 0: off */
};
int socket_set(struct socket *s, enum socket_option option, int value);

/* What is wanted of a stream; the bytes are valid until the next verb of any socket. */
enum socket_want {
	SOCKET_SOME,  /* what is there, a byte at least */
	SOCKET_EXACT, /* n bytes */
	SOCKET_LINE,  /* without its LF or CRLF; n: the longest, its end counted */
	SOCKET_UNTIL, /* up to `delimiter`; n: the longest, the delimiter counted */
	SOCKET_ALL,   /* until the end; n: at most */
};

struct socket_ask {
	enum socket_want what;
	size_t n;
	struct span delimiter; /* of SOCKET_UNTIL; not empty */
	bool keep;             /* the delimiter stays */
	bool again;            /* the same was asked before, and nothing else since */
	bool now;              /* who asks will not wait: bytes count that the loop knows not of */
};

/*
 * 0; ERR_CLOSED: the end, and what is asked for cannot be had any more; ERR_TOO_LARGE: not within
 * n bytes. Whatever the code, no byte is lost: what came can still be read.
 */
int socket_read(struct socket *s, double task, const struct socket_ask *ask, struct span *out_r);
void socket_trim(struct socket *s); /* after the bytes were copied: an idle socket is small */

ssize_t socket_write(struct socket *s, double task, const struct iovec *iov, int n);
int socket_shutdown(struct socket *s, double task); /* the writer's side */

bool socket_is_open(const struct socket *s); /* no end was seen yet */

/* Open, nobody on it, nothing to be read: fit to be used again. look: asks the system, too. */
bool socket_is_idle(struct socket *s, bool look);
void socket_expire(struct socket *s, uint64_t at_us); /* closes itself then; 0: no more */

/* What many sockets' TLS has in common, by a handle; sockets keep what they use of it. */
double socket_context_new(const struct tls_config *config);
void socket_context_drop(double context);

/* name: see tls_new. Fails if the peer said something already (RFC 3207 6 shows why). */
int socket_start_tls(struct socket *s, double context, const char *name);
int socket_shake(struct socket *s, double task); /* the reader's side; 0: TLS is on */

/* "127.0.0.1:80", "unix:/path"; "unix:" of one without a name. Valid until the next verb. */
const char *socket_name(struct socket *s, bool peer);
bool socket_tls_info(struct socket *s, struct tls_info *out); /* false: no TLS, or not yet */

#endif
