#include "base/decimal.h"

#include "base/mem.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Most numbers go by exact arithmetic: an integer below 2^53 divided or multiplied by a power of
 * ten that a double holds (up to 10^22) is rounded once, hence correctly (Clinger, "How to read
 * floating point numbers accurately", 1990). Where long double has 64 bits of mantissa the same
 * holds for integers below 2^64 and powers up to 10^27, but for results near the middle of two
 * doubles, which are left, as all the rest, to the C library.
 */
#define EXACT_INTEGER   9007199254740992.0 /* 2^53 */
#define EXACT_POWER     22
#define EXACT_POWER_EXT 27
#define HAVE_EXTENDED   (LDBL_MANT_DIG == 64)

/* ECMAScript writes 10^21 and more, and less than 10^-6, with an exponent. */
#define PLAIN_MAX 21
#define PLAIN_MIN (-6)

static const double powers[EXACT_POWER + 1] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

#if HAVE_EXTENDED
static const long double powers_ext[EXACT_POWER_EXT + 1] = {1e0L, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L,
	1e6L, 1e7L, 1e8L, 1e9L, 1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L,
	1e19L, 1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
#endif

/* Writing: value = digits * 10^exponent. */

struct decimal {
	uint64_t digits; /* no zero at the end, unless it is 0 */
	int exponent;
};

static bool by_doubles(double value, struct decimal *out)
{
	for (int k = 1; k <= EXACT_POWER; k++) {
		double scaled = nearbyint(value * powers[k]);

		if (scaled >= EXACT_INTEGER)
			return false;
		if (scaled / powers[k] == value) {
			*out = (struct decimal){(uint64_t)scaled, -k};
			return true;
		}
	}
	return false;
}

#if HAVE_EXTENDED
static long double scaled(long double value, int k)
{
	return k >= 0 ? value * powers_ext[k] : value / powers_ext[-k];
}

/* Whether digits * 10^-k reads as the value: 1 or 0; -1: too near the middle of two doubles, or the
 * value is a power of two, below which doubles are nearer to each other. */
static int reads_as(uint64_t digits, int k, double value)
{
	long double off = fabsl(scaled((long double)digits, -k) - (long double)value);
	int exponent;

	if (frexp(value, &exponent) == 0.5)
		return -1;
	off = ldexpl(off, DBL_MANT_DIG - exponent);
	return off < 0.49L ? 1 : off > 0.51L ? 0 : -1;
}

/* With 15 digits, 16, and 17. */
static bool by_extended(double value, struct decimal *out)
{
	int k = 14 - (int)floor(log10(value));
	int reads = 0;

	if (k < -EXACT_POWER_EXT || k + 2 > EXACT_POWER_EXT || value < DBL_MIN)
		return false;
	for (int last = k + 2; reads == 0 && k <= last; k++) {
		long double digits = scaled(value, k);

		*out = (struct decimal){(uint64_t)llrintl(digits), -k};
		/* Rounded twice, a half may have gone the wrong way. */
		if (fabsl(digits - (long double)out->digits) > 0.49L)
			return false;
		reads = reads_as(out->digits, k, value);
	}
	return reads > 0;
}
#else
static bool by_extended(double value, struct decimal *out)
{
	return false;
}
#endif

static bool library_reads(uint64_t digits, int exponent, double value)
{
	char text[DECIMAL_MAX];

	snprintf(text, sizeof(text), "%" PRIu64 "e%d", digits, exponent);
	return strtod(text, NULL) == value;
}

/* The C library's text of that many digits. */
static struct decimal rounded(double value, int precision)
{
	char text[DECIMAL_MAX];
	struct decimal d;

	snprintf(text, sizeof(text), "%.*e", precision, value);
	d = (struct decimal){(uint64_t)(text[0] - '0'), atoi(strchr(text, 'e') + 1)};
	for (const char *p = text + 2; text[1] != 'e' && *p != 'e'; p++, d.exponent--)
		d.digits = d.digits * 10 + (uint64_t)(*p - '0');
	return d;
}

/* No two texts of DBL_DIG digits are the same double, so if fewer will do these end with zeros; but
 * below DBL_MIN doubles are that precise no more. Above a power of two there is more room than
 * below: the next text up may do where the nearest one does not. */
static void by_library(double value, struct decimal *out)
{
	int precision = value < DBL_MIN ? 0 : DBL_DIG - 1;

	for (; precision < DBL_DECIMAL_DIG; precision++) {
		*out = rounded(value, precision);
		if (library_reads(out->digits, out->exponent, value))
			return;
		if (library_reads(out->digits + 1, out->exponent, value)) {
			out->digits++;
			return;
		}
	}
}

static size_t put_digits(char *out, uint64_t n)
{
	char text[20];
	size_t len = 0;

	do {
		text[len++] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	for (size_t i = 0; i < len; i++)
		out[i] = text[len - 1 - i];
	return len;
}

/* The forms of Number::toString. `n` digits stand in text; point: how many before the point. */
static size_t lay_out(char *out, const char *text, int n, int point)
{
	char *p = out;

	if (n <= point && point <= PLAIN_MAX) {
		memcpy(p, text, (size_t)n);
		memset(p + n, '0', (size_t)(point - n));
		return (size_t)point;
	}
	if (0 < point && point <= PLAIN_MAX) {
		memcpy(p, text, (size_t)point);
		p[point] = '.';
		memcpy(p + point + 1, text + point, (size_t)(n - point));
		return (size_t)n + 1;
	}
	if (PLAIN_MIN < point && point <= 0) {
		memcpy(p, "0.", 2);
		memset(p + 2, '0', (size_t)-point);
		memcpy(p + 2 - point, text, (size_t)n);
		return (size_t)(n + 2 - point);
	}
	*p++ = text[0];
	if (n > 1) {
		*p++ = '.';
		memcpy(p, text + 1, (size_t)(n - 1));
		p += n - 1;
	}
	*p++ = 'e';
	*p++ = point > 0 ? '+' : '-';
	p += put_digits(p, (uint64_t)abs(point - 1));
	return (size_t)(p - out);
}

size_t decimal_put(char *out, double value)
{
	struct decimal d;
	char text[20];
	size_t sign = 0, n;

	if (value < 0) {
		out[sign++] = '-';
		value = -value;
	}
	if (value < EXACT_INTEGER && value == floor(value))
		return sign + put_digits(out + sign, (uint64_t)value);
	if (!by_doubles(value, &d) && !by_extended(value, &d))
		by_library(value, &d);
	while (d.digits % 10 == 0) {
		d.digits /= 10;
		d.exponent++;
	}
	n = put_digits(text, d.digits);
	return sign + lay_out(out + sign, text, (int)n, (int)n + d.exponent);
}

/* Reading. */

#define DIGITS_MAX 19 /* of any that uint64_t holds */

struct number {
	uint64_t digits;
	int exponent;
	bool negative, exact; /* exact: no digit was dropped */
};

static void add_digit(struct number *n, char c, int *count, int after_point)
{
	if (n->digits == 0 && c == '0') { /* leading zeros */
		n->exponent -= after_point;
	} else if (*count < DIGITS_MAX) {
		n->digits = n->digits * 10 + (uint64_t)(c - '0');
		(*count)++;
		n->exponent -= after_point;
	} else {
		n->exact = false;
		n->exponent += 1 - after_point;
	}
}

static struct number scan(struct span text)
{
	struct number n = {.exact = true};
	const char *p = text.p, *end = text.p + text.n;
	int count = 0, after_point = 0;

	if (p < end && *p == '-') {
		n.negative = true;
		p++;
	}
	for (; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.')
			after_point = 1;
		else
			add_digit(&n, *p, &count, after_point);
	}
	if (p < end) {
		bool minus = *++p == '-';
		int e = 0;

		if (*p == '-' || *p == '+')
			p++;
		for (; p < end; p++)
			e = MIN(e * 10 + (*p - '0'), 100000);
		n.exponent += minus ? -e : e;
	}
	return n;
}

static bool exact_value(const struct number *n, double *out)
{
	if (!n->exact || n->digits > (uint64_t)EXACT_INTEGER || abs(n->exponent) > EXACT_POWER)
		return false;
	*out = n->exponent < 0 ? (double)n->digits / powers[-n->exponent]
	                       : (double)n->digits * powers[n->exponent];
	return true;
}

#if HAVE_EXTENDED
static bool extended_value(const struct number *n, double *out)
{
	long double q;
	uint64_t mantissa;
	unsigned below;

	if (!n->exact || n->digits == 0 || abs(n->exponent) > EXACT_POWER_EXT)
		return false;
	q = n->exponent < 0 ? (long double)n->digits / powers_ext[-n->exponent]
	                    : (long double)n->digits * powers_ext[n->exponent];
	memcpy(&mantissa, &q, sizeof(mantissa));
	below = mantissa & 0x7ff; /* the bits that a double has not */
	if (below >= 0x3ff && below <= 0x401)
		return false;
	*out = (double)q;
	return true;
}
#else
static bool extended_value(const struct number *n, double *out)
{
	return false;
}
#endif

static double library_value(struct span text)
{
	char small[64], *copy = small;
	double value;

	if (text.n >= sizeof(small))
		copy = mem_alloc(text.n + 1);
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	value = strtod(copy, NULL);
	if (copy != small)
		mem_free(copy);
	return value;
}

double decimal_get(struct span text)
{
	struct number n = scan(text);
	double value;

	if (!exact_value(&n, &value) && !extended_value(&n, &value))
		return library_value(text);
	return n.negative ? -value : value;
}
