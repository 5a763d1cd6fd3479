#include "check.h"

#include "base/span.h"

static void test_eq(void **state)
{
	static const struct {
		struct span a, b;
		bool eq, ieq;
	} rows[] = {
		{SPAN("abc"), SPAN("abc"), true, true},
		{SPAN("aBc-9"), SPAN("AbC-9"), false, true},
		{SPAN("abc"), SPAN("abcd"), false, false},
		{SPAN(""), SPAN(""), true, true},
		{{NULL, 0}, SPAN(""), true, true},
		{{NULL, 0}, {NULL, 0}, true, true},
		{{NULL, 0}, SPAN("a"), false, false},
		{SPAN("a\0b"), SPAN("a\0c"), false, false},
		{SPAN("@"), SPAN("`"), false, false}, /* 0x20 apart, but no letters */
		{SPAN("["), SPAN("{"), false, false},
		{SPAN("\xc4"), SPAN("\xe4"), false, false}, /* no letters in ASCII */
		{SPAN("Z"), SPAN("z"), false, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(span_eq(rows[i].a, rows[i].b), rows[i].eq);
		assert_int_equal(span_eq(rows[i].b, rows[i].a), rows[i].eq);
		assert_int_equal(span_ieq(rows[i].a, rows[i].b), rows[i].ieq);
		assert_int_equal(span_ieq(rows[i].b, rows[i].a), rows[i].ieq);
	}
}

static void test_trim(void **state)
{
	static const struct {
		struct span in, out;
	} rows[] = {
		{SPAN("a"), SPAN("a")},
		{SPAN(" \t a b\t "), SPAN("a b")},
		{SPAN(" \t "), SPAN("")},
		{SPAN(""), SPAN("")},
		{{NULL, 0}, SPAN("")},
		{SPAN("\r\na\v"), SPAN("\r\na\v")},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(span_eq(span_trim(rows[i].in), rows[i].out));
}

static void test_tokens(void **state)
{
	static const struct {
		struct span list;
		const char *joined; /* each token in brackets */
	} rows[] = {
		{SPAN("gzip, br"), "[gzip][br]"},
		{SPAN("one"), "[one]"},
		{SPAN(" , ,a,, \tb\t ,"), "[a][b]"},
		{SPAN("a b;q=1,c"), "[a b;q=1][c]"},
		{SPAN(",,,"), ""},
		{SPAN(""), ""},
		{{NULL, 0}, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span rest = rows[i].list, token;
		char joined[64];
		int n = 0;

		joined[0] = '\0';
		while (span_next_token(&rest, &token))
			n += snprintf(joined + n, sizeof(joined) - (size_t)n, "[%.*s]",
				(int)token.n, token.p);
		assert_string_equal(joined, rows[i].joined);
		assert_int_equal(rest.n, 0);
		assert_false(span_next_token(&rest, &token));
	}
}

static void test_to_u64(void **state)
{
	static const struct {
		struct span in;
		bool ok;
		uint64_t value;
	} rows[] = {
		{SPAN("0"), true, 0},
		{SPAN("7"), true, 7},
		{SPAN("00012"), true, 12},
		{SPAN("18446744073709551615"), true, UINT64_MAX},
		{SPAN("000018446744073709551615"), true, UINT64_MAX},
		{SPAN("18446744073709551616"), false, 0},
		{SPAN("18446744073709551620"), false, 0},
		{SPAN("99999999999999999999"), false, 0},
		{SPAN("184467440737095516150"), false, 0},
		{SPAN(""), false, 0},
		{{NULL, 0}, false, 0},
		{SPAN("+1"), false, 0},
		{SPAN("-1"), false, 0},
		{SPAN(" 1"), false, 0},
		{SPAN("1 "), false, 0},
		{SPAN("0x10"), false, 0},
		{SPAN("1\0"), false, 0},
		{SPAN("\xb1"), false, 0},
		{SPAN("1/"), false, 0},
		{SPAN("1:"), false, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t value = 99;

		assert_int_equal(span_to_u64(rows[i].in, &value), rows[i].ok);
		assert_true(value == (rows[i].ok ? rows[i].value : 99)); /* untouched on failure */
	}
}

static void test_of(void **state)
{
	assert_true(span_eq(span_of("abc"), SPAN("abc")));
	assert_int_equal(SPAN("a\0b").n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_eq),
		ZERO_TEST(test_trim),
		ZERO_TEST(test_tokens),
		ZERO_TEST(test_to_u64),
		ZERO_TEST(test_of),
	};

	return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
