#include "check.h"

#include "base/ansi.h"
#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>

static struct buf got;
static int calls;

static void catch (void *arg, const char *bytes, size_t n)
{
	assert_ptr_equal(arg, &got);
	buf_append(&got, bytes, n);
	calls++;
	errno = ENOSPC; /* which must not reach who logs */
}

static int setup(void **state)
{
	zero_setup(state);
	calls = 0;
	log_set_sink(catch, &got);
	return 0;
}

static int teardown(void **state)
{
	log_set_sink(NULL, NULL);
	log_set_level(LOG_INFO);
	log_set_format(LOG_FORMAT_TEXT);
	log_set_field(NULL, NULL);
	buf_fini(&got);
	return zero_teardown(state);
}

#define LOG_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* What was caught since the last time, in one call, without its time. */
static const char *caught(void)
{
	static const char pattern[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	bool json = got.n > 0 && got.p[0] == '{';
	const char *s = buf_cstr(&got) + (json ? strlen("{\"time\":\"") : 0);

	assert_int_equal(calls, 1);
	calls = 0;
	assert_true(got.n > sizeof(pattern) + 9);
	assert_int_equal(got.p[got.n - 1], '\n');
	for (size_t i = 0; pattern[i]; i++)
		assert_true(pattern[i] == 'd' ? s[i] >= '0' && s[i] <= '9' : s[i] == pattern[i]);
	got.n = 0;
	return s + strlen(pattern) + (json ? 0 : 1);
}

/* ---- a judge of JSON that shares nothing with the writer ---- */

static const char *skip_string(const char *p)
{
	assert_int_equal(*p, '"');
	for (p++; *p != '"'; p++) {
		assert_true((unsigned char)*p >= 0x20);
		if (*p != '\\')
			continue;
		p++;
		if (*p == 'u') {
			assert_int_equal(strspn(p + 1, "0123456789abcdefABCDEF") >= 4, 1);
			p += 4;
		} else {
			assert_true(*p && strchr("\"\\/bfnrt", *p));
		}
	}
	return p + 1;
}

static const char *skip_number(const char *p)
{
	p += *p == '-';
	assert_true(*p >= '0' && *p <= '9');
	p += *p == '0' ? 1 : strspn(p, "0123456789");
	if (*p == '.') {
		assert_true(p[1] >= '0' && p[1] <= '9');
		p += 1 + strspn(p + 1, "0123456789");
	}
	if (*p == 'e') {
		p += 1 + (p[1] == '-' || p[1] == '+');
		assert_true(*p >= '0' && *p <= '9');
		p += strspn(p, "0123456789");
	}
	return p;
}

static void assert_json_object(const char *p)
{
	assert_int_equal(*p, '{');
	do {
		p = skip_string(p + 1);
		assert_int_equal(*p++, ':');
		if (*p == '"')
			p = skip_string(p);
		else if (strncmp(p, "null", 4) == 0 || strncmp(p, "true", 4) == 0)
			p += 4;
		else
			p = skip_number(p);
	} while (*p == ',');
	assert_string_equal(p, "}\n");
}

/* Decodes to code points and back: only the shortest form of a real character survives. */
static void assert_utf8(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		int more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
		uint32_t c = more ? *p & (0x3fu >> more) : *p, least = more > 2 ? 0x10000 : 0x800;

		assert_true(*p < 0x80 || *p >= 0xc2);
		for (int i = 0; i < more; i++) {
			assert_int_equal(p[1] & 0xc0, 0x80);
			c = c << 6 | (*++p & 0x3f);
		}
		assert_true(more < 2 || c >= least);
		assert_true(c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff));
	}
}

/* ---- records ---- */

static void write_sample(void)
{
	struct log_line l;

	log_begin(&l, LOG_ERROR, "app.error");
	log_str(&l, "path", SPAN("/x y"));
	log_int(&l, "status", 500);
	log_num(&l, "seconds", 0.25);
	log_text(&l, "traceback", SPAN("a:1: boom\n\t[C]: in \"f\"\n"));
	log_cstr(&l, "route", "/x");
	log_end(&l);
}

static void test_text(void **state)
{
	write_sample();
	assert_string_equal(caught(),
		"error app.error path=\"/x y\" status=500 seconds=0.25 route=/x\n"
		"\ta:1: boom\n\t\t[C]: in \"f\"\n");
}

static void test_json(void **state)
{
	log_set_format(LOG_FORMAT_JSON);
	write_sample();
	assert_string_equal(caught(),
		"\",\"level\":\"error\",\"event\":\"app.error\",\"path\":\"/x y\",\"status\":500,"
		"\"seconds\":0.25,\"route\":\"/x\","
		"\"traceback\":\"a:1: boom\\n\\t[C]: in \\\"f\\\"\\n\"}\n");
	assert_json_object(got.p);
}

static void test_values(void **state)
{
	static const struct {
		struct span value;
		const char *text, *json;
	} rows[] = {
		{SPAN("/x"), "k=/x\n", "\"k\":\"/x\"}\n"},
		{SPAN(""), "k=\"\"\n", "\"k\":\"\"}\n"},
		{{NULL, 0}, "k=\"\"\n", "\"k\":\"\"}\n"},
		{SPAN("a b"), "k=\"a b\"\n", "\"k\":\"a b\"}\n"},
		{SPAN("x\nerror forged=1"), "k=\"x\\nerror forged=1\"\n",
			"\"k\":\"x\\nerror forged=1\"}\n"},
		{SPAN("a\xff\"\\"), "k=\"a\\xff\\\"\\\\\"\n", "\"k\":\"a\\ufffd\\\"\\\\\"}\n"},
		{SPAN("\xc3\xbc"), "k=\xc3\xbc\n", "\"k\":\"\xc3\xbc\"}\n"},
	};

	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		const char *expected = i % 2 ? rows[i / 2].json : rows[i / 2].text, *s;
		struct log_line l;

		log_set_format(i % 2 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
		log_begin(&l, LOG_WARN, "e");
		log_str(&l, "k", rows[i / 2].value);
		log_end(&l);
		s = caught();
		assert_string_equal(s + strlen(s) - strlen(expected), expected);
	}
}

static void test_numbers(void **state)
{
	static const struct {
		double value;
		const char *text, *json;
	} rows[] = {
		{0, "0", "0"},
		{1, "1", "1"},
		{-1.5, "-1.5", "-1.5"},
		{100, "100", "100"},
		{0.001, "0.001", "0.001"},
		{0.1234567, "0.123457", "0.123457"},
		{1763883638.5, "1763883638.5", "1763883638.5"},
		{0.00001234, "1.234e-05", "1.234e-05"},
		{123456789012345, "123456789012345", "123456789012345"},
		{1e15, "1e+15", "1e+15"},
		{-1e300, "-1e+300", "-1e+300"},
		{5e-324, "4.94066e-324", "4.94066e-324"},
		{NAN, "nan", "null"},
		{INFINITY, "inf", "null"},
		{-INFINITY, "-inf", "null"},
	};

	/* A comma where the system has such a locale; an application may set one. */
	if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
		print_message("no locale with a comma here\n");
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		const char *s;
		char end[64];
		struct log_line l;

		log_set_format(i % 2 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
		snprintf(end, sizeof(end), i % 2 ? ":%s}\n" : "=%s\n",
			i % 2 ? rows[i / 2].json : rows[i / 2].text);
		log_begin(&l, LOG_WARN, "e");
		log_num(&l, "k", rows[i / 2].value);
		log_end(&l);
		s = caught();
		assert_string_equal(s + strlen(s) - strlen(end), end);
	}
	setlocale(LC_NUMERIC, "C");
}

static void test_int_limits(void **state)
{
	struct log_line l;

	log_begin(&l, LOG_WARN, "e");
	log_int(&l, "a", INT64_MIN);
	log_int(&l, "b", INT64_MAX);
	log_cstr(&l, "c", NULL);
	log_end(&l);
	assert_string_equal(
		caught(), "warn e a=-9223372036854775808 b=9223372036854775807 c=\"\"\n");
}

static void test_levels(void **state)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};

	for (int min = LOG_DEBUG; min <= LOG_ERROR; min++)
		for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
			struct log_line l;

			log_set_level((enum log_level)min);
			log_begin(&l, (enum log_level)level, "e");
			log_str(&l, "a", SPAN("b"));
			log_cstr(&l, "a", "b");
			log_int(&l, "a", 1);
			log_num(&l, "a", 1);
			log_text(&l, "a", SPAN("b"));
			log_end(&l);
			log_event((enum log_level)level, "e", "%d", 1);
			assert_int_equal(calls, level >= min ? 2 : 0);
			assert_int_equal(log_enabled((enum log_level)level), level >= min);
			calls = 0;
		}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(log_level_find(names[i]), i);
	assert_int_equal(log_level_find("INFO"), -1);
	assert_int_equal(log_level_find(""), -1);
}

static void test_field(void **state)
{
	log_set_field("worker", "2");
	log_event(LOG_INFO, "start", "hello %s", "you");
	assert_string_equal(caught(), "info start worker=2 message=\"hello you\"\n");
	log_set_format(LOG_FORMAT_JSON);
	log_event(LOG_INFO, "start", "hi");
	assert_non_null(strstr(caught(), "\"start\",\"worker\":\"2\",\"message\":\"hi\"}\n"));
	log_set_field(NULL, NULL);
	log_set_format(LOG_FORMAT_TEXT);
	log_event(LOG_INFO, "start", "hi");
	assert_string_equal(caught(), "info start message=hi\n");
}

/* Keys and events of an application forge nothing either. */
static void test_keys(void **state)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, "my event\n");
	log_int(&l, "a b=\"", 1);
	log_int(&l, "", 2);
	log_end(&l);
	assert_string_equal(caught(), "info my_event_ a_b__=1 _=2\n");
}

static void test_long_value(void **state)
{
	static char value[2 * LOG_VALUE_MAX], expected[3 * LOG_VALUE_MAX];

	memset(value, 'v', sizeof(value) - 1);
	log_event(LOG_INFO, "e", "%s", value);
	snprintf(expected, sizeof(expected), "info e message=%.*s...[cut]\n", LOG_VALUE_MAX, value);
	assert_string_equal(caught(), expected);
	value[LOG_VALUE_MAX] = '\0'; /* just fits */
	log_event(LOG_INFO, "e", "%s", value);
	snprintf(expected, sizeof(expected), "info e message=%s\n", value);
	assert_string_equal(caught(), expected);
	memcpy(value + LOG_VALUE_MAX - 2, "\xe2\x82\xac", 4); /* the limit is inside the euro */
	log_event(LOG_INFO, "e", "%s", value);
	snprintf(expected, sizeof(expected), "info e message=%.*s...[cut]\n", LOG_VALUE_MAX - 2,
		value);
	assert_string_equal(caught(), expected);
}

/* More pairs than a line holds: it is cut between or inside values, and says so. */
static void test_long_line(void **state)
{
	static char value[LOG_VALUE_MAX];

	for (int json = 0; json < 2; json++)
		for (int fill = 0; fill < 5; fill++) {
			struct log_line l;
			const char *s;

			memset(value, "v\n\xff\"\x01"[fill], sizeof(value));
			log_set_format(json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
			log_begin(&l, LOG_INFO, "long");
			for (int i = 0; i < 50; i++) {
				log_int(&l, "i", i);
				log_str(&l, "value", (struct span){value, sizeof(value)});
			}
			log_text(&l, "text", SPAN("still there"));
			log_end(&l);
			s = caught();
			assert_true(strlen(s) < 2 * LOG_LINE_MAX);
			assert_non_null(strstr(s, "...[cut]"));
			if (json)
				assert_json_object(got.p);
			assert_non_null(strstr(s, json ? ",\"text\":\"still there\",\"cut\":true}\n"
						       : " cut=true\n\tstill there\n"));
		}
}

static void test_long_text(void **state)
{
	static char text[3 * LOG_LINE_MAX];

	for (int json = 0; json < 2; json++)
		for (int fill = 0; fill < 4; fill++) {
			struct log_line l;
			const char *s;

			memset(text, "t\n\xff\x01"[fill], sizeof(text));
			log_set_format(json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
			log_begin(&l, LOG_INFO, "long");
			log_text(&l, "text", (struct span){text, sizeof(text)});
			log_text(&l, "text", (struct span){text, sizeof(text)});
			log_str(&l, "after", SPAN("there"));
			log_end(&l);
			s = caught();
			assert_true(strlen(s) < 2 * LOG_LINE_MAX);
			if (json) {
				assert_json_object(got.p);
				assert_non_null(strstr(s, ",\"after\":\"there\",\"text\":\""));
				assert_non_null(strstr(s, "...[cut]\",\"cut\":true}\n"));
			} else {
				assert_memory_equal(s, "info long after=there cut=true\n\t", 32);
				assert_string_equal(s + strlen(s) - 10, "\t...[cut]\n");
			}
		}
}

/* No line of a text passes for a line of the log, whatever is in it. */
static void assert_indented(const char *s)
{
	for (s = strchr(s, '\n') + 1; *s; s = strchr(s, '\n') + 1)
		assert_int_equal(*s, '\t');
}

static void random_record(bool json)
{
	static char bytes[20000];
	struct log_line l;

	log_set_format(json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
	log_begin(&l, LOG_ERROR, "random");
	for (size_t pairs = random_below(20); pairs > 0; pairs--) {
		size_t n = random_below(8) ? random_below(40) : random_below(sizeof(bytes));
		struct span value = {bytes, n};
		char key[4];

		/* Few kinds of bytes, so that long characters, right and wrong, are frequent. */
		for (size_t i = 0; i < n; i++)
			bytes[i] = random_below(2)
			                   ? "\xf0\x9f\x98\x80\xe2\x82\n\"\\"[random_below(9)]
			                   : (char)random_below(256);
		snprintf(key, sizeof(key), "k%zu", random_below(10));
		key[0] = (char)(1 + random_below(255));
		if (random_below(4))
			log_str(&l, key, value);
		else
			log_text(&l, key, value);
	}
	log_end(&l);
	buf_cstr(&got);
	assert_int_equal(strlen(got.p), got.n); /* no NUL inside */
	assert_utf8(got.p);
	if (json)
		assert_json_object(got.p);
	else
		assert_indented(got.p);
	caught();
}

static void test_random(void **state)
{
	random_start("log");
	for (int i = 0; i < 2000; i++)
		random_record(i % 2);
}

static void test_errno(void **state)
{
	errno = EINTR;
	log_event(LOG_INFO, "e", "x");
	assert_int_equal(errno, EINTR);
}

static void test_stderr(void **state)
{
	char line[256];
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	log_set_sink(NULL, NULL);
	log_event(LOG_INFO, "e", "to stderr");
	n = read(fds[0], line, sizeof(line));
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[0]);
	close(fds[1]);
	assert_true(n > 0);
	buf_append(&got, line, (size_t)n);
	calls = 1;
	assert_string_equal(caught(), "info e message=\"to stderr\"\n");
}

static void count_calls(void *arg, const char *bytes, size_t n)
{
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_RELAXED);
}

#define THREADS 4
#define RECORDS 1000

static void *log_many(void *arg)
{
	for (int i = 0; i < RECORDS; i++)
		log_event(LOG_INFO, "thread", "%d", i);
	return NULL;
}

/* Settings may change while others log. */
static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	int sum = 0;

	log_set_sink(count_calls, &sum);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_many, NULL), 0);
	for (int i = 0; i < 100; i++) {
		log_set_field("worker", i % 2 ? "1" : "2");
		log_set_format(i % 2 ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON);
		log_set_level(LOG_DEBUG);
		log_set_sink(count_calls, &sum);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(sum, THREADS * RECORDS);
}

/* The time of day first: "12:34:56 ", maybe between colours. */
static const char *after_time(const char *text)
{
	const char *p = strchr(text, ':');

	assert_non_null(p);
	assert_true(p - 2 >= text && p[3] == ':');
	return p + 6;
}

static void test_pretty(void **state)
{
	struct log_line l;

	log_set_format(LOG_FORMAT_PRETTY);
	log_begin(&l, LOG_ERROR, "app.error");
	log_cstr(&l, "path", "/a b");
	log_int(&l, "n", 7);
	log_text(&l, "traceback", SPAN("app.lua:1: no\nstack traceback:\n\tapp.lua:1: in f"));
	log_end(&l);
	assert_string_equal(after_time(buf_cstr(&got)),
		" error app.error path=\"/a b\" n=7\n    app.lua:1: no\n    stack traceback:\n"
		"    \tapp.lua:1: in f\n");
	got.n = 0;
	log_event(LOG_INFO, "worker.draining", "\"2\" tasks\n\033[31m");
	assert_string_equal(
		after_time(buf_cstr(&got)), " info  worker.draining  \"2\" tasks\\n\\x1b[31m\n");
}

static void test_pretty_colors(void **state)
{
	struct log_line l;
	unsigned escapes = 0;

	log_set_format(LOG_FORMAT_PRETTY);
	ansi_set(true);
	log_begin(&l, LOG_WARN, "slow");
	log_cstr(&l, "path", "/");
	log_text(&l, "traceback", SPAN("one\ntwo.lua:2: here\nthree"));
	log_end(&l);
	ansi_set(false);
	assert_string_equal(after_time(buf_cstr(&got)),
		"\033[0m \033[33mwarn \033[0m \033[1mslow\033[0m \033[2mpath=\033[0m/\n"
		"    \033[31mone\033[0m\n    two.lua:2: here\033[0m\n    \033[2mthree\033[0m\n");
	for (const char *p = got.p; p < got.p + got.n; p++)
		escapes += *p == '\033';
	assert_int_equal(escapes, 13);
}

/* However long a text is, the record ends inside of its memory, and says that it was cut. */
static void test_pretty_cut(void **state)
{
	static char text[3 * LOG_LINE_MAX];
	struct log_line l;

	log_set_format(LOG_FORMAT_PRETTY);
	ansi_set(true);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 50 == 49 ? '\n' : 'x';
	log_begin(&l, LOG_ERROR, "app.error");
	for (int i = 0; i < 4; i++)
		log_text(&l, "traceback", (struct span){text, sizeof(text)});
	for (int i = 0; i < 2000; i++)
		log_cstr(&l, "a_key_of_some_length", "a value of some length");
	log_end(&l);
	ansi_set(false);
	assert_true(got.n < 2 * LOG_LINE_MAX);
	assert_non_null(strstr(buf_cstr(&got), "...[cut]"));
	assert_non_null(strstr(buf_cstr(&got), "cut=true"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(test_pretty),
		LOG_TEST(test_pretty_colors),
		LOG_TEST(test_pretty_cut),
		LOG_TEST(test_text),
		LOG_TEST(test_json),
		LOG_TEST(test_values),
		LOG_TEST(test_numbers),
		LOG_TEST(test_int_limits),
		LOG_TEST(test_levels),
		LOG_TEST(test_field),
		LOG_TEST(test_keys),
		LOG_TEST(test_long_value),
		LOG_TEST(test_long_line),
		LOG_TEST(test_long_text),
		LOG_TEST(test_random),
		LOG_TEST(test_errno),
		LOG_TEST(test_stderr),
		LOG_TEST(test_threads),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
