#include "base/log.h"
#include "base/log_int.h"
#include "base/utf8.h"

void log_out_put(struct log_out *o, const char *p, size_t n)
{
	memcpy(o->p + o->n, p, n);
	o->n += n;
}

void log_out_puts(struct log_out *o, const char *s)
{
	log_out_put(o, s, strlen(s));
}

/* Keys and events may come from an application, so they are not trusted either. */
void log_out_word(struct log_out *o, const char *s)
{
	if (!*s)
		s = "_";
	for (; *s; s++) {
		char c = *s;
		bool word =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		o->p[o->n++] = word || c == '.' || c == '-' ? c : '_';
	}
}

/* C0, DEL, and C1 too: some terminals and viewers obey U+0085 and U+009B. `n`: its utf8_len. */
static bool is_control(struct span s, size_t n)
{
	unsigned char c = (unsigned char)s.p[0];

	return n == 1 ? c < 0x20 || c == 0x7f : n == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0;
}

/* Written as it is in every style: printable ASCII but for the two that quoting needs. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* "\xNN" with two digits, "\u00NN" with four. */
static size_t put_hex(char *out, char kind, unsigned value, int digits)
{
	out[0] = '\\';
	out[1] = kind;
	for (int i = digits; i > 0; i--) {
		out[1 + i] = "0123456789abcdef"[value & 15];
		value >>= 4;
	}
	return 2 + (size_t)digits;
}

/*
 * A control character, or one byte that is not valid. JSON speaks of characters (the number of a
 * C1 one is its second byte; an invalid byte is U+FFFD), the text format of bytes.
 */
static size_t escape_hex(enum log_style style, const char *p, size_t n, bool valid, char *out)
{
	size_t len = 0;

	if (style == LOG_STYLE_JSON)
		return put_hex(out, 'u', valid ? (unsigned char)p[n - 1] : 0xfffd, 4);
	for (size_t i = 0; i < n; i++)
		len += put_hex(out + len, 'x', (unsigned char)p[i], 2);
	return len;
}

/* One character at the start of `s` into `out`; the bytes it took of `s` in *used_r. */
static size_t escape(enum log_style style, struct span s, char out[8], size_t *used_r)
{
	size_t n = utf8_len(s);
	char c = s.p[0];

	*used_r = n ? n : 1;
	if (style == LOG_STYLE_PLAIN && (c == '"' || c == '\\' || c == '\t')) {
		out[0] = c;
		return 1;
	}
	if (c == '"' || c == '\\' || c == '\n' || c == '\t') {
		out[0] = '\\';
		out[1] = c == '\n' ? 'n' : c == '\t' ? 't' : c;
		return 2;
	}
	if (n == 0 || is_control(s, n))
		return escape_hex(style, s.p, *used_r, n > 0, out);
	memcpy(out, s.p, n);
	return n;
}

bool log_out_escaped(struct log_out *o, enum log_style style, struct span s)
{
	while (s.n > 0) {
		size_t run = 0, used, len;
		char unit[8];

		while (run < s.n && is_plain((unsigned char)s.p[run]))
			run++;
		if (run > 0) {
			used = MIN(run, o->n < LOG_ROOM ? LOG_ROOM - o->n : 0);
			log_out_put(o, s.p, used);
			if (used < run)
				return false;
		} else {
			len = escape(style, s, unit, &used);
			if (!log_out_fits(o, len))
				return false;
			log_out_put(o, unit, len);
		}
		s.p += used;
		s.n -= used;
	}
	return true;
}

bool log_needs_quotes(struct span s)
{
	size_t n;

	for (size_t i = 0; i < s.n; i += n) {
		struct span rest = {s.p + i, s.n - i};
		char c = *rest.p;

		n = utf8_len(rest);
		if (n == 0 || is_control(rest, n) || c == ' ' || c == '"' || c == '=' || c == '\\')
			return true;
	}
	return s.n == 0;
}
