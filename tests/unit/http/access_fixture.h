#ifndef TESTS_UNIT_HTTP_ACCESS_FIXTURE_H
#define TESTS_UNIT_HTTP_ACCESS_FIXTURE_H

/* What the tests of the access log share: a sink that keeps the last line, a clock that stands. */

#include "stub_exchange.h"

#include "http/access_log.h"

static char line[512 * 1024]; /* what the sink was given last, as a string */
static size_t line_n, lines;
static int sink_arg;
static uint64_t now_us;

static void sink(void *arg, const char *bytes, size_t n)
{
	assert_ptr_equal(arg, &sink_arg);
	assert_true(n < sizeof(line));
	memcpy(line, bytes, n);
	line[n] = '\0';
	line_n = n;
	lines++;
}

static uint64_t test_clock(void)
{
	return now_us;
}

static int setup(void **state)
{
	now_us = 5000000;
	clock_set_source(test_clock);
	access_log_set_sink(sink, &sink_arg);
	lines = 0;
	return zero_setup(state);
}

static int teardown(void **state)
{
	clock_set_source(NULL);
	access_log_set_sink(NULL, NULL);
	return zero_teardown(state);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* A request that was answered, with everything that can be told about one. */
static inline void fill(struct stub *s)
{
	struct exchange *ex = &s->ex;

	stub_init(s);
	stub_peer(s, "192.0.2.7", 4711);
	ex->head.method = SPAN("POST");
	ex->head.target = SPAN("/a%20b?x=1&y");
	ex->head.path = SPAN("/a b");
	ex->head.query = SPAN("x=1&y");
	ex->head.major = ex->head.minor = 1;
	stub_field(s, "host", SPAN("example.org"));
	stub_field(s, "referer", SPAN("https://example.org/"));
	stub_field(s, "user-agent", SPAN("curl/8.0 (\"quoted\")"));
	stub_field(s, "x-id", SPAN("first"));
	stub_field(s, "x-id", SPAN("second"));
	stub_field(s, "x-empty", SPAN(""));
	ex->status = 201;
	ex->out_total = 1234;
	ex->in_total = 56;
	ex->opened_us = 1000000;
	ex->begun_us = 1000250;
	ex->lua_us = 1000;
}

static inline void compile(const char *format)
{
	char err[1024] = "";

	if (access_log_compile(format, err, sizeof(err)) != 0)
		fail_msg("%s: %s", format, err);
}

static inline void check(const struct exchange *ex, const char *format, const char *want)
{
	compile(format);
	access_log_write(ex);
	assert_true(line_n > 0 && line[line_n - 1] == '\n');
	line[line_n - 1] = '\0';
	assert_string_equal(line, want);
}

#endif
