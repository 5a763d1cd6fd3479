/* What a conversation (tests/wire) cannot say: memory, system calls, counters, several at once. */
#include "check.h"

#include "app.h"
#include "base/mem.h"
#include "http/h1.h"
#include "net/stats.h"
#include "world.h"

static int setup(void **state)
{
	world_open();
	return 0;
}

static int teardown(void **state)
{
	assert_null(world_close());
	return 0;
}

static void say(struct remote *p, const char *text)
{
	remote_send(p, text, strlen(text));
	world_settle();
}

static unsigned count_of(const struct remote *p, const char *text)
{
	unsigned n = 0;
	const char *at = p->got.p, *end = p->got.p + p->got.n;

	while (at < end && (at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL) {
		n++;
		at++;
	}
	return n;
}

static const char hello[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

/* One read and one write for a request, and nothing is told to the poller. */
static void test_system_calls(void **state)
{
	struct remote *p = world_remote();

	for (unsigned i = 1; i <= 100; i++) {
		say(p, hello);
		assert_int_equal(p->writes, i);
		assert_int_equal(p->write_tries, i);
	}
	assert_int_equal(p->watch_calls, 1);
	assert_int_equal(count_of(p, "200 OK"), 100);
}

/* The next requests cost no memory, and an idle connection holds none. */
static void test_memory_of_a_connection(void **state)
{
	struct remote *p = world_remote();
	long after_one, idle;

	idle = mem_live();
	say(p, hello);
	after_one = mem_live();
	for (int i = 0; i < 50; i++)
		say(p, hello);
	assert_int_equal(mem_live(), after_one);
	assert_null(p->conn->in);
	assert_null(p->conn->out.head);
	/* what is left is shared by all: the pages of slabs, cached blocks, the test's records */
	assert_true(after_one - idle < 16);
}

/* A head that comes a byte at a time is not paid for at each byte. */
static void test_memory_of_a_slow_head(void **state)
{
	struct remote *p = world_remote();
	long before;

	say(p, "GET /");
	before = mem_live();
	for (int i = 0; i < 8000; i++)
		say(p, "x");
	say(p, " HTTP/1.1\r\nHost: a\r\nX: ");
	for (int i = 0; i < 7000; i++)
		say(p, "y");
	assert_true(mem_live() - before < 24);
	say(p, "\r\n\r\n");
	assert_int_equal(count_of(p, "200 OK"), 1);
}

static void test_counters(void **state)
{
	int64_t requests = STATS_GET(requests), refused = STATS_GET(refused);
	struct remote *p = world_remote(), *q = world_remote();

	say(p, hello);
	say(p, hello);
	say(q, "GET / HTTP/1.1\r\n\r\n");
	assert_int_equal(STATS_GET(requests), requests + 2);
	assert_int_equal(STATS_GET(refused), refused + 1);
	assert_int_equal(STATS_GET(exchanges_now), 0);
	say(p, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(STATS_GET(exchanges_now), 1);
}

static void test_several(void **state)
{
	struct remote *p[4];

	for (int i = 0; i < 4; i++) {
		p[i] = world_remote();
		say(p[i], "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
	}
	assert_int_equal(app_seen.live, 4);
	remote_reset(p[1]);
	world_settle();
	assert_int_equal(app_seen.live, 3);
	app_go();
	world_settle();
	for (int i = 0; i < 4; i++)
		assert_int_equal(count_of(p[i], "hello\n"), i != 1);
}

/* Reset after each byte of an answer: nothing is left, whatever was done by then. */
static void test_reset_at_each_byte(void **state)
{
	static const char *const paths[] = {"/hello", "/stream/3/5", "/trailers", "/file/0/10",
		"/slow-stream", "/echo", "/early-hint"};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		for (size_t at = 0; at < 300; at++) {
			char text[200];
			struct remote *p;

			if (world.remotes_n == ARRAY_LEN(world.remotes)) {
				teardown(state);
				setup(state);
			}
			p = world_remote();
			p->reset_at = at;
			p->short_write = at % 3 * 10;
			snprintf(text, sizeof(text),
				"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc%s",
				paths[i], hello);
			say(p, text);
			app_go();
			world_settle();
			if (p->got.n > at)
				fail_msg("%s: more than %zu bytes", paths[i], at);
		}
	}
}

/* The peer resets when so much of its request was sent. */
static void test_reset_while_sending(void **state)
{
	static const char text[] =
		"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n3;x=y\r\ndef\r\n0\r\nX: y\r\n\r\nGET /hello HTTP/1.1\r\n";

	for (size_t at = 0; at < sizeof(text); at++) {
		for (int fin = 0; fin < 2; fin++) {
			struct remote *p;

			if (world.remotes_n == ARRAY_LEN(world.remotes)) {
				teardown(state);
				setup(state);
			}
			p = world_remote();
			remote_send(p, text, at);
			world_settle();
			if (fin)
				remote_fin(p);
			else
				remote_reset(p);
			world_settle();
			assert_true(p->closed || p->shut);
			assert_int_equal(app_seen.live, 0);
		}
	}
}

/* The worker ends at once, whatever is going on. */
static void test_closed_at_once(void **state)
{
	static const char *const texts[] = {"", "GET /he",
		"POST /count HTTP/1.1\r\nHost: a\r\n"
		"Content-Length: 5\r\n\r\nab",
		"GET /never HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /slow-stream HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /stream/100/60000 HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /hello HTTP/1.1\r\nHost: a\r\n"
		"Content-Length: 5\r\n\r\nab"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct remote *p = world_remote();

		p->window = 100;
		say(p, texts[i]);
	}
	conn_pool_close_all(&world.pool, CLOSE_DRAIN);
	world_settle();
	assert_int_equal(world.pool.count, 0);
	assert_int_equal(app_seen.live, 0);
	assert_int_equal(app_seen.gone, GONE_SHUTDOWN);
}

/* An application without room for one more task answers while the head is still being handed over.
 */
static void test_answered_at_once(void **state)
{
	static const char *const texts[] = {
		"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
		"POST /a HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
	};

	app_seen.refuse = true;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct remote *p = world_remote();

		say(p, texts[i]);
		assert_int_equal(count_of(p, "HTTP/1.1 500"), 1);
		assert_true(p->shut || p->closed);
	}
	struct remote *p = world_remote();

	say(p, hello);
	say(p, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
	say(p, hello);
	assert_int_equal(count_of(p, "HTTP/1.1 500"), 3);
	app_seen.refuse = false;
	conn_pool_close_all(&world.pool, CLOSE_DRAIN);
	world_settle();
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_system_calls),
		T(test_memory_of_a_connection),
		T(test_memory_of_a_slow_head),
		T(test_counters),
		T(test_several),
		T(test_reset_at_each_byte),
		T(test_reset_while_sending),
		T(test_closed_at_once),
		T(test_answered_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
