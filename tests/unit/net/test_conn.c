#include "check.h"

#include "base/err.h"
#include "base/mem.h"
#include "fake_clock.h"
#include "net/stats.h"
#include "base/arena.h"
#include "remote.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A protocol that writes down what it is told and takes nothing by itself. */
static struct loop loop;
static struct conn_pool pool;
static struct remote remote;
static long live;
static struct {
	unsigned input, eof, room, slow, drain, closed, release;
	enum close_reason why;
	bool take; /* input is consumed */
	struct buf took;
} seen;

static void on_input(struct conn *c)
{
	struct span in = conn_input(c);

	seen.input++;
	if (!seen.take)
		return;
	buf_append(&seen.took, in.p, in.n);
	conn_consume(c, in.n);
}

static void on_eof(struct conn *c)
{
	seen.eof++;
}

static void on_room(struct conn *c)
{
	seen.room++;
}

static void on_slow(struct conn *c)
{
	seen.slow++;
}

static void on_drain(struct conn *c)
{
	seen.drain++;
}

static void on_closed(struct conn *c, enum close_reason why)
{
	seen.closed++;
	seen.why = why;
}

static void on_release(struct conn *c)
{
	seen.release++;
}

static const struct conn_proto proto = {
	.name = "test",
	.input = on_input,
	.eof = on_eof,
	.room = on_room,
	.slow = on_slow,
	.drain = on_drain,
	.closed = on_closed,
	.release = on_release,
};

static void accept_test(struct conn *c)
{
	c->proto = &proto;
}

static int setup(void **state)
{
	arena_drop_cache();
	chunkq_drop_cache();
	live = mem_live();
	memset(&seen, 0, sizeof(seen));
	seen.take = true;
	fake_clock_start();
	loop_init(&loop);
	conn_pool_init(&pool, &loop);
	remote_open(&remote, &pool, accept_test);
	return 0;
}

static int teardown(void **state)
{
	conn_pool_close_all(&pool, CLOSE_DRAIN);
	loop_turn(&loop);
	assert_int_equal(seen.closed, 1);
	assert_int_equal(seen.release, 1);
	assert_int_equal(pool.count, 0);
	assert_int_equal(pool.slab.live, 0);
	assert_int_equal(STATS_GET(connections_now), 0);
	remote_fini(&remote);
	buf_fini(&seen.took);
	conn_pool_fini(&pool);
	loop_fini(&loop);
	fake_clock_stop();
	chunkq_drop_cache();
	assert_int_equal(mem_live(), live);
	return 0;
}

static void turn(void)
{
	remote_poll(&remote);
	loop_turn(&loop);
}

static void settle(void)
{
	for (int i = 0; i < 100000 && (i == 0 || remote_ready(&remote)); i++)
		turn();
}

static void queue(size_t n)
{
	while (n-- > 0)
		chunkq_append(&remote.conn->out, &"0123456789"[n % 10], 1);
	conn_dirty(remote.conn);
}

/* ---- input -------------------------------------------------------------------------------------
 */

static void test_idle_holds_no_memory(void **state)
{
	long before = mem_live();

	remote_send(&remote, "abc", 3);
	before += 1; /* the remote's own buffer */
	settle();
	assert_bytes(seen.took, "abc");
	assert_null(remote.conn->in);
	assert_null(remote.conn->out.head);
	assert_non_null(pool.spare);              /* kept for the next one */
	assert_int_equal(mem_live(), before + 2); /* the spare and seen.took */
	assert_int_equal(remote.watching, EV_READ);
}

static void test_unread_input_is_kept(void **state)
{
	seen.take = false;
	remote_send(&remote, "abc", 3);
	settle();
	remote_send(&remote, "def", 3);
	settle();
	assert_int_equal(seen.input, 2);
	assert_bytes(conn_input(remote.conn), "abcdef");
	conn_consume(remote.conn, 2);
	assert_bytes(conn_input(remote.conn), "cdef");
	remote_send(&remote, "gh", 2);
	settle();
	assert_bytes(conn_input(remote.conn), "cdefgh");
	conn_consume(remote.conn, 6);
	assert_null(remote.conn->in);
}

static void test_full_input_stops_reading(void **state)
{
	size_t n = CONN_IN_BYTES + 1000;
	char *many = mem_zalloc(n);

	seen.take = false;
	remote_send(&remote, many, n);
	settle();
	assert_int_equal(conn_input(remote.conn).n, CONN_IN_BYTES);
	assert_int_equal(remote.sent.n, 1000);
	assert_int_equal(remote.watching, 0);
	conn_consume(remote.conn, 10);
	assert_int_equal(remote.watching, EV_READ);
	settle();
	assert_int_equal(conn_input(remote.conn).n, CONN_IN_BYTES);
	assert_int_equal(remote.sent.n, 990);
	conn_consume(remote.conn, CONN_IN_BYTES);
	settle();
	assert_int_equal(conn_input(remote.conn).n, 990);
	mem_free(many);
}

static void test_pause(void **state)
{
	conn_pause(remote.conn, true);
	remote_send(&remote, "abc", 3);
	settle();
	assert_int_equal(seen.input, 0);
	assert_int_equal(remote.watching, 0);
	conn_pause(remote.conn, false);
	settle();
	assert_int_equal(seen.input, 1);
}

static void test_feed_later(void **state)
{
	seen.take = false;
	remote_send(&remote, "abc", 3);
	settle();
	conn_feed_later(remote.conn);
	conn_feed_later(remote.conn);
	turn();
	assert_int_equal(seen.input, 2);
	turn();
	assert_int_equal(seen.input, 2);
	conn_feed_later(remote.conn);
	conn_finish(remote.conn); /* parses nothing more */
	turn();
	assert_int_equal(seen.input, 2);
}

static void test_eof(void **state)
{
	remote_send(&remote, "abc", 3);
	remote_fin(&remote);
	settle();
	assert_bytes(seen.took, "abc");
	assert_int_equal(seen.eof, 1);
	assert_int_equal(remote.watching, 0);
	assert_int_equal(seen.closed, 0);
	queue(5); /* half-closed: answers still leave */
	settle();
	assert_bytes(remote.got, "43210");
	conn_finish(remote.conn);
	settle();
	assert_true(remote.shut && remote.closed); /* nothing to linger for */
	assert_int_equal(seen.why, CLOSE_DONE);
}

static void test_reset_by_peer(void **state)
{
	remote_reset(&remote);
	settle();
	assert_int_equal(seen.why, CLOSE_RESET);
	assert_true(remote.closed);
}

/* ---- output ------------------------------------------------------------------------------------
 */

static void test_one_write_for_all(void **state)
{
	queue(3);
	queue(30000); /* several blocks */
	settle();
	assert_int_equal(remote.writes, 1);
	assert_int_equal(remote.got.n, 30003);
	assert_int_equal(remote.watch_calls, 1); /* the one of the start */
	assert_null(remote.conn->out.head);
}

static void test_short_writes(void **state)
{
	for (size_t k = 1; k < 5000; k = k * 3 + 1) {
		buf_clear(&remote.got);
		remote.short_write = k;
		queue(20000);
		turn();
		assert_int_equal(remote.got.n, k);
		assert_int_equal(remote.watching, EV_READ | EV_WRITE);
		settle();
		assert_int_equal(remote.got.n, 20000);
		for (size_t i = 0; i < 20000; i++)
			assert_int_equal(remote.got.p[i], "0123456789"[(19999 - i) % 10]);
		assert_int_equal(remote.watching, EV_READ);
	}
}

static void test_reset_while_writing(void **state)
{
	static const size_t at[] = {0, 1, 4999, 5000, 9999};

	(void)state;
	remote.short_write = 1000;
	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		if (i > 0) {
			loop_turn(&loop);
			remote_fini(&remote);
			memset(&seen, 0, sizeof(seen));
			remote_open(&remote, &pool, accept_test);
			remote.short_write = 1000;
		}
		remote.reset_at = at[i];
		queue(10000);
		settle();
		assert_true(remote.closed);
		assert_int_equal(seen.why, CLOSE_RESET);
		assert_int_equal(seen.closed, 1);
	}
}

static void test_write_timeout(void **state)
{
	remote.window = 100;
	queue(1000);
	settle();
	fake_clock_advance(pool.write_timeout_us - 1);
	turn();
	assert_int_equal(seen.closed, 0);
	remote.window = 1; /* progress gives new time */
	settle();
	fake_clock_advance(pool.write_timeout_us - 1);
	turn();
	conn_dirty(remote.conn); /* a try that takes nothing does not */
	turn();
	assert_int_equal(seen.closed, 0);
	fake_clock_advance(2);
	turn();
	assert_int_equal(seen.closed, 1);
	assert_int_equal(seen.why, CLOSE_SLOW_WRITE);
	assert_int_equal(remote.got.n, 101);
}

static void test_full_and_room(void **state)
{
	pool.high_water = 1000;
	remote.window = 0;
	queue(999);
	assert_false(conn_full(remote.conn));
	queue(1);
	assert_true(conn_full(remote.conn));
	settle();
	remote.window = 499;
	settle();
	assert_int_equal(seen.room, 0);
	assert_false(conn_full(remote.conn)); /* asking does not take the promise back */
	remote.window = 1;
	settle();
	assert_int_equal(seen.room, 1);
	remote.window = REMOTE_UNLIMITED;
	settle();
	assert_int_equal(seen.room, 1);
}

/* A late time-out reads once more, whatever is there: no room is not the end of input. */
static void test_readable_when_full(void **state)
{
	static char bytes[CONN_IN_BYTES + 1];

	seen.take = false;
	memset(bytes, 'x', sizeof(bytes));
	remote_send(&remote, bytes, sizeof(bytes));
	settle();
	assert_int_equal(conn_input(remote.conn).n, CONN_IN_BYTES);
	conn_readable(remote.conn);
	assert_false(remote.conn->eof);
	assert_int_equal(remote.conn->state, CONN_OPEN);
}

/* ---- files -------------------------------------------------------------------------------------
 */

static int temporary(size_t n)
{
	char name[] = "/tmp/conn-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(write(fd, &"0123456789"[i % 10], 1), 1);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void test_file_behind_the_queue(void **state)
{
	int fd = temporary(20000);

	queue(3);
	conn_send_file(remote.conn, fd, 10, 15000);
	assert_true(conn_full(remote.conn));
	turn();
	assert_true(remote.got.n >= 3);
	settle();
	assert_int_equal(remote.got.n, 15003);
	assert_memory_equal(remote.got.p, "2100123456789012", 16);
	assert_false(is_open(fd));
	assert_int_equal(seen.room, 1);
	assert_false(conn_full(remote.conn));
}

static void test_file_of_nothing(void **state)
{
	int fd = temporary(0);

	conn_send_file(remote.conn, fd, 0, 0);
	settle();
	assert_false(is_open(fd));
	assert_int_equal(remote.got.n, 0);
	assert_int_equal(seen.closed, 0);
}

static void test_file_too_short(void **state)
{
	int fd = temporary(100);

	conn_send_file(remote.conn, fd, 0, 200);
	settle();
	assert_false(is_open(fd));
	assert_int_equal(remote.got.n, 100);
	assert_int_equal(seen.why, CLOSE_APP);
}

/* However fast the peer is, the others have their turn before the next piece. */
static void test_file_in_turns(void **state)
{
	const size_t size = 5 * 1024 * 1024;
	int fd = temporary(10);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	conn_send_file(remote.conn, fd, 0, size);
	turn();
	assert_in_range(remote.got.n, 1, size / 2);
	settle();
	assert_int_equal(remote.got.n, size);
	assert_false(is_open(fd));
}

static void test_file_and_a_peer_that_leaves(void **state)
{
	int fd = temporary(20000);

	remote.reset_at = 9000;
	conn_send_file(remote.conn, fd, 0, 20000);
	settle();
	assert_false(is_open(fd));
	assert_int_equal(seen.why, CLOSE_RESET);
}

static void test_file_and_a_slow_peer(void **state)
{
	int fd = temporary(20000);

	remote.window = 5000;
	conn_send_file(remote.conn, fd, 0, 20000);
	settle();
	fake_clock_advance(pool.write_timeout_us - 1);
	remote.window = 5000;
	settle();
	fake_clock_advance(pool.write_timeout_us - 1);
	turn();
	assert_int_equal(seen.closed, 0);
	fake_clock_advance(2);
	turn();
	assert_int_equal(seen.why, CLOSE_SLOW_WRITE);
	assert_false(is_open(fd));
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static void test_finish_lets_the_queue_leave(void **state)
{
	remote.short_write = 100;
	queue(1000);
	conn_finish(remote.conn);
	conn_finish(remote.conn); /* once is enough */
	remote_send(&remote, "more", 4);
	settle();
	assert_int_equal(remote.got.n, 1000);
	assert_true(remote.shut);
	assert_false(remote.closed); /* lingers */
	assert_int_equal(seen.input, 0);
	assert_int_equal(remote.sent.n, 0); /* read and dropped */
	remote_fin(&remote);
	settle();
	assert_true(remote.closed);
	assert_int_equal(seen.why, CLOSE_DONE);
}

static void test_finish_with_input_unread(void **state)
{
	seen.take = false;
	remote_send(&remote, "abc", 3);
	settle();
	conn_finish(remote.conn);
	settle();
	assert_true(remote.shut);
	assert_null(remote.conn->in);
	remote_fin(&remote);
	settle();
	assert_true(remote.closed);
}

static void test_finish_while_paused(void **state)
{
	conn_pause(remote.conn, true);
	conn_finish(remote.conn);
	remote_send(&remote, "abc", 3);
	remote_fin(&remote);
	settle();
	assert_true(remote.closed);
}

static void test_linger_has_an_end(void **state)
{
	conn_finish(remote.conn);
	settle();
	fake_clock_advance(CLOCK_SECOND - 1);
	turn();
	assert_false(remote.closed);
	fake_clock_advance(2);
	turn();
	assert_true(remote.closed);
	assert_int_equal(seen.slow, 0);
}

static void test_linger_drops_so_much(void **state)
{
	char *many = mem_zalloc(1 << 20);

	conn_finish(remote.conn);
	for (int i = 0; i < 4; i++)
		remote_send(&remote, many, 1 << 20);
	settle();
	assert_true(remote.closed);
	assert_true(remote.sent.n > 2 << 20);
	mem_free(many);
}

static void test_reset_while_lingering(void **state)
{
	conn_finish(remote.conn);
	settle();
	remote_reset(&remote);
	settle();
	assert_true(remote.closed);
}

static void test_close_in_each_state(void **state)
{
	for (int i = 0; i < 3; i++) {
		if (i > 0) {
			loop_turn(&loop);
			remote_fini(&remote);
			memset(&seen, 0, sizeof(seen));
			remote_open(&remote, &pool, accept_test);
		}
		remote.window = i == 1 ? 0 : REMOTE_UNLIMITED;
		if (i > 0) {
			queue(10);
			conn_finish(remote.conn);
		}
		turn();
		assert_int_equal(remote.conn->state, i == 0   ? CONN_OPEN
						     : i == 1 ? CONN_CLOSING
							      : CONN_LINGER);
		struct conn *c = remote.conn;

		conn_close(c, CLOSE_IDLE);
		conn_close(c, CLOSE_RESET); /* the first reason counts */
		assert_int_equal(seen.closed, 1);
		assert_int_equal(seen.why, CLOSE_IDLE);
		assert_int_equal(seen.release, 0); /* reaped later */
	}
}

static void test_read_deadline(void **state)
{
	conn_read_within(remote.conn, 10 * CLOCK_SECOND);
	fake_clock_advance(9 * CLOCK_SECOND);
	turn();
	conn_read_within(remote.conn, 10 * CLOCK_SECOND); /* later */
	fake_clock_advance(9 * CLOCK_SECOND);
	turn();
	assert_int_equal(seen.slow, 0);
	conn_read_within(remote.conn, CLOCK_SECOND / 2); /* earlier */
	fake_clock_advance(CLOCK_SECOND / 2);
	turn();
	assert_int_equal(seen.slow, 1);
	conn_read_within(remote.conn, CLOCK_SECOND);
	conn_read_within(remote.conn, 0);
	fake_clock_advance(100 * CLOCK_SECOND);
	turn();
	assert_int_equal(seen.slow, 1);
}

static void test_drain_tells_open_ones(void **state)
{
	conn_pool_drain(&pool);
	assert_int_equal(seen.drain, 1);
	conn_finish(remote.conn);
	conn_pool_drain(&pool);
	assert_int_equal(seen.drain, 1);
}

static unsigned released;

static void count_release(struct conn_pool *p)
{
	released++;
}

static void test_release_is_told(void **state)
{
	released = 0;
	pool.on_release = count_release;
	conn_close(remote.conn, CLOSE_DONE);
	assert_int_equal(released, 0);
	turn();
	assert_int_equal(released, 1);
	assert_int_equal(pool.count, 0);
}

static void test_reason_names(void **state)
{
	assert_string_equal(close_reason_name(CLOSE_DONE), "done");
	assert_string_equal(close_reason_name(CLOSE_DRAIN), "drain");
}

/* ---- over a socket -----------------------------------------------------------------------------
 */

static size_t drain_socket(int fd, char *to, size_t cap)
{
	size_t n = 0;
	ssize_t got;

	while (n < cap && (got = recv(fd, to + n, cap - n, MSG_DONTWAIT)) > 0)
		n += (size_t)got;
	return n;
}

/* The real transport: head and file through a socketpair that holds only a part of them. */
static void test_file_over_a_socket(void **state)
{
	enum {
		SIZE = 1 << 20
	};
	int pair[2], fd = temporary(10);
	char *got = mem_alloc(SIZE + 100);
	struct conn *c;
	size_t n = 0;

	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	conn_close(remote.conn, CLOSE_DONE);
	loop_turn(&loop);
	memset(&seen, 0, sizeof(seen));
	c = conn_new(&pool, &transport_tcp, pair[0]);
	c->proto = &proto;
	conn_start(c);
	chunkq_append(&c->out, "head", 4);
	conn_send_file(c, fd, 0, SIZE);
	conn_finish(c);
	for (int i = 0; i < 100000 && c->state != CONN_LINGER; i++) {
		ev_run(loop.ev, EVRUN_NOWAIT);
		n += drain_socket(pair[1], got + n, SIZE + 100 - n);
	}
	n += drain_socket(pair[1], got + n, SIZE + 100 - n);
	assert_int_equal(n, SIZE + 4);
	assert_memory_equal(got, "head0123456789\0\0", 16);
	assert_false(is_open(fd));
	assert_int_equal(recv(pair[1], got, 1, 0), 0); /* FIN */
	assert_false(transport_tcp.hung_up(c));
	close(pair[1]);
	assert_true(transport_tcp.hung_up(c));
	for (int i = 0; i < 10 && pool.count > 0; i++)
		ev_run(loop.ev, EVRUN_NOWAIT);
	assert_int_equal(pool.count, 0);
	assert_false(is_open(pair[0]));
	mem_free(got);
}

static void test_input_over_a_socket(void **state)
{
	int pair[2];
	struct conn *c;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	conn_close(remote.conn, CLOSE_DONE);
	loop_turn(&loop);
	memset(&seen, 0, sizeof(seen));
	seen.take = true;
	c = conn_new(&pool, &transport_tcp, pair[0]);
	c->proto = &proto;
	conn_start(c);
	assert_int_equal(write(pair[1], "hello", 5), 5);
	ev_run(loop.ev, EVRUN_NOWAIT);
	ev_run(loop.ev, EVRUN_NOWAIT);
	assert_bytes(seen.took, "hello");
	close(pair[1]);
	ev_run(loop.ev, EVRUN_NOWAIT);
	assert_int_equal(seen.eof, 1);
	chunkq_append(&c->out, "x", 1);
	conn_dirty(c);
	ev_run(loop.ev, EVRUN_NOWAIT); /* no SIGPIPE */
	assert_int_equal(seen.why, CLOSE_RESET);
	ev_run(loop.ev, EVRUN_NOWAIT);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_idle_holds_no_memory),
		T(test_unread_input_is_kept),
		T(test_full_input_stops_reading),
		T(test_readable_when_full),
		T(test_pause),
		T(test_feed_later),
		T(test_eof),
		T(test_reset_by_peer),
		T(test_one_write_for_all),
		T(test_short_writes),
		T(test_reset_while_writing),
		T(test_write_timeout),
		T(test_full_and_room),
		T(test_file_behind_the_queue),
		T(test_file_of_nothing),
		T(test_file_too_short),
		T(test_file_in_turns),
		T(test_file_and_a_peer_that_leaves),
		T(test_file_and_a_slow_peer),
		T(test_finish_lets_the_queue_leave),
		T(test_finish_with_input_unread),
		T(test_finish_while_paused),
		T(test_linger_has_an_end),
		T(test_linger_drops_so_much),
		T(test_reset_while_lingering),
		T(test_close_in_each_state),
		T(test_read_deadline),
		T(test_drain_tells_open_ones),
		T(test_release_is_told),
		T(test_reason_names),
		T(test_file_over_a_socket),
		T(test_input_over_a_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
