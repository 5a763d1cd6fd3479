#include "answer.h"

/* A cursor over the bytes. */
struct reader {
	struct answer *a;
	struct span in;
	size_t at;
	uint64_t length;
	bool has_length, chunked, has_date;
};

static bool fail(struct reader *r, const char *why)
{
	if (r->a->wrong == NULL)
		r->a->wrong = why;
	return false;
}

static bool more(struct reader *r)
{
	r->a->incomplete = true;
	return false;
}

/* A line without its CRLF; no other CR or LF is in it. */
static bool line(struct reader *r, struct span *line_r)
{
	const char *start = r->in.p + r->at;
	const char *lf = memchr(start, '\n', r->in.n - r->at);

	if (lf == NULL)
		return more(r);
	*line_r = (struct span){start, (size_t)(lf - start)};
	if (line_r->n == 0 || start[line_r->n - 1] != '\r')
		return fail(r, "a line does not end in CRLF");
	line_r->n--;
	if (memchr(line_r->p, '\r', line_r->n) != NULL)
		return fail(r, "a CR inside a line");
	r->at += line_r->n + 2;
	return true;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool status_line(struct reader *r)
{
	struct span s;

	if (!line(r, &s))
		return false;
	if (s.n < 13 || memcmp(s.p, "HTTP/1.1 ", 9) != 0 || !digit(s.p[9]) || !digit(s.p[10]) ||
		!digit(s.p[11]) || s.p[12] != ' ')
		return fail(r, "no status line");
	r->a->status = (s.p[9] - '0') * 100 + (s.p[10] - '0') * 10 + s.p[11] - '0';
	return true;
}

static bool field(struct reader *r, struct span s)
{
	const char *colon = memchr(s.p, ':', s.n);
	struct span name, value;

	if (colon == NULL || colon == s.p || colon[1] != ' ')
		return fail(r, "a field without a name or a colon");
	name = (struct span){s.p, (size_t)(colon - s.p)};
	value = (struct span){colon + 2, s.n - name.n - 2};
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f)
			return fail(r, "a bad field name");
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < 0x20 && value.p[i] != '\t')
			return fail(r, "a control character in a field");
	if (span_ieq(name, SPAN("content-length"))) {
		if (r->has_length || !span_to_u64(value, &r->length))
			return fail(r, "a bad or second content-length");
		r->has_length = true;
	} else if (span_ieq(name, SPAN("transfer-encoding"))) {
		if (r->chunked || !span_eq(value, SPAN("chunked")))
			return fail(r, "a bad or second transfer-encoding");
		r->chunked = true;
	} else if (span_ieq(name, SPAN("connection"))) {
		r->a->close |= span_eq(value, SPAN("close"));
	} else if (span_ieq(name, SPAN("date"))) {
		if (r->has_date || value.n != 29)
			return fail(r, "a bad or second date");
		r->has_date = true;
	}
	return true;
}

static bool fields(struct reader *r)
{
	struct span s;

	for (;;) {
		if (!line(r, &s))
			return false;
		if (s.n == 0)
			return true;
		if (!field(r, s))
			return false;
	}
}

static bool take(struct reader *r, uint64_t n)
{
	if (r->in.n - r->at < n)
		return more(r);
	buf_append(&r->a->body, r->in.p + r->at, (size_t)n);
	r->at += (size_t)n;
	return true;
}

static int hex_digit(char c)
{
	return digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool chunk_size(struct reader *r, uint64_t *n)
{
	struct span s;

	if (!line(r, &s))
		return false;
	if (s.n == 0 || s.n > 8 || (s.p[0] == '0' && s.n > 1))
		return fail(r, "a bad chunk size");
	*n = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (hex_digit(s.p[i]) < 0)
			return fail(r, "a bad chunk size");
		*n = *n << 4 | (uint64_t)hex_digit(s.p[i]);
	}
	return true;
}

static bool chunks(struct reader *r)
{
	uint64_t n;

	while (chunk_size(r, &n)) {
		struct span s;

		if (n == 0)
			return fields(r);
		if (!take(r, n) || !line(r, &s))
			return false;
		if (s.n != 0)
			return fail(r, "no CRLF behind a chunk");
	}
	return false;
}

static bool body(struct reader *r, bool head, bool closed)
{
	int status = r->a->status;

	if (status < 200 || status == 204) {
		if (r->has_length || r->chunked)
			return fail(r, "framing where no body can be");
		return true;
	}
	if (!r->has_date)
		return fail(r, "no date");
	if (r->has_length && r->chunked)
		return fail(r, "two framings");
	if (head || status == 304)
		return true;
	if (r->chunked)
		return chunks(r);
	if (r->has_length)
		return take(r, r->length);
	if (!r->a->close)
		return fail(r, "no framing on a connection that stays open");
	r->a->to_the_end = true;
	return closed ? take(r, r->in.n - r->at) : more(r);
}

size_t answer_read(struct answer *a, struct span in, bool head, bool closed)
{
	struct reader r = {.a = a, .in = in};

	*a = (struct answer){0};
	if (in.n == 0)
		return more(&r);
	if (!status_line(&r) || !fields(&r) || !body(&r, head, closed))
		return 0;
	return r.at;
}
