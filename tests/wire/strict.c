#include "strict.h"

#include "base/mem.h"

struct reader {
	struct span in; /* what is left */
	bool http10;
	bool close;
	int hosts, lengths, codings;
	uint64_t length;
};

static bool is_tchar(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_tchar(s.p[i]))
			return false;
	return s.n > 0;
}

/* VCHAR, obs-text, SP and HTAB. */
static bool is_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

static void skip(struct reader *r, size_t n)
{
	r->in.p += n;
	r->in.n -= n;
}

/* Up to CRLF, with no other CR or LF in it. */
static bool line(struct reader *r, struct span *line_r)
{
	for (size_t i = 0; i + 1 < r->in.n; i++) {
		if (r->in.p[i] == '\r' && r->in.p[i + 1] == '\n') {
			*line_r = (struct span){r->in.p, i};
			skip(r, i + 2);
			return true;
		}
		if (r->in.p[i] == '\r' || r->in.p[i] == '\n')
			return false;
	}
	return false;
}

/* What is before `c` goes to *part_r, and `c` is skipped. */
static bool cut(struct span *s, char c, struct span *part_r)
{
	const char *at = s->n > 0 ? memchr(s->p, c, s->n) : NULL;

	if (at == NULL)
		return false;
	*part_r = (struct span){s->p, (size_t)(at - s->p)};
	s->p = at + 1;
	s->n -= part_r->n + 1;
	return true;
}

static bool target_ok(struct span method, struct span target)
{
	for (size_t i = 0; i < target.n; i++)
		if ((unsigned char)target.p[i] <= 0x20 || target.p[i] == 0x7f || target.p[i] == '#')
			return false;
	if (span_eq(target, SPAN("*")))
		return span_eq(method, SPAN("OPTIONS"));
	return target.n > 0 && !span_eq(method, SPAN("CONNECT")) &&
	       (target.p[0] == '/' || memmem(target.p, target.n, "://", 3) != NULL);
}

static bool request_line(struct reader *r, struct buf *log)
{
	struct span rest, method, target;

	if (!line(r, &rest) || !cut(&rest, ' ', &method) || !cut(&rest, ' ', &target))
		return false;
	if (!is_token(method) || !target_ok(method, target))
		return false;
	r->http10 = span_eq(rest, SPAN("HTTP/1.0"));
	if (!r->http10 && !span_eq(rest, SPAN("HTTP/1.1")))
		return false;
	buf_append(log, method.p, method.n);
	buf_putc(log, ' ');
	buf_append(log, target.p, target.n);
	buf_putc(log, '\n');
	return true;
}

static bool has(struct span list, struct span wanted)
{
	struct span token;

	while (span_next_token(&list, &token))
		if (span_ieq(token, wanted))
			return true;
	return false;
}

static bool note_field(struct reader *r, struct span name, struct span value)
{
	if (span_ieq(name, SPAN("host"))) {
		r->hosts++;
	} else if (span_ieq(name, SPAN("content-length"))) {
		r->lengths++;
		return span_to_u64(value, &r->length);
	} else if (span_ieq(name, SPAN("transfer-encoding"))) {
		r->codings++;
		return span_ieq(value, SPAN("chunked"));
	} else if (span_ieq(name, SPAN("connection"))) {
		r->close |= has(value, SPAN("close"));
	}
	return true;
}

/* A head's fields, or trailers. */
static bool fields(struct reader *r, bool trailers)
{
	struct span s, name;

	for (;;) {
		if (!line(r, &s))
			return false;
		if (s.n == 0)
			return true;
		if (!cut(&s, ':', &name) || !is_token(name) || !is_text(s))
			return false;
		if (!trailers && !note_field(r, name, span_trim(s)))
			return false;
	}
}

static bool head(struct reader *r, struct buf *log)
{
	struct span empty = {0};

	while (r->in.n >= 2 && memcmp(r->in.p, "\r\n", 2) == 0)
		line(r, &empty);
	r->hosts = r->lengths = r->codings = 0;
	r->length = 0;
	r->close = false;
	if (!request_line(r, log) || !fields(r, false))
		return false;
	if (r->hosts > 1 || (r->hosts == 0 && !r->http10))
		return false;
	return r->lengths + r->codings <= 1 && (r->codings == 0 || !r->http10);
}

static bool chunk_size(struct reader *r, uint64_t *n)
{
	struct span s;
	size_t i = 0;

	if (!line(r, &s))
		return false;
	for (*n = 0; i < s.n; i++) {
		char c = s.p[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
		            : c >= 'a' && c <= 'f' ? c - 'a' + 10
		            : c >= 'A' && c <= 'F' ? c - 'A' + 10
		                                   : -1;

		if (digit < 0)
			break;
		if (*n >> 60 != 0)
			return false;
		*n = *n << 4 | (uint64_t)digit;
	}
	return i > 0 && (i == s.n || s.p[i] == ';');
}

static bool chunks(struct reader *r)
{
	uint64_t n;
	struct span s;

	while (chunk_size(r, &n)) {
		if (n == 0)
			return fields(r, true);
		if (n > r->in.n)
			return false;
		skip(r, (size_t)n);
		if (!line(r, &s) || s.n != 0)
			return false;
	}
	return false;
}

static bool body(struct reader *r)
{
	if (r->codings > 0)
		return chunks(r);
	if (r->length > r->in.n)
		return false;
	skip(r, (size_t)r->length);
	return true;
}

void strict_read(struct span in, struct buf *log)
{
	struct reader r = {.in = in};
	size_t sound = 0;

	buf_clear(log);
	while (head(&r, log)) {
		sound = log->n;
		if (r.close || !body(&r))
			break;
	}
	log->n = sound;
}
