#include "check.h"

#include "base/decimal.h"

#include <float.h>
#include <math.h>

#define ROUNDS 300000

static double from_bits(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint64_t random_bits(void)
{
	return (uint64_t)random_below(1u << 24) << 40 | (uint64_t)random_below(1u << 20) << 20 |
	       random_below(1u << 20);
}

static const char *put(double value)
{
	static char text[DECIMAL_MAX + 1];
	size_t n = decimal_put(text, value);

	assert_true(n <= DECIMAL_MAX);
	text[n] = '\0';
	return text;
}

static double get(const char *text)
{
	/* Not followed by a NUL: nothing behind the span may be read. */
	size_t n = strlen(text);
	char *copy = mem_alloc(n);
	double value;

	memcpy(copy, text, n);
	value = decimal_get((struct span){copy, n});
	mem_free(copy);
	return value;
}

/* RFC 8785, appendix B. */
static void test_ecmascript(void **state)
{
	static const struct {
		uint64_t bits;
		const char *text;
	} rows[] = {
		{0x0000000000000000, "0"},
		{0x8000000000000000, "0"},
		{0x0000000000000001, "5e-324"},
		{0x8000000000000001, "-5e-324"},
		{0x7fefffffffffffff, "1.7976931348623157e+308"},
		{0xffefffffffffffff, "-1.7976931348623157e+308"},
		{0x4340000000000000, "9007199254740992"},
		{0xc340000000000000, "-9007199254740992"},
		{0x4430000000000000, "295147905179352830000"},
		{0x44b52d02c7e14af5, "9.999999999999997e+22"},
		{0x44b52d02c7e14af6, "1e+23"},
		{0x44b52d02c7e14af7, "1.0000000000000001e+23"},
		{0x444b1ae4d6e2ef4e, "999999999999999700000"},
		{0x444b1ae4d6e2ef4f, "999999999999999900000"},
		{0x444b1ae4d6e2ef50, "1e+21"},
		{0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
		{0x3eb0c6f7a0b5ed8d, "0.000001"},
		{0x41b3de4355555553, "333333333.3333332"},
		{0x41b3de4355555554, "333333333.33333325"},
		{0x41b3de4355555555, "333333333.3333333"},
		{0x41b3de4355555556, "333333333.3333334"},
		{0x41b3de4355555557, "333333333.33333343"},
		{0xbecbf647612f3696, "-0.0000033333333333333333"},
		{0x43143ff3c1cb0959, "1424953923781206.2"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(put(from_bits(rows[i].bits)), rows[i].text);
		assert_true(get(rows[i].text) == from_bits(rows[i].bits));
	}
}

static void test_forms(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{1, "1"},
		{-1, "-1"},
		{0.1, "0.1"},
		{-0.5, "-0.5"},
		{123.456, "123.456"},
		{1e20, "100000000000000000000"},
		{1e21, "1e+21"},
		{1.5e300, "1.5e+300"},
		{1e-6, "0.000001"},
		{1e-7, "1e-7"},
		{1.25e-7, "1.25e-7"},
		{4.35, "4.35"},
		{5e-324, "5e-324"},
		{DBL_MIN, "2.2250738585072014e-308"},
		{0x1p-44, "5.684341886080802e-14"},
		{0x1p-1017, "7.120236347223045e-307"},
		{0.3, "0.3"},
		{0.1 + 0.2, "0.30000000000000004"},
		{9007199254740993.0, "9007199254740992"},
		{1152921504606846976.0, "1152921504606847000"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(put(rows[i].value), rows[i].text);
}

/* Digits of a number's text, without zeros around them. */
static uint64_t digits_of(const char *text)
{
	uint64_t n = 0, zeros = 1;

	for (; *text != '\0' && *text != 'e'; text++) {
		if (*text == '0') {
			zeros *= 10; /* only the ones that a digit follows count */
		} else if (*text > '0' && *text <= '9') {
			n = n * zeros * 10 + (uint64_t)(*text - '0');
			zeros = 1;
		}
	}
	return n;
}

/* Whether the text with one more in the last digit reads as the value. */
static bool next_reads(char *text, double value)
{
	char *last = strchr(text, 'e') - 1;

	if (*last == '9')
		return false;
	(*last)++;
	return strtod(text, NULL) == value;
}

/* The digits of the shortest text that the C library reads as the value, and of several the
 * nearest: its own one of some length, or above a power of two, where there is more room, the next
 * one. */
static uint64_t shortest(double value)
{
	char text[64];

	for (int precision = 0; precision < DBL_DECIMAL_DIG; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, value);
		if (strtod(text, NULL) == value || next_reads(text, value))
			break;
	}
	return digits_of(text);
}

static void check(double value)
{
	const char *text = put(value);

	if (strtod(text, NULL) != value || get(text) != value)
		fail_msg("%.17g: \"%s\" reads as %.17g and %.17g", value, text, strtod(text, NULL),
			get(text));
	if (digits_of(text) != shortest(value))
		fail_msg("%.17g: \"%s\" is not the shortest and nearest", value, text);
}

static double any_double(void)
{
	double value;

	do {
		value = from_bits(random_bits());
	} while (!isfinite(value) || value == 0);
	return value;
}

/* As documents have them: few digits, small exponents. */
static double plain_double(void)
{
	double value = (double)random_below(100000000);

	for (size_t n = random_below(12); n > 0; n--)
		value /= 10;
	return random_below(2) ? value : -value;
}

static void test_round_trip(void **state)
{
	random_start("test_round_trip");
	for (int i = 0; i < ROUNDS / 10; i++)
		check(any_double());
	for (int i = 0; i < ROUNDS; i++)
		check(plain_double() + 1);
	for (int i = 0; i < ROUNDS / 3; i++)
		check((double)random_bits() / 0x1p53 / (double)(1 + random_below(1000000)));
	for (int exponent = -1074; exponent < 1024; exponent++) {
		double power = ldexp(1, exponent);

		check(power);
		check(nextafter(power, INFINITY) < INFINITY ? nextafter(power, INFINITY) : power);
		check(nextafter(power, 0) > 0 ? nextafter(power, 0) : power);
	}
	for (int exponent = -300; exponent <= 300; exponent++) {
		char text[16];

		snprintf(text, sizeof(text), "1e%d", exponent);
		check(strtod(text, NULL));
		check(nextafter(strtod(text, NULL), 0));
	}
}

/* Of any length and exponent, also near the middle of two doubles. */
static void test_reading(void **state)
{
	char text[512];

	random_start("test_reading");
	for (int i = 0; i < ROUNDS; i++) {
		size_t n = 0, before = 1 + random_below(25), after = random_below(25);

		if (random_below(2))
			text[n++] = '-';
		for (size_t j = 0; j < before; j++)
			text[n++] = (char)('0' + random_below(10));
		if (after > 0)
			text[n++] = '.';
		for (size_t j = 0; j < after; j++)
			text[n++] = (char)('0' + random_below(10));
		text[n] = '\0';
		if (random_below(2))
			snprintf(text + n, sizeof(text) - n, "%c%s%d", random_below(2) ? 'e' : 'E',
				random_below(2)   ? "-"
				: random_below(2) ? "+"
						  : "",
				(int)random_below(330));
		if (get(text) != strtod(text, NULL))
			fail_msg("\"%s\" reads as %.17g", text, get(text));
	}
	for (int i = 0; i < ROUNDS / 10; i++) {
		double value = fabs(any_double());
		double next = nextafter(value, INFINITY);

		/* Exactly between the two, and one digit off. */
		if (value < 1e-30 || next > 1e30)
			continue;
		snprintf(text, sizeof(text), "%.200Lf", ((long double)value + next) / 2);
		assert_true(get(text) == strtod(text, NULL));
		text[strlen(text) - 1] = '1';
		assert_true(get(text) == strtod(text, NULL));
	}
}

static void test_odd_texts(void **state)
{
	static const char *const texts[] = {"0", "-0", "0.0", "0e0", "0e999999999", "1e999999999",
		"-1e999999999", "1e-999999999", "0.000000000000000000000000000000000000001",
		"100000000000000000000000000000000000000000000",
		"1.00000000000000000000000000000000000000000000000000000000000000000000000000001",
		"0.1e1", "00001", "9007199254740993", "9007199254740992.9999999999", "2.5e-324",
		"1.7976931348623158e308", "1.7976931348623159e308", "18446744073709551615",
		"18446744073709551616", "1e22", "1e23", "123456789012345678e-10"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		double expected = strtod(texts[i], NULL);

		assert_true(get(texts[i]) == expected);
		assert_int_equal(signbit(get(texts[i])) != 0, signbit(expected) != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_ecmascript),
		ZERO_TEST(test_forms),
		ZERO_TEST(test_round_trip),
		ZERO_TEST(test_reading),
		ZERO_TEST(test_odd_texts),
	};

	return cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
