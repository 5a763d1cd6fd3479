#include "net/conn.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/stats.h"

#include <unistd.h>

/* How long and how much a closing connection still listens, so that its last answer arrives. */
#define LINGER_US  (1 * CLOCK_SECOND)
#define LINGER_KIB 1024

#define GATHER_MAX 64

/* Of a file in one turn: a reader as fast as the disk must not keep the loop from the others. */
#define FILE_TURN (1024 * 1024)

static void set_state(struct conn *c, enum conn_state to)
{
	ENSURE(to > c->state);
	c->state = (uint8_t)to;
}

const char *close_reason_name(enum close_reason r)
{
	static const char *const names[] = {
#define CLOSE(name, word, why) [CLOSE_##name] = word,
#include "net/close.tbl.h"
#undef CLOSE
	};
	return names[r];
}

/* Input. */

static struct conn_input *take_input(struct conn_pool *p)
{
	struct conn_input *in = p->spare;

	if (in != NULL) {
		p->spare = in->next;
		p->spare_n--;
	} else {
		in = mem_alloc(sizeof(*in));
	}
	in->pos = in->len = 0;
	return in;
}

static void give_input(struct conn *c)
{
	struct conn_pool *p = c->pool;

	if (p->spare_n < CONN_SPARE_MAX) {
		c->in->next = p->spare;
		p->spare = c->in;
		p->spare_n++;
	} else {
		mem_free(c->in);
	}
	c->in = NULL;
}

/* Tells the transport what is wanted now; a system call only when that changed. */
static void update_watch(struct conn *c)
{
	bool room = c->in == NULL || c->in->len - c->in->pos < CONN_IN_BYTES;
	bool want_read = !c->eof && !c->paused && room && c->state != CONN_CLOSING;
	bool want_write = deadline_armed(&c->write_by);
	int events = (want_read ? EV_READ : 0) | (want_write ? EV_WRITE : 0);

	if (events == c->watching || c->state == CONN_DEAD)
		return;
	c->watching = (uint8_t)events;
	c->transport->watch(c, events);
}

void conn_consume(struct conn *c, size_t n)
{
	ENSURE(n <= conn_input(c).n);
	if (n == 0)
		return;
	c->in->pos += (uint32_t)n;
	if (c->in->pos == c->in->len)
		give_input(c);
	update_watch(c);
}

void conn_pause(struct conn *c, bool paused)
{
	c->paused = paused;
	update_watch(c);
}

/* LINGER: what comes is dropped, up to a bound. */
static void drop_input(struct conn *c)
{
	char drop[8192];
	ssize_t n = c->transport->read(c, drop, sizeof(drop));

	if (n == ERR_AGAIN)
		return;
	if (n <= 0 || c->linger_left < sizeof(drop) / 1024) {
		conn_close(c, CLOSE_DONE);
		return;
	}
	c->linger_left -= sizeof(drop) / 1024;
}

void conn_readable(struct conn *c)
{
	ssize_t n;

	if (c->state == CONN_LINGER) {
		drop_input(c);
		return;
	}
	if (c->in == NULL) {
		c->in = take_input(c->pool);
	} else if (c->in->pos > 0) {
		memmove(c->in->data, c->in->data + c->in->pos, c->in->len - c->in->pos);
		c->in->len -= c->in->pos;
		c->in->pos = 0;
	}
	if (c->in->len == CONN_IN_BYTES) /* reading no bytes would look like the end */
		return;
	n = c->transport->read(c, c->in->data + c->in->len, CONN_IN_BYTES - c->in->len);
	if (n > 0) {
		c->in->len += (uint32_t)n;
		update_watch(c);
		c->proto->input(c);
		return;
	}
	if (c->in->len == 0)
		give_input(c);
	if (n == ERR_CLOSED) {
		conn_close(c, CLOSE_RESET);
	} else if (n == 0) {
		c->eof = true;
		update_watch(c);
		c->proto->eof(c);
	}
}

static void feed_item(struct loop_item *item)
{
	struct conn *c = container_of(item, struct conn, feed);

	if (c->state == CONN_OPEN)
		c->proto->input(c);
}

/* Output. */

static void close_file(struct conn *c)
{
	if (c->file_fd >= 0)
		close(c->file_fd);
	c->file_fd = -1;
	c->file_left = 0;
}

void conn_send_file(struct conn *c, int fd, off_t offset, size_t n)
{
	ENSURE(c->file_fd < 0);
	c->file_fd = fd;
	c->file_offset = offset;
	c->file_left = n;
	if (n == 0)
		close_file(c);
	conn_dirty(c);
}

/* Writes of the file what one turn may take; the transport tells when it has room for the rest. */
static ssize_t write_file(struct conn *c)
{
	size_t turn = MIN(c->file_left, (size_t)FILE_TURN);

	while (turn > 0) {
		ssize_t sent = c->transport->send_file(c, c->file_fd, &c->file_offset, turn);

		if (sent < 0)
			return sent;
		turn -= (size_t)sent;
		c->file_left -= (size_t)sent;
	}
	if (c->file_left > 0)
		return ERR_AGAIN;
	close_file(c);
	return 0;
}

/* Writes until the queue is empty (0) or the transport has enough; its code then. */
static ssize_t write_queue(struct conn *c)
{
	while (c->out.total > 0) {
		struct iovec iov[GATHER_MAX];
		size_t bytes;
		int n = chunkq_gather(&c->out, iov, GATHER_MAX, &bytes);
		ssize_t sent = c->transport->write(c, iov, n, c->file_fd >= 0);

		if (sent < 0)
			return sent;
		chunkq_consume(&c->out, (size_t)sent);
		if ((size_t)sent < bytes)
			return ERR_AGAIN; /* a short write: the socket is full */
	}
	return c->file_fd >= 0 ? write_file(c) : 0;
}

static void shut_and_linger(struct conn *c)
{
	set_state(c, CONN_LINGER);
	if (c->in != NULL)
		give_input(c);
	c->transport->shut(c);
	if (c->eof) {
		conn_close(c, CLOSE_DONE);
		return;
	}
	c->linger_left = LINGER_KIB;
	c->paused = false;
	conn_read_within(c, LINGER_US);
	update_watch(c);
}

static void flush_item(struct loop_item *item)
{
	struct conn *c = container_of(item, struct conn, flush);
	size_t before = c->out.total + c->file_left;
	ssize_t rc;

	if (c->state >= CONN_LINGER)
		return;
	rc = write_queue(c);
	if (rc < 0 && rc != ERR_AGAIN) {
		/* A file that shrank under us cannot be answered any more: the peer must notice. */
		conn_close(c, rc == ERR_IO ? CLOSE_APP : CLOSE_RESET);
		return;
	}
	if (rc == 0)
		deadline_clear(&c->write_by);
	else if (!deadline_armed(&c->write_by) || c->out.total + c->file_left < before)
		deadline_set(&c->pool->loop->deadlines, &c->write_by,
			clock_now_us() + c->pool->write_timeout_us);
	update_watch(c);
	if (rc == 0 && c->state == CONN_CLOSING) {
		shut_and_linger(c);
		return;
	}
	if (c->was_full && c->file_fd < 0 && c->out.total <= c->pool->high_water / 2) {
		c->was_full = false;
		c->proto->room(c);
	}
}

/* Life. */

static void on_io(struct ev_loop *ev, struct ev_io *w, int revents)
{
	struct conn *c = w->data;

	if (revents & EV_WRITE)
		conn_dirty(c);
	if (revents & EV_READ && c->watching & EV_READ)
		conn_readable(c);
}

static void on_read_deadline(struct deadline *d)
{
	struct conn *c = container_of(d, struct conn, read_by);

	if (c->state == CONN_LINGER)
		conn_close(c, CLOSE_DONE);
	else if (c->state == CONN_OPEN)
		c->proto->slow(c);
}

static void on_write_deadline(struct deadline *d)
{
	conn_close(container_of(d, struct conn, write_by), CLOSE_SLOW_WRITE);
}

static void reap_item(struct loop_item *item)
{
	struct conn *c = container_of(item, struct conn, reap);
	struct conn_pool *p = c->pool;

	c->proto->release(c);
	list_del(&c->all);
	slab_free(&p->slab, c);
	p->count--;
	STATS_ADD(connections_now, -1);
	if (p->on_release != NULL)
		p->on_release(p);
}

struct conn *conn_new(struct conn_pool *p, const struct transport *t, int fd)
{
	struct conn *c = slab_alloc(&p->slab);

	if (c == NULL)
		return NULL;
	*c = (struct conn){.pool = p, .transport = t, .fd = fd, .file_fd = -1};
	list_init(&c->all);
	list_add(&p->all, &c->all);
	loop_item_init(&c->feed, feed_item);
	loop_item_init(&c->flush, flush_item);
	loop_item_init(&c->reap, reap_item);
	chunkq_init(&c->out);
	deadline_init(&c->read_by, on_read_deadline);
	deadline_init(&c->write_by, on_write_deadline);
	ev_init(&c->io, on_io);
	c->io.data = c;
	c->peer.sa.sa_family = AF_UNIX;
	p->count++;
	STATS_ADD(connections, 1);
	STATS_ADD(connections_now, 1);
	return c;
}

void conn_start(struct conn *c)
{
	update_watch(c);
}

void conn_finish(struct conn *c)
{
	if (c->state != CONN_OPEN)
		return;
	set_state(c, CONN_CLOSING);
	loop_item_del(&c->feed);
	deadline_clear(&c->read_by);
	update_watch(c);
	conn_dirty(c);
}

void conn_close(struct conn *c, enum close_reason why)
{
	struct loop *l = c->pool->loop;

	if (c->state == CONN_DEAD)
		return;
	set_state(c, CONN_DEAD);
	c->transport->close(c);
	close_file(c);
	if (c->in != NULL)
		give_input(c);
	chunkq_fini(&c->out);
	deadline_remove(&l->deadlines, &c->read_by);
	deadline_remove(&l->deadlines, &c->write_by);
	loop_item_del(&c->feed);
	loop_item_del(&c->flush);
	loop_item_add(&l->reap, &c->reap);
	c->proto->closed(c, why);
}

/* The pool. */

void conn_pool_init(struct conn_pool *p, struct loop *loop)
{
	*p = (struct conn_pool){
		.loop = loop, .high_water = 65536, .write_timeout_us = 30 * CLOCK_SECOND};
	slab_init(&p->slab, "conn", sizeof(struct conn));
	list_init(&p->all);
}

void conn_pool_fini(struct conn_pool *p)
{
	while (p->spare != NULL) {
		struct conn_input *next = p->spare->next;

		mem_free(p->spare);
		p->spare = next;
	}
	slab_fini(&p->slab);
}

void conn_pool_close_all(struct conn_pool *p, enum close_reason why)
{
	for (struct list *n = p->all.next; n != &p->all; n = n->next)
		conn_close(container_of(n, struct conn, all), why);
}

void conn_pool_drain(struct conn_pool *p)
{
	for (struct list *n = p->all.next; n != &p->all; n = n->next) {
		struct conn *c = container_of(n, struct conn, all);

		if (c->state == CONN_OPEN)
			c->proto->drain(c);
	}
}
