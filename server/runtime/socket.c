#include "runtime/socket_int.h"

#include "base/mem.h"
#include "runtime/task.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

/* A peer as fast as memory must not keep the worker from all others. */
#define TURNS_PER_TICK 16

struct sockets sockets;

/* Waiting. */

/* Feed phase. */
static void wake(struct socket *s, int event)
{
	for (int i = 0; i < 2; i++) {
		struct task *t;

		if ((s->side[i].wants & event) == 0)
			continue;
		s->side[i].wants = 0;
		t = task_find(s->side[i].task);
		if (t)
			task_wake(t);
	}
}

static void on_readable(struct fd_watch *w)
{
	struct socket *s = container_of(w, struct socket, readable);

	s->drained = false;
	wake(s, EV_READ);
}

static void on_writable(struct fd_watch *w)
{
	wake(container_of(w, struct socket, writable), EV_WRITE);
}

int socket_wait(struct socket *s, enum socket_side side, double task, int wants)
{
	s->side[side].task = task;
	s->side[side].wants = wants;
	if (wants == EV_READ)
		fd_watch_start(sockets.loop, &s->readable);
	else
		fd_watch_start_write(sockets.loop, &s->writable);
	return ERR_AGAIN;
}

int socket_done(struct socket *s, enum socket_side side, int rc)
{
	s->side[side].task = 0;
	s->side[side].wants = 0;
	return rc;
}

int socket_enter(struct socket *s, enum socket_side side, double task)
{
	double other = s->side[side].task;
	struct task *t;

	sockets.why[0] = '\0';
	if (UNLIKELY(other != 0 && other != task && task_find(other) != NULL))
		return ERR_BUSY;
	if (s->turn_us != clock_now_us()) {
		s->turn_us = clock_now_us();
		s->turns = 0;
	}
	if (LIKELY(++s->turns <= TURNS_PER_TICK))
		return 0;
	t = task_find(task);
	if (t == NULL)
		return 0;
	s->turns = 0;
	s->side[side].task = task;
	task_wake(t);
	return ERR_AGAIN;
}

void socket_leave(struct socket *s, enum socket_side side, double task)
{
	if (s->side[side].task == task)
		socket_done(s, side, 0);
}

/* Words. */

int socket_fail(int code, const char *why)
{
	snprintf(sockets.why, sizeof(sockets.why), "%s", why);
	return code;
}

int socket_fail_errno(int errnum)
{
	return socket_fail(err_from_errno(errnum), strerror(errnum));
}

int socket_fail_open(int errnum)
{
	bool full = errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;

	return full ? socket_fail(ERR_QUEUE_FULL, strerror(errnum)) : socket_fail_errno(errnum);
}

const char *socket_why(void)
{
	return sockets.why;
}

int socket_parse(struct addr *a, struct span text)
{
	char copy[ADDR_TEXT_MAX];

	if (text.n >= sizeof(copy) || memchr(text.p, '\0', text.n) != NULL)
		return socket_fail(ERR_INVALID, "the address is too long, or has a NUL byte");
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return addr_parse_literal(a, copy, sockets.why, sizeof(sockets.why));
}

/* Life. */

static void on_expiry(struct deadline *d)
{
	socket_close(container_of(d, struct socket, expiry));
}

void socket_expire(struct socket *s, uint64_t at_us)
{
	if (at_us == 0)
		deadline_clear(&s->expiry);
	else
		deadline_set(&sockets.loop->deadlines, &s->expiry, at_us);
}

double socket_new(int fd, enum socket_state state)
{
	struct socket *s = slab_alloc(&sockets.slab);

	if (!s) {
		close(fd);
		return socket_fail(ERR_QUEUE_FULL, "too many sockets");
	}
	*s = (struct socket){.fd = fd, .state = state};
	fd_watch_init(&s->readable, fd, on_readable);
	fd_watch_init(&s->writable, fd, on_writable);
	deadline_init(&s->expiry, on_expiry);
	return slab_id(s);
}

struct socket *socket_find(double id)
{
	return LIKELY(sockets.loop != NULL) ? slab_find(&sockets.slab, id) : NULL;
}

static void close_one(void *object, void *arg)
{
	struct socket *s = object;

	fd_watch_stop(sockets.loop, &s->readable);
	fd_watch_stop(sockets.loop, &s->writable);
	deadline_remove(&sockets.loop->deadlines, &s->expiry);
	if (s->tls) {
		if (s->shaken && !s->shut)
			(void)tls_shut(s->tls); /* as far as it goes without waiting */
		tls_free(&s->tls);
	}
	close(s->fd);
	buf_fini(&s->in);
	socket_remove_file(s);
	if (!arg)
		wake(s, EV_READ | EV_WRITE);
	slab_free(&sockets.slab, s);
}

void socket_close(struct socket *s)
{
	close_one(s, NULL);
}

bool socket_is_open(const struct socket *s)
{
	return s->end == 0;
}

unsigned socket_live(void)
{
	return sockets.loop ? sockets.slab.live : 0;
}

void socket_setup(struct loop *loop)
{
	ENSURE(!sockets.loop);
	sockets.loop = loop;
	slab_init(&sockets.slab, "socket", sizeof(struct socket));
	slab_init(&sockets.contexts, "tls_context", sizeof(struct context));
}

void socket_teardown(void)
{
	if (!sockets.loop)
		return;
	slab_each(&sockets.slab, close_one, &sockets); /* no task is left to be woken */
	slab_fini(&sockets.slab);
	socket_contexts_fini();
	sockets.loop = NULL;
}
