#include "access_fixture.h"

static void test_placeholders(void **state)
{
	static const struct {
		const char *format, *want;
	} rows[] = {
		{"%{remote}", "192.0.2.7"},
		{"%{remote_port}", "4711"},
		{"%{method}", "POST"},
		{"%{target}", "/a%20b?x=1&y"},
		{"%{path}", "/a\\x20b"},
		{"\"%{path}\"", "\"/a b\""},
		{"%{query}", "x=1&y"},
		{"%{scheme}", "http"},
		{"%{protocol}", "HTTP/1.1"},
		{"%{host}", "example.org"},
		{"%{referer}", "https://example.org/"},
		{"\"%{user_agent}\"", "\"curl/8.0 (\\x22quoted\\x22)\""},
		{"%{status}", "201"},
		{"%{bytes}", "1234"},
		{"%{request_bytes}", "56"},
		{"%{queue_ms}", "0.250"},
		{"%{lua_ms}", "1.000"},
		{"%{total_ms}", "4000.000"},
		{"%{header:x-id}", "first"},
		{"%{header:X-Id}", "first"},
		{"%{header:x-empty}", "-"},
		{"%{header:x-none}", "-"},
		{"%%%{status}%%%%", "%201%%"},
		{"a %{status} b\t%{status}\"", "a 201 b\t201\""},
		{"\"\"%{path}", "\"\"/a\\x20b"},
		{"\"a\" \"%{path}\" %{path}", "\"a\" \"/a b\" /a\\x20b"},
	};
	struct stub s;

	fill(&s);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&s.ex, rows[i].format, rows[i].want);
	assert_int_equal(lines, ARRAY_LEN(rows));
	stub_fini(&s);
}

/* Every row of the table can be written, of a full exchange and of one that knows nothing. */
static void test_every_row(void **state)
{
	static const char *const names[] = {
#define ACCESS(name, kind, getter, help) #name,
#include "http/access_log.tbl.h"
#undef ACCESS
	};
	struct stub full, empty;

	fill(&full);
	stub_init(&empty);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char format[64];

		snprintf(format, sizeof(format), "%%{%s}", names[i]);
		compile(format);
		access_log_write(&full.ex);
		assert_true(line_n > 1);
		assert_string_not_equal(line, "-\n");
		access_log_write(&empty.ex);
		assert_true(line_n > 1);
	}
	stub_fini(&full);
	stub_fini(&empty);
}

static void test_missing(void **state)
{
	static const struct {
		const char *format, *want;
	} rows[] = {
		{"%{remote}", "-"},
		{"%{remote_port}", "-"},
		{"%{method}", "-"},
		{"%{target}", "-"},
		{"%{path}", "-"},
		{"%{query}", "-"},
		{"%{protocol}", "-"},
		{"%{host}", "-"},
		{"\"%{referer}\"", "\"-\""},
		{"%{user_agent}", "-"},
		{"%{status}", "-"},
		{"%{bytes}", "0"},
		{"%{request_bytes}", "0"},
		{"%{queue_ms}", "-"},
		{"%{lua_ms}", "-"},
		{"%{total_ms}", "-"},
		{"%{scheme}", "http"},
	};
	struct stub s;

	stub_init(&s);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&s.ex, rows[i].format, rows[i].want);
	stub_peer(&s, "unix", 0);
	check(&s.ex, "%{remote} %{remote_port}", "- -");
	stub_fini(&s);
}

/* What a refused head looks like: a field without its value, a target cut short, never opened. */
static void test_refused(void **state)
{
	struct stub s;

	stub_init(&s);
	stub_peer(&s, "2001:db8::1", 1);
	fields_open(&s.ex.head.fields);
	fields_name(&s.ex.head.fields, "user-agent", 10);
	s.ex.head.target = SPAN("/ha");
	s.ex.head.major = s.ex.head.minor = 1;
	s.ex.status = 400;
	s.ex.out_total = 17;
	check(&s.ex,
		"%{remote} \"%{method} %{target} %{protocol}\" %{status} %{user_agent} %{total_ms}",
		"2001:db8::1 \"- /ha HTTP/1.1\" 400 - -");
	stub_fini(&s);
}

static void test_bodiless(void **state)
{
	static const struct {
		int status;
		bool is_head;
		const char *want;
	} rows[] = {{200, false, "99"}, {200, true, "0"}, {204, false, "0"}, {304, false, "0"}};
	struct stub s;

	fill(&s);
	s.ex.out_total = 99;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		s.ex.status = rows[i].status;
		s.ex.is_head = rows[i].is_head;
		check(&s.ex, "%{bytes}", rows[i].want);
	}
	stub_fini(&s);
}

static void test_durations(void **state)
{
	static const struct {
		uint64_t opened, begun, lua;
		const char *want;
	} rows[] = {
		{0, 0, 0, "- - -"},
		{1000000, 0, 0, "- - 4000.000"},
		{1000000, 1000000, 0, "0.000 0.000 4000.000"},
		{4999999, 4999990, 5, "0.000 0.005 0.001"}, /* clocks read in another order */
		{4000000, 4000007, 999999, "0.007 999.999 1000.000"},
		{6000000, 6000000, 1, "0.000 0.001 0.000"},
	};
	struct stub s;

	fill(&s);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		s.ex.opened_us = rows[i].opened;
		s.ex.begun_us = rows[i].begun;
		s.ex.lua_us = rows[i].lua;
		check(&s.ex, "%{queue_ms} %{lua_ms} %{total_ms}", rows[i].want);
	}
	stub_fini(&s);
}

static void test_time(void **state)
{
	struct stub s;
	char month[4];
	int day, year, h, m, sec, ms, n = 0;

	fill(&s);
	compile("%{time}");
	access_log_write(&s.ex);
	assert_int_equal(sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ\n%n", &year, &day, &day, &h, &m,
				 &sec, &ms, &n),
		7);
	assert_int_equal(n, line_n);
	compile("[%{time_clf}]");
	access_log_write(&s.ex);
	n = 0;
	assert_int_equal(sscanf(line, "[%2d/%3[A-Za-z]/%4d:%2d:%2d:%2d +0000]\n%n", &day, month,
				 &year, &h, &m, &sec, &n),
		6);
	assert_int_equal(n, line_n);
	stub_fini(&s);
}

/* A child that sets its own sink logs its own number. */
static void test_worker(void **state)
{
	struct stub s;
	char want[32];
	int status;
	pid_t pid;

	fill(&s);
	compile("%{worker}");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		access_log_set_sink(sink, &sink_arg);
		access_log_write(&s.ex);
		snprintf(want, sizeof(want), "%d\n", (int)getpid());
		_exit(strcmp(line, want) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	stub_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_placeholders),
		TEST(test_every_row),
		TEST(test_missing),
		TEST(test_refused),
		TEST(test_bodiless),
		TEST(test_durations),
		TEST(test_time),
		TEST(test_worker),
	};

	return cmocka_run_group_tests_name("access_names", tests, NULL, NULL);
}
