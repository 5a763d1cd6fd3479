#include "check.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "fake_clock.h"
#include "net/acceptor.h"
#include "net/stats.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

static struct loop loop;
static struct conn_pool pool;
static struct acceptor acceptor;
static int listen_fd;
static struct sockaddr_in where;
static unsigned accepted, paused_lines;
static const struct listener *last_listener;
static long live;
static int64_t refused_before;

static void on_input(struct conn *c)
{
	conn_consume(c, conn_input(c).n);
}

static void on_eof(struct conn *c)
{
	conn_close(c, CLOSE_PEER);
}

static void nothing(struct conn *c)
{
}

static void on_closed(struct conn *c, enum close_reason why)
{
}

static const struct conn_proto proto = {
	.name = "test",
	.input = on_input,
	.eof = on_eof,
	.room = nothing,
	.slow = nothing,
	.drain = nothing,
	.closed = on_closed,
	.release = nothing,
};

static void on_accept(struct conn *c)
{
	c->proto = &proto;
	accepted++;
	last_listener = c->listener;
}

static void on_release(struct conn_pool *p)
{
	acceptor_room(&acceptor);
}

static void count_log(void *arg, const char *bytes, size_t n)
{
	if (memmem(bytes, n, "accept.", 7) != NULL)
		paused_lines++;
}

static void open_with(unsigned max)
{
	socklen_t len = sizeof(where);

	arena_drop_cache();
	chunkq_drop_cache();
	live = mem_live();
	accepted = paused_lines = 0;
	refused_before = STATS_GET(connections_refused);
	log_set_sink(count_log, NULL);
	fake_clock_start();
	loop_init(&loop);
	conn_pool_init(&pool, &loop);
	pool.on_release = on_release;
	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	where = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(listen_fd, (struct sockaddr *)&where, sizeof(where)), 0);
	assert_int_equal(listen(listen_fd, 64), 0);
	assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&where, &len), 0);
	acceptor_init(&acceptor, &pool, max, on_accept);
	acceptor_add(&acceptor, &listen_fd, 1);
	acceptor_start(&acceptor);
}

static int close_all(void **state)
{
	acceptor_stop(&acceptor);
	conn_pool_close_all(&pool, CLOSE_DRAIN);
	loop_turn(&loop);
	assert_int_equal(pool.count, 0);
	acceptor_fini(&acceptor);
	conn_pool_fini(&pool);
	loop_fini(&loop);
	close(listen_fd);
	fake_clock_stop();
	log_set_sink(NULL, NULL);
	assert_int_equal(mem_live(), live);
	return 0;
}

static int call(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof(where)), 0);
	return fd;
}

static void turn(void)
{
	for (int i = 0; i < 5; i++)
		ev_run(loop.ev, EVRUN_NOWAIT);
}

static void test_accepts(void **state)
{
	int fds[40];

	open_with(100);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = call();
	turn();
	assert_int_equal(accepted, ARRAY_LEN(fds));
	assert_int_equal(pool.count, ARRAY_LEN(fds));
	assert_ptr_equal(last_listener, &acceptor.listeners[0]);
	struct conn *c = container_of(pool.all.next, struct conn, all);

	assert_int_equal(c->peer.sa.sa_family, AF_INET);
	assert_int_equal(c->peer.in4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_memory_equal(&acceptor.listeners[0].address, &where, sizeof(where));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	turn();
	assert_int_equal(pool.count, 0);
}

static void test_max_connections(void **state)
{
	int fds[5];

	open_with(3);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = call();
	turn();
	assert_int_equal(accepted, 3);
	assert_false(acceptor.listening); /* it does not spin */
	assert_int_equal(paused_lines, 1);
	close(fds[0]);
	turn();
	assert_int_equal(accepted, 4); /* who waited in the backlog */
	assert_int_equal(pool.count, 3);
	close(fds[1]);
	close(fds[2]);
	turn();
	assert_int_equal(accepted, 5);
	assert_true(acceptor.listening);
	close(fds[3]);
	close(fds[4]);
	turn();
}

/* Descriptors below the limit are all taken; the newcomer is turned away and not left waiting. */
static void test_out_of_descriptors(void **state)
{
	struct rlimit before, low;
	int clients[3], highest;
	char byte;

	open_with(100);
	clients[0] = call();
	clients[1] = call();
	turn();
	assert_int_equal(accepted, 2);
	clients[2] = call();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	highest = dup(0);
	close(highest);
	low = (struct rlimit){.rlim_cur = (rlim_t)highest, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	turn();
	assert_int_equal(accepted, 2);
	assert_int_equal(paused_lines, 1);
	assert_false(acceptor.listening);
	assert_true(acceptor.reserve_fd >= 0); /* taken back */
	assert_int_equal(STATS_GET(connections_refused), refused_before + 1);
	assert_true(recv(clients[2], &byte, 1, 0) <= 0);
	turn();
	assert_int_equal(accepted, 2);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	close(clients[2]);
	clients[2] = call();
	turn();
	assert_int_equal(accepted, 2); /* still pausing */
	fake_clock_advance(CLOCK_SECOND);
	deadlines_run(&loop.deadlines, clock_now_us());
	turn();
	assert_int_equal(accepted, 3);
	assert_true(acceptor.listening);
	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		close(clients[i]);
	turn();
}

static void test_stop_is_for_good(void **state)
{
	int fd;

	open_with(1);
	fd = call();
	turn();
	assert_int_equal(accepted, 1);
	acceptor_stop(&acceptor);
	acceptor_stop(&acceptor);
	close(fd);
	fd = call();
	turn();
	assert_int_equal(accepted, 1);
	assert_int_equal(pool.count, 0);
	close(fd);
}

#define T(fn) cmocka_unit_test_teardown(fn, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_accepts),
		T(test_max_connections),
		T(test_out_of_descriptors),
		T(test_stop_is_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
