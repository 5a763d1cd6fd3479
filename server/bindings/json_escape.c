#include "bindings/json_escape.h"

#include "base/utf8.h"

#include <string.h>

/* What can stand in a string as it is, fit for a script or not. */
static const bool plain[2][256] = {
	{[' '] = true, [0x21] = true, [0x23 ... 0x5b] = true, [0x5d ... 0x7f] = true},
	{[' '] = true,
		[0x21] = true,
		[0x23 ... 0x25] = true,
		[0x27 ... 0x3b] = true,
		['='] = true,
		[0x3f ... 0x5b] = true,
		[0x5d ... 0x7f] = true},
};

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Whether eight bytes can stand as they are, not fit for a script: none is a control, a quote, a
 * backslash or part of UTF-8. Wrong only in being too strict. */
static inline bool plain8(uint64_t x)
{
	uint64_t quote = x ^ EACH('"'), backslash = x ^ EACH('\\');

	return (((x - EACH(0x20)) | (quote - EACH(1)) | (backslash - EACH(1)) | x) & EACH(0x80)) ==
	       0;
}

static char *put_escape(char *out, unsigned c)
{
	static const char names[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	static const char hex[] = "0123456789abcdef";
	const char *at = c != 0 && c < 0x80 ? strchr(names, (int)c) : NULL;

	*out++ = '\\';
	if (at != NULL) {
		*out++ = letters[at - names];
		return out;
	}
	*out++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*out++ = hex[c >> shift & 15];
	return out;
}

/* Line and paragraph separators end a line in the JavaScript of old. */
static bool ends_line(const char *p, size_t n)
{
	return n == 3 && memcmp(p, "\xe2\x80", 2) == 0 && (p[2] == '\xa8' || p[2] == '\xa9');
}

/* What cannot stand as it is, or is more than a byte. NULL: it is no UTF-8. */
static char *put_odd(char *out, const char **p, const char *end, bool html)
{
	unsigned char c = (unsigned char)**p;
	size_t n;

	if (c < 0x80) {
		++*p;
		return put_escape(out, c);
	}
	n = utf8_len((struct span){*p, (size_t)(end - *p)});
	if (html && ends_line(*p, n)) {
		out = put_escape(out, 0x2028 + (unsigned)((*p)[2] & 1));
		*p += n;
		return out;
	}
	for (size_t i = 0; i < n; i++)
		*out++ = *(*p)++;
	return n > 0 ? out : NULL;
}

char *json_escape(char *out, const char **at, const char *stop, const char *end, bool html)
{
	const bool *as_it_is = plain[html];
	const char *p = *at;

	while (p < stop && out != NULL) {
		uint64_t eight;

		while (!html && stop - p >= 8 && (memcpy(&eight, p, 8), plain8(eight))) {
			memcpy(out, &eight, 8);
			p += 8;
			out += 8;
		}
		while (p < stop && as_it_is[(unsigned char)*p])
			*out++ = *p++;
		if (p < stop)
			out = put_odd(out, &p, end, html);
	}
	*at = p;
	return out;
}
