#include "check.h"

#include "base/log.h"
#include "base/log_int.h"

static const struct {
	struct span in;
	const char *quoted, *json, *plain;
	bool needs_quotes;
} rows[] = {
	{SPAN("/a/b?c&d"), "/a/b?c&d", "/a/b?c&d", "/a/b?c&d", false},
	{SPAN(""), "", "", "", true},
	{SPAN("a b"), "a b", "a b", "a b", true},
	{SPAN("a=b"), "a=b", "a=b", "a=b", true},
	{SPAN("a\"b\\c"), "a\\\"b\\\\c", "a\\\"b\\\\c", "a\"b\\c", true},
	{SPAN("\n\t\r"), "\\n\\t\\x0d", "\\n\\t\\u000d", "\\n\t\\x0d", true},
	{SPAN("\0\x1b[0m\x7f"), "\\x00\\x1b[0m\\x7f", "\\u0000\\u001b[0m\\u007f",
		"\\x00\\x1b[0m\\x7f", true},
	{SPAN("\xc3\xa9"), "\xc3\xa9", "\xc3\xa9", "\xc3\xa9", false},
	{SPAN("\xe2\x82\xac\xf0\x9f\x98\x80"), "\xe2\x82\xac\xf0\x9f\x98\x80",
		"\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80", false},
	{SPAN("\xc2\x85\xc2\x9b"), "\\xc2\\x85\\xc2\\x9b", "\\u0085\\u009b", "\\xc2\\x85\\xc2\\x9b",
		true},
	{SPAN("\xc2\xa0"), "\xc2\xa0", "\xc2\xa0", "\xc2\xa0", false},
	/* not UTF-8: alone, cut short, overlong, surrogate, over U+10FFFF, no such first byte */
	{SPAN("a\xffz"), "a\\xffz", "a\\ufffdz", "a\\xffz", true},
	{SPAN("\x80"), "\\x80", "\\ufffd", "\\x80", true},
	{SPAN("\xc3"), "\\xc3", "\\ufffd", "\\xc3", true},
	{SPAN("\xe2\x82"), "\\xe2\\x82", "\\ufffd\\ufffd", "\\xe2\\x82", true},
	{SPAN("\xc0\xaf"), "\\xc0\\xaf", "\\ufffd\\ufffd", "\\xc0\\xaf", true},
	{SPAN("\xe0\x80\xaf"), "\\xe0\\x80\\xaf", "\\ufffd\\ufffd\\ufffd", "\\xe0\\x80\\xaf", true},
	{SPAN("\xed\xa0\x80"), "\\xed\\xa0\\x80", "\\ufffd\\ufffd\\ufffd", "\\xed\\xa0\\x80", true},
	{SPAN("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80", "\\ufffd\\ufffd\\ufffd\\ufffd",
		"\\xf4\\x90\\x80\\x80", true},
	{SPAN("\xf0\x9f\x98!"), "\\xf0\\x9f\\x98!", "\\ufffd\\ufffd\\ufffd!", "\\xf0\\x9f\\x98!",
		true},
	{SPAN("\xf5\xbf\xbf\xbf"), "\\xf5\\xbf\\xbf\\xbf", "\\ufffd\\ufffd\\ufffd\\ufffd",
		"\\xf5\\xbf\\xbf\\xbf", true},
};

static void assert_escaped(enum log_style style, struct span in, const char *expected)
{
	static char bytes[LOG_LINE_MAX];
	struct log_out o = {.p = bytes};

	assert_true(log_out_escaped(&o, style, in));
	bytes[o.n] = '\0';
	assert_string_equal(bytes, expected);
}

static void test_escape(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_escaped(LOG_STYLE_QUOTED, rows[i].in, rows[i].quoted);
		assert_escaped(LOG_STYLE_JSON, rows[i].in, rows[i].json);
		assert_escaped(LOG_STYLE_PLAIN, rows[i].in, rows[i].plain);
		assert_int_equal(log_needs_quotes(rows[i].in), rows[i].needs_quotes);
	}
}

static void test_word(void **state)
{
	static const struct {
		const char *in, *out;
	} words[] = {
		{"app.error", "app.error"},
		{"X-Request_Id9", "X-Request_Id9"},
		{"a b=\"c\"\n", "a_b__c__"},
		{"\xc3\xa9", "__"},
		{"", "_"},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		char bytes[64];
		struct log_out o = {.p = bytes};

		log_out_word(&o, words[i].in);
		bytes[o.n] = '\0';
		assert_string_equal(bytes, words[i].out);
	}
}

/* At whatever byte the room ends, no escape and no character is cut in two. */
static void test_room(void **state)
{
	static const char *const units[] = {
		"abcdefghij", "\n", "\xff", "\xf0\x9f\x98\x80", "\xc2\x85"};
	static char bytes[LOG_LINE_MAX];

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		for (size_t room = 0; room < 12; room++)
			for (int style = LOG_STYLE_QUOTED; style <= LOG_STYLE_PLAIN; style++) {
				struct log_out whole = {.p = bytes}, o = {.p = bytes};
				bool fits;

				log_out_escaped(&whole, (enum log_style)style, span_of(units[i]));
				o.n = LOG_ROOM - room;
				fits = log_out_escaped(
					&o, (enum log_style)style, span_of(units[i]));
				assert_int_equal(fits, whole.n <= room);
				if (i == 0)
					assert_int_equal(o.n, LOG_ROOM - room + MIN(room, whole.n));
				else
					assert_int_equal(
						o.n, LOG_ROOM - room + (fits ? whole.n : 0));
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_escape),
		ZERO_TEST(test_word),
		ZERO_TEST(test_room),
	};

	return cmocka_run_group_tests_name("log_out", tests, NULL, NULL);
}
