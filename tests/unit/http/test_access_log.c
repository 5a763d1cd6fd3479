#include "access_fixture.h"

#include "base/err.h"
#include "http/access_escape.h"

#include <locale.h>
#include <wchar.h>

static void test_combined(void **state)
{
	struct stub s;
	const char *rest;

	fill(&s);
	compile("combined");
	access_log_write(&s.ex);
	assert_memory_equal(line, "192.0.2.7 - - [", 15);
	rest = strchr(line, ']');
	assert_non_null(rest);
	assert_string_equal(rest,
		"] \"POST /a%20b?x=1&y HTTP/1.1\" 201 1234 \"https://example.org/\" "
		"\"curl/8.0 (\\x22quoted\\x22)\"\n");
	stub_fini(&s);
}

/* ---- JSON: a reader of one flat object, strict ---------------------------------------------- */

static const char *read_string(const char *p)
{
	assert_int_equal(*p, '"');
	for (p++; *p != '"'; p++) {
		assert_true((unsigned char)*p >= 0x20);
		if (*p != '\\')
			continue;
		p++;
		assert_true(*p != '\0' && strchr("\"\\/bfnrtu", *p) != NULL);
		if (*p != 'u')
			continue;
		assert_int_equal(strspn(p + 1, "0123456789abcdef") >= 4, 1);
		assert_false(p[1] == 'd' && p[2] >= '8'); /* no surrogates */
		p += 4;
	}
	return p + 1;
}

static const char *read_value(const char *p)
{
	size_t n;

	if (*p == '"')
		return read_string(p);
	if (strncmp(p, "null", 4) == 0)
		return p + 4;
	n = strspn(p, "0123456789");
	assert_true(n == 1 || (n > 1 && *p != '0'));
	p += n;
	if (*p != '.')
		return p;
	n = strspn(++p, "0123456789");
	assert_true(n > 0);
	return p + n;
}

static void check_utf8(const char *p, size_t n)
{
	wchar_t wide;
	mbstate_t mb = {0};

	for (size_t used; n > 0; p += used, n -= used) {
		used = mbrtowc(&wide, p, n, &mb);
		assert_true(used > 0 && used <= 4);
	}
}

static void check_json(void)
{
	const char *p = line;
	int pairs = 0;

	check_utf8(line, line_n);
	assert_int_equal(strlen(line), line_n);
	assert_int_equal(*p++, '{');
	do {
		p = read_string(p);
		assert_int_equal(*p, ':');
		p = read_value(p + 1);
		pairs++;
	} while (*p++ == ',');
	assert_int_equal(p[-1], '}');
	assert_string_equal(p, "\n");
	assert_int_equal(pairs, 14);
}

static void test_json(void **state)
{
	struct stub s;
	const char *rest;

	fill(&s);
	compile("json");
	access_log_write(&s.ex);
	check_json();
	assert_memory_equal(line, "{\"time\":\"2", 10);
	rest = strstr(line, ",\"remote\"");
	assert_non_null(rest);
	assert_string_equal(rest,
		",\"remote\":\"192.0.2.7\",\"method\":\"POST\",\"target\":\"/a%20b?x=1&y\","
		"\"protocol\":\"HTTP/1.1\",\"status\":201,\"bytes\":1234,"
		"\"referer\":\"https://example.org/\","
		"\"user_agent\":\"curl/8.0 (\\\"quoted\\\")\",\"queue_ms\":0.250,"
		"\"lua_ms\":1.000,\"total_ms\":4000.000,\"host\":\"example.org\","
		"\"request_bytes\":56}\n");
	stub_fini(&s);

	stub_init(&s);
	stub_peer(&s, "unix", 0);
	stub_field(&s, "user-agent", SPAN(""));
	access_log_write(&s.ex);
	check_json();
	rest = strstr(line, ",\"remote\"");
	assert_non_null(rest);
	assert_string_equal(rest,
		",\"remote\":null,\"method\":null,\"target\":null,\"protocol\":null,"
		"\"status\":null,\"bytes\":0,\"referer\":null,\"user_agent\":\"\","
		"\"queue_ms\":null,\"lua_ms\":null,\"total_ms\":null,\"host\":null,"
		"\"request_bytes\":0}\n");
	stub_fini(&s);
}

/* ---- forging -------------------------------------------------------------------------------- */

static void test_forging(void **state)
{
	static const struct {
		struct span agent;
		const char *want; /* of: "%{user_agent}" %{status} */
	} rows[] = {
		{SPAN("x\"\n192.0.2.9 - - [x] \"GET / HTTP/1.1\" 200 0 \"-\" \"y"),
			"\"x\\x22\\x0a192.0.2.9 - - [x] \\x22GET / HTTP/1.1\\x22 200 0 "
			"\\x22-\\x22 \\x22y\" 201"},
		{SPAN("x\" 500"), "\"x\\x22 500\" 201"},
		{SPAN("x\\"), "\"x\\x5c\" 201"},
		{SPAN("\r\x1b[2J\x9b"), "\"\\x0d\\x1b[2J\\x9b\" 201"},
		{SPAN("a\0b"), "\"a\\x00b\" 201"},
		{SPAN("%{status}%%"), "\"%{status}%%\" 201"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stub s;

		stub_init(&s);
		s.ex.status = 201;
		stub_field(&s, "user-agent", rows[i].agent);
		check(&s.ex, "\"%{user_agent}\" %{status}", rows[i].want);
		stub_fini(&s);
	}
}

static size_t count(const char *p, size_t n, char c)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += p[i] == c;
	return found;
}

/* Any bytes at all: in text one line with as many quotes and columns as the format, and JSON. */
static void test_random(void **state)
{
	char bytes[6][300];

	random_start("access_log");
	for (int round = 0; round < 3000; round++) {
		struct stub s;
		struct span v[6];

		for (size_t i = 0; i < 6; i++) {
			v[i] = (struct span){bytes[i], random_below(sizeof(bytes[i]))};
			for (size_t j = 0; j < v[i].n; j++)
				bytes[i][j] = (char)random_below(256);
		}
		fill(&s);
		fields_init(&s.ex.head.fields, &s.ex.arena);
		s.ex.head.method = v[0];
		s.ex.head.target = v[1];
		s.ex.head.path = v[2];
		stub_field(&s, "host", v[3]);
		stub_field(&s, "referer", v[4]);
		stub_field(&s, "user-agent", v[5]);
		compile("combined");
		access_log_write(&s.ex);
		assert_int_equal(count(line, line_n, '"'), 6);
		compile("%{method} %{target} %{path} %{host} %{header:user-agent}");
		access_log_write(&s.ex);
		assert_int_equal(count(line, line_n, ' '), 4);
		check_utf8(line, line_n);
		assert_int_equal(count(line, line_n, '\n'), 1);
		for (size_t i = 0; i < line_n - 1; i++)
			assert_true((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
		compile("json");
		access_log_write(&s.ex);
		check_json();
		stub_fini(&s);
	}
}

/* The longest line that there can be has room. */
static void test_largest(void **state)
{
	static char agent[65536], format[ACCESS_FORMAT_MAX + 1];
	struct stub s;
	size_t n = 0;

	memset(agent, '\n', sizeof(agent));
	stub_init(&s);
	stub_field(&s, "u", (struct span){agent, sizeof(agent)});
	for (int i = 0; i < ACCESS_FIELDS_MAX; i++)
		n += (size_t)snprintf(format + n, sizeof(format) - n, "%%{header:u}");
	memset(format + n, '.', ACCESS_FORMAT_MAX - n);
	compile(format);
	access_log_write(&s.ex);
	assert_int_equal(line_n, ACCESS_FIELDS_MAX * (ACCESS_VALUE_MAX + strlen(ACCESS_MARK)) +
					 ACCESS_FORMAT_MAX - n + 1);
	assert_int_equal(line[line_n - 1], '\n');
	stub_fini(&s);
}

/* ---- formats that are wrong ----------------------------------------------------------------- */

static void test_refusals(void **state)
{
	static char many[8 * (ACCESS_FIELDS_MAX + 1)], large[ACCESS_FORMAT_MAX + 2];
	static const struct {
		const char *format, *says;
	} rows[] = {
		{"%{remote} %{nope}", "unknown placeholder %{nope}; known are remote, "},
		{"%{nope}", ", worker, header:NAME"},
		{"%{}", "unknown placeholder %{};"},
		{"%{Remote}", "unknown placeholder %{Remote}"},
		{"%{remote } ", "unknown placeholder %{remote }"},
		{"%{header}", "unknown placeholder %{header}"},
		{"%{header:}", "\"\" in %{header:NAME}"},
		{"%{header:a b}", "\"a b\" in %{header:NAME}"},
		{"%{remote", "\"%{remote\" is neither %{name} nor %%"},
		{"%{status} %h", "\"%h\" is neither"},
		{"%{status} 100%", "\"%\" is neither"},
		{"commbined", "\"commbined\" is none of combined, json and pretty"},
		{"", "\"\" is none of combined, json and pretty"},
		{"100%%", "\"100%%\" is none of combined, json and pretty"},
		{"%{status}\n%{path}", "\"%{status}\" is followed by a control character"},
		{many, "\"path\" is one placeholder too many"},
		{large, "is too long"},
	};
	struct stub s;

	for (int i = 0; i <= ACCESS_FIELDS_MAX; i++)
		strcat(many, "%{path}");
	memset(large, 'x', sizeof(large) - 1);
	fill(&s);
	compile("%{status}");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char err[1024] = "";

		assert_int_equal(access_log_compile(rows[i].format, err, sizeof(err)), ERR_INVALID);
		if (strstr(err, rows[i].says) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err, rows[i].says);
		access_log_write(&s.ex);
		assert_string_equal(line, "201\n"); /* the good one stays */
	}
	stub_fini(&s);
}

static void test_off(void **state)
{
	struct stub s;

	fill(&s);
	compile("combined");
	access_log_set_sink(NULL, NULL);
	access_log_write(&s.ex);
	assert_int_equal(lines, 0);
	stub_fini(&s);
}

/* ---- for people ---- */

static void check_pretty(struct stub *s, const char *want)
{
	access_log_write(&s->ex);
	assert_int_equal(line[2], ':');
	line[line_n - 1] = '\0';
	assert_string_equal(line + 8, want);
}

static void test_pretty(void **state)
{
	struct stub s;

	fill(&s);
	compile("pretty");
	access_log_set_marks(500000, 100000);
	s.ex.out_state = OUT_END;
	check_pretty(&s, " POST   201  4.00 s  /a%20b?x=1&y  slow");
	now_us = s.ex.opened_us + 1230;
	check_pretty(&s, " POST   201 1.23 ms  /a%20b?x=1&y");
	now_us = s.ex.opened_us + 123000;
	s.ex.held_us = 120500;
	check_pretty(&s, " POST   201  123 ms  /a%20b?x=1&y  held the loop 120 ms");
	s.ex.held_us = 0;
	s.ex.out_state = OUT_BROKEN;
	check_pretty(&s, " POST   201  123 ms  /a%20b?x=1&y  cut off");
	s.ex.status = 0;
	s.ex.out_state = OUT_IDLE;
	s.ex.gone = GONE_CLOSED;
	check_pretty(&s, " POST   ---  123 ms  /a%20b?x=1&y  the client left");
	s.ex.head.target = SPAN("/a b\n\033[31m");
	check_pretty(&s, " POST   ---  123 ms  /a\\x20b\\x0a\\x1b[31m  the client left");
	access_log_set_marks(0, 0);

	lines = 0;
	access_log_hide("/b");
	access_log_write(&s.ex);
	assert_int_equal(lines, 1);
	access_log_hide("a b");
	access_log_write(&s.ex);
	assert_int_equal(lines, 1);
	access_log_hide(NULL);
	access_log_write(&s.ex);
	assert_int_equal(lines, 2);
	stub_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pretty),
		TEST(test_combined),
		TEST(test_json),
		TEST(test_forging),
		TEST(test_random),
		TEST(test_largest),
		TEST(test_refusals),
		TEST(test_off),
	};

	setlocale(LC_CTYPE, "C.UTF-8"); /* for mbrtowc */
	return cmocka_run_group_tests_name("access_log", tests, NULL, NULL);
}
