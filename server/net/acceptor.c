#include "net/acceptor.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Taken per wake-up of one listener, so that a flood of newcomers does not starve the others. */
#define ACCEPT_BATCH 32

#define PAUSE_US (CLOCK_SECOND / 4)

/* A shortage comes and goes; the log hears of it this often at most. */
#define SAY_AGAIN_US (60 * CLOCK_SECOND)

static void watch(struct acceptor *a, bool on)
{
	struct ev_loop *ev = a->pool->loop->ev;

	if (on == a->listening)
		return;
	a->listening = on;
	for (int i = 0; i < a->count; i++) {
		if (on)
			ev_io_start(ev, &a->listeners[i].io);
		else
			ev_io_stop(ev, &a->listeners[i].io);
	}
}

static void open_reserve(struct acceptor *a)
{
	if (a->reserve_fd < 0)
		a->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool may_say(struct acceptor *a)
{
	if (clock_now_us() < a->quiet_until_us)
		return false;
	a->quiet_until_us = clock_now_us() + SAY_AGAIN_US;
	return true;
}

/*
 * Out of descriptors: accept with the reserved one and close at once, so that the peer learns it
 * and the level-triggered listener does not spin; then wait for others to close.
 */
static void turn_away(struct acceptor *a, struct listener *ln)
{
	int reason = errno;

	if (may_say(a))
		log_event(LOG_ERROR, "accept.paused",
			"%s; %u connections are open; new ones wait or are turned away",
			strerror(reason), a->pool->count);
	if (a->reserve_fd >= 0) {
		close(a->reserve_fd);
		a->reserve_fd = -1;
		int fd = accept4(ln->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0) {
			close(fd);
			STATS_ADD(connections_refused, 1);
		}
		open_reserve(a);
	}
	watch(a, false);
	deadline_set(&a->pool->loop->deadlines, &a->pause_end, clock_now_us() + PAUSE_US);
}

static bool full(struct acceptor *a)
{
	if (a->pool->count < a->max_connections)
		return false;
	if (may_say(a))
		log_event(LOG_WARN, "accept.full",
			"%u connections are open (--max-connections); new ones wait",
			a->pool->count);
	watch(a, false);
	return true;
}

static bool accept_one(struct acceptor *a, struct listener *ln)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(ln->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			turn_away(a, ln);
		return errno == ECONNABORTED || errno == EINTR;
	}
	struct conn *c = conn_new(a->pool, &transport_tcp, fd);

	if (c == NULL) {
		close(fd);
		return false;
	}
	c->listener = ln;
	if (peer.ss_family == AF_INET || peer.ss_family == AF_INET6)
		memcpy(&c->peer, &peer, MIN(len, sizeof(c->peer)));
	a->on_accept(c);
	conn_start(c);
	return true;
}

static void on_listener(struct ev_loop *ev, struct ev_io *w, int revents)
{
	struct listener *ln = w->data;
	struct acceptor *a = ln->acceptor;

	for (int i = 0; i < ACCEPT_BATCH; i++)
		if (full(a) || !accept_one(a, ln))
			return;
}

static void on_pause_end(struct deadline *d)
{
	struct acceptor *a = container_of(d, struct acceptor, pause_end);

	open_reserve(a);
	acceptor_room(a);
}

void acceptor_init(
	struct acceptor *a, struct conn_pool *pool, unsigned max_connections, accept_fn *fn)
{
	*a = (struct acceptor){.pool = pool,
		.max_connections = max_connections,
		.on_accept = fn,
		.reserve_fd = -1};
	deadline_init(&a->pause_end, on_pause_end);
	open_reserve(a);
}

void acceptor_add(struct acceptor *a, const int *fds, int count)
{
	ENSURE(a->listeners == NULL);
	a->listeners = mem_zalloc((size_t)count * sizeof(*a->listeners));
	a->count = count;
	for (int i = 0; i < count; i++) {
		struct listener *ln = &a->listeners[i];

		ln->acceptor = a;
		ln->fd = fds[i];
		ln->address_len = sizeof(ln->address);
		getsockname(ln->fd, (struct sockaddr *)&ln->address, &ln->address_len);
		ev_io_init(&ln->io, on_listener, ln->fd, EV_READ);
		ln->io.data = ln;
	}
}

void acceptor_start(struct acceptor *a)
{
	watch(a, true);
}

void acceptor_stop(struct acceptor *a)
{
	a->stopped = true;
	watch(a, false);
	deadline_clear(&a->pause_end);
}

void acceptor_fini(struct acceptor *a)
{
	acceptor_stop(a);
	deadline_remove(&a->pool->loop->deadlines, &a->pause_end);
	mem_free(a->listeners);
	if (a->reserve_fd >= 0)
		close(a->reserve_fd);
}

void acceptor_room(struct acceptor *a)
{
	if (a->stopped || a->listening || deadline_armed(&a->pause_end))
		return;
	if (a->pool->count >= a->max_connections)
		return;
	watch(a, true);
}
