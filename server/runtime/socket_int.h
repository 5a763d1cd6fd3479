#ifndef RUNTIME_SOCKET_INT_H
#define RUNTIME_SOCKET_INT_H

#include "runtime/socket.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/slab.h"
#include "net/addr.h"
#include "net/fd_watch.h"
#include "net/tls.h"

/* Private to socket*.c. */
enum socket_state {
	SOCKET_DIALING, /* connect(2) is under way */
	SOCKET_STREAM,
	SOCKET_LISTENING,
	SOCKET_DATAGRAMS,
};

struct socket {
	struct fd_watch readable, writable;
	struct {
		double task; /* who waits there, or was woken and has not asked again; 0: nobody */
		int wants;   /* EV_READ, EV_WRITE; 0: was woken */
	} side[2];
	struct deadline expiry; /* closes it */
	uint64_t turn_us;       /* of the tick in which it was last used, */
	uint32_t turns;         /* how often */
	int fd;                 /* owned */
	struct tls *tls;        /* owned; NULL: none */
	struct buf in;          /* read, and not yet asked for, from `from` on */
	size_t from, seen;      /* up to `seen` a delimiter has been looked for */
	struct inode *file;     /* owned; of a listening unix socket: what is to be removed */
	int end;                /* why no more can be read; 0: it can */
	enum socket_state state;
	bool drained; /* nothing to be read until the loop says so */
	bool shaken;  /* the TLS handshake is done */
	bool shut;    /* nothing more is written */
};

/* The file of a listening unix socket, which a successor may have replaced. */
struct inode {
	dev_t dev;
	ino_t ino;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* For one read of any socket; a UDP datagram fits. */
#define SOCKET_SCRATCH 65536

struct context {
	struct tls_ctx *ctx; /* shared (ref) */
};

struct sockets {
	struct loop *loop; /* borrowed; NULL: not set up */
	struct slab slab;
	struct slab contexts; /* struct context */
	bool lent;            /* the scratch buffer has bytes that were not yet copied */
	char why[256];
	char name[ADDR_TEXT_MAX];
	char scratch[SOCKET_SCRATCH];
};
extern struct sockets sockets;

int socket_fail(int code, const char *why); /* `code`, with words for socket_why */
int socket_fail_errno(int errnum);
int socket_fail_open(int errnum); /* ERR_QUEUE_FULL: no descriptors or memory left */
double socket_new(int fd, enum socket_state state); /* takes fd, also if it fails */
int socket_parse(struct addr *a, struct span text);

/* ERR_BUSY: another task is on that side; ERR_AGAIN: this one had it often enough for a tick. */
int socket_enter(struct socket *s, enum socket_side side, double task);
int socket_wait(struct socket *s, enum socket_side side, double task, int wants);
int socket_done(struct socket *s, enum socket_side side, int rc); /* nobody is on it; rc */

/* 0: TLS is on, or not wanted. */
int socket_secure(struct socket *s, enum socket_side side, double task);
/* After a code of tls.h: waits, or says why it failed. */
int socket_tls_failed(struct socket *s, enum socket_side side, double task, int rc);
void socket_contexts_fini(void);
void socket_remove_file(struct socket *s);

#endif
