#include "remote.h"

#include "base/err.h"

#include <unistd.h>

/* A connection's descriptor is its peer's place in here. */
static struct remote *remotes[64];

static struct remote *remote_of(const struct conn *c)
{
	ENSURE(c->fd >= 0 && c->fd < (int)ARRAY_LEN(remotes) && remotes[c->fd] != NULL);
	return remotes[c->fd];
}

static ssize_t remote_read(struct conn *c, void *to, size_t n)
{
	struct remote *p = remote_of(c);

	if (p->reset)
		return ERR_CLOSED;
	if (n == 0) /* as read(2) */
		return 0;
	n = MIN(n, p->sent.n);
	if (p->short_read != 0)
		n = MIN(n, p->short_read);
	if (n == 0)
		return p->fin ? 0 : ERR_AGAIN;
	memcpy(to, p->sent.p, n);
	buf_consume(&p->sent, n);
	return (ssize_t)n;
}

/* How much of n bytes is taken now. */
static ssize_t room_for(struct remote *p, size_t n)
{
	p->write_tries++;
	if (p->reset)
		return ERR_CLOSED;
	n = MIN(n, p->window);
	if (p->short_write != 0)
		n = MIN(n, p->short_write);
	if (n > 0 && p->got.n + n > p->reset_at) {
		p->reset = true;
		return ERR_CLOSED;
	}
	return n == 0 ? ERR_AGAIN : (ssize_t)n;
}

static void take(struct remote *p, const void *bytes, size_t n)
{
	buf_append(&p->got, bytes, n);
	if (p->window != REMOTE_UNLIMITED)
		p->window -= n;
}

static ssize_t remote_write(struct conn *c, const struct iovec *iov, int n, bool more)
{
	struct remote *p = remote_of(c);
	size_t total = 0;
	ssize_t room;

	ENSURE(!p->shut && n > 0);
	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	room = room_for(p, total);
	if (room < 0)
		return room;
	for (size_t left = (size_t)room; left > 0; iov++) {
		size_t step = MIN(left, iov->iov_len);

		take(p, iov->iov_base, step);
		left -= step;
	}
	p->writes++;
	p->last_more = more;
	return room;
}

static ssize_t remote_send_file(struct conn *c, int fd, off_t *offset, size_t n)
{
	struct remote *p = remote_of(c);
	ssize_t room = room_for(p, MIN(n, (size_t)4096));
	char bytes[4096];

	if (room < 0)
		return room;
	room = pread(fd, bytes, (size_t)room, *offset);
	if (room <= 0)
		return ERR_IO;
	*offset += room;
	take(p, bytes, (size_t)room);
	p->writes++;
	return room;
}

static void remote_watch(struct conn *c, int events)
{
	struct remote *p = remote_of(c);

	ENSURE(p->watching != events); /* a system call for nothing */
	p->watching = events;
	p->watch_calls++;
}

static void remote_shut(struct conn *c)
{
	ENSURE(!remote_of(c)->shut);
	remote_of(c)->shut = true;
}

static bool remote_hung_up(struct conn *c)
{
	return remote_of(c)->reset;
}

static void remote_closed(struct conn *c)
{
	struct remote *p = remote_of(c);

	p->closed = true;
	p->conn = NULL;
	p->watching = 0;
	remotes[c->fd] = NULL;
	c->fd = -1;
}

const struct transport remote_transport = {
	.scheme = "http",
	.read = remote_read,
	.write = remote_write,
	.send_file = remote_send_file,
	.watch = remote_watch,
	.shut = remote_shut,
	.hung_up = remote_hung_up,
	.close = remote_closed,
};

void remote_open(struct remote *p, struct conn_pool *pool, remote_accept_fn *accept)
{
	int place = 0;

	while (remotes[place] != NULL)
		ENSURE(++place < (int)ARRAY_LEN(remotes));
	remotes[place] = p;
	*p = (struct remote){.window = REMOTE_UNLIMITED, .reset_at = SIZE_MAX};
	p->conn = conn_new(pool, &remote_transport, place);
	ENSURE(p->conn != NULL);
	accept(p->conn);
	conn_start(p->conn);
}

void remote_fini(struct remote *p)
{
	ENSURE(p->closed);
	buf_fini(&p->sent);
	buf_fini(&p->got);
}

void remote_send(struct remote *p, const void *bytes, size_t n)
{
	ENSURE(!p->fin);
	buf_append(&p->sent, bytes, n);
}

void remote_fin(struct remote *p)
{
	p->fin = true;
}

void remote_reset(struct remote *p)
{
	p->reset = true;
	buf_clear(&p->sent);
}

static bool readable(const struct remote *p)
{
	return p->watching & EV_READ && (p->sent.n > 0 || p->fin || p->reset);
}

static bool writable(const struct remote *p)
{
	return p->watching & EV_WRITE && (p->window > 0 || p->reset);
}

bool remote_ready(const struct remote *p)
{
	return !p->closed && (readable(p) || writable(p));
}

/* As on_io of net/conn.c: writing is put off, reading is done. */
void remote_poll(struct remote *p)
{
	if (!p->closed && writable(p))
		conn_dirty(p->conn);
	if (!p->closed && readable(p))
		conn_readable(p->conn);
}
