#include "../base/check.h"

#include "http/access_escape.h"

static char out[ACCESS_VALUE_MAX + sizeof(ACCESS_MARK)];

static void check(struct span in, enum access_style style, const char *want)
{
	char *end = access_escape(out, in, style);

	*end = '\0';
	assert_string_equal(out, want);
	assert_int_equal(end - out, strlen(want)); /* no NUL inside */
}

static void test_styles(void **state)
{
	static const struct {
		struct span in;
		const char *bare, *quoted, *json;
	} rows[] = {
		{SPAN(""), "", "", ""},
		{{NULL, 0}, "", "", ""},
		{SPAN("abc-/~!#[]^"), "abc-/~!#[]^", "abc-/~!#[]^", "abc-/~!#[]^"},
		{SPAN("a b"), "a\\x20b", "a b", "a b"},
		{SPAN("12345678 2345678"), "12345678\\x202345678", "12345678 2345678",
			"12345678 2345678"},
		{SPAN("\""), "\\x22", "\\x22", "\\\""},
		{SPAN("\\"), "\\x5c", "\\x5c", "\\\\"},
		{SPAN("\\x22"), "\\x5cx22", "\\x5cx22", "\\\\x22"},
		{SPAN("\r\n"), "\\x0d\\x0a", "\\x0d\\x0a", "\\u000d\\u000a"},
		{SPAN("\t\0\x1f\x7f"), "\\x09\\x00\\x1f\\x7f", "\\x09\\x00\\x1f\\x7f",
			"\\u0009\\u0000\\u001f\\u007f"},
		{SPAN("\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82"),
			"\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82",
			"\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82",
			"\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82"},
		{SPAN("\xc2\x85\xc2\x9b\xc2\xa0"), "\\xc2\\x85\\xc2\\x9b\xc2\xa0",
			"\\xc2\\x85\\xc2\\x9b\xc2\xa0", "\\u0085\\u009b\xc2\xa0"},
		{SPAN("\xff"), "\\xff", "\\xff", "\\ufffd"},
		{SPAN("\xc0\xaf"), "\\xc0\\xaf", "\\xc0\\xaf", "\\ufffd\\ufffd"}, /* overlong */
		{SPAN("\xed\xa0\x80"), "\\xed\\xa0\\x80", "\\xed\\xa0\\x80",
			"\\ufffd\\ufffd\\ufffd"},                 /* a surrogate */
		{SPAN("a\xe2\x82"), "a\\xe2\\x82", "a\\xe2\\x82", /* cut short */
			"a\\ufffd\\ufffd"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		check(rows[i].in, ACCESS_BARE, rows[i].bare);
		check(rows[i].in, ACCESS_QUOTED, rows[i].quoted);
		check(rows[i].in, ACCESS_JSON, rows[i].json);
	}
}

/* Each byte at each place of a word of eight: the fast way and the slow one agree. */
static void test_places(void **state)
{
	for (int c = 0; c < 256; c++) {
		char alone[9], *end;
		size_t n;

		end = access_escape(alone, (struct span){(char[]){(char)c}, 1}, ACCESS_BARE);
		n = (size_t)(end - alone);
		for (size_t at = 0; at < 16; at++) {
			char in[16], want[32];

			memset(in, 'x', sizeof(in));
			in[at] = (char)c;
			memset(want, 'x', sizeof(want));
			memcpy(want + at, alone, n);
			end = access_escape(out, (struct span){in, sizeof(in)}, ACCESS_BARE);
			assert_int_equal(end - out, sizeof(in) - 1 + n);
			assert_memory_equal(out, want, sizeof(in) - 1 + n);
		}
	}
}

static void test_cut(void **state)
{
	static const struct {
		const char *unit, *escaped; /* repeated */
		enum access_style style;
	} rows[] = {
		{"x", "x", ACCESS_BARE},
		{"\n", "\\x0a", ACCESS_BARE},
		{"\n", "\\u000a", ACCESS_JSON},
		{"\xe2\x82\xac", "\xe2\x82\xac", ACCESS_QUOTED},
		{"\xc2\x85", "\\xc2\\x85", ACCESS_QUOTED},
		{"\"", "\\\"", ACCESS_JSON},
	};
	char in[3 * ACCESS_VALUE_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = strlen(rows[i].unit), len = strlen(rows[i].escaped);
		size_t whole = ACCESS_VALUE_MAX / len, body = whole * len;
		char *end;

		for (size_t at = 0; at + n <= sizeof(in); at += n)
			memcpy(in + at, rows[i].unit, n);
		end = access_escape(out, (struct span){in, whole * n}, rows[i].style);
		assert_int_equal(end - out, body);
		for (size_t at = 0; at < body; at += len)
			assert_memory_equal(out + at, rows[i].escaped, len);

		/* One more does not fit: never half of it. */
		end = access_escape(out, (struct span){in, (whole + 1) * n}, rows[i].style);
		assert_int_equal(end - out, body + strlen(ACCESS_MARK));
		assert_memory_equal(out + body, ACCESS_MARK, strlen(ACCESS_MARK));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_styles),
		ZERO_TEST(test_places),
		ZERO_TEST(test_cut),
	};

	return cmocka_run_group_tests_name("access_escape", tests, NULL, NULL);
}
