#include "http/access_escape.h"

#include "base/utf8.h"

#include <string.h>

/* Written as it is: printable ASCII but for the two that quoting needs and `space`, if one is. */
static inline bool is_plain(char c, char space)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != space;
}

/*
 * The same for eight bytes at once, which is most of a line: no high bit anywhere, and for each
 * byte neither a borrow below 0x20 nor a zero after the xor with what needs an escape.
 */
static inline bool are_plain(const char *p, char space)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t w, bad;

	memcpy(&w, p, 8);
	bad = w | (w - ones * 0x20);
	bad |= ((w ^ ones * '"') - ones) | ((w ^ ones * '\\') - ones);
	bad |= ((w ^ ones * 0x7f) - ones) | ((w ^ ones * (unsigned char)space) - ones);
	return (bad & ones << 7) == 0;
}

/* "\xNN" with two digits, "\u00NN" with four. */
static size_t put_hex(char *out, char kind, unsigned value, size_t digits)
{
	out[0] = '\\';
	out[1] = kind;
	for (size_t i = digits; i > 0; i--) {
		out[1 + i] = "0123456789abcdef"[value & 15];
		value >>= 4;
	}
	return 2 + digits;
}

/* The character at the start of `s` in at most 8 bytes; how many it took of `s` in *used_r. */
static size_t escape_char(char out[8], struct span s, enum access_style style, size_t *used_r)
{
	size_t n = utf8_len(s), len = 0;
	const unsigned char *p = (const unsigned char *)s.p;

	*used_r = n > 0 ? n : 1;
	if (n > 2 || (n == 2 && !(p[0] == 0xc2 && p[1] < 0xa0))) { /* no C1 */
		memcpy(out, p, n);
		return n;
	}
	if (style == ACCESS_JSON && (p[0] == '"' || p[0] == '\\')) {
		out[0] = '\\';
		out[1] = s.p[0];
		return 2;
	}
	if (style == ACCESS_JSON) /* U+0080 … U+009F are numbered as their second byte */
		return put_hex(out, 'u', n > 0 ? p[n - 1] : 0xfffd, 4);
	for (size_t i = 0; i < *used_r; i++)
		len += put_hex(out + len, 'x', p[i], 2);
	return len;
}

char *access_escape(char *out, struct span s, enum access_style style)
{
	const char *limit = out + ACCESS_VALUE_MAX, *end = s.p + s.n, *p = s.p;
	char space = style == ACCESS_BARE ? ' ' : '"';

	while (p < end) {
		const char *stop = end - p <= limit - out ? end : p + (limit - out);
		size_t used, n;
		char unit[8];

		for (; stop - p >= 8 && are_plain(p, space); p += 8, out += 8)
			memcpy(out, p, 8);
		while (p < stop && is_plain(*p, space))
			*out++ = *p++;
		if (p == end)
			break;
		n = escape_char(unit, (struct span){p, (size_t)(end - p)}, style, &used);
		if (out + n > limit) {
			memcpy(out, ACCESS_MARK, sizeof(ACCESS_MARK) - 1);
			return out + sizeof(ACCESS_MARK) - 1;
		}
		memcpy(out, unit, n);
		out += n;
		p += used;
	}
	return out;
}
