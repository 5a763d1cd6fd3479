/*
 * llhttp's callbacks: bytes of the request → exchange. A callback that refuses sets h->reject and
 * h->why and stops the parser; h1_conn.c answers. The parser stops too where a head and where a
 * message ends: nobody is told before the bytes up to there were vetted.
 *
 * llhttp as it is built by default is not strict: it takes folded lines, blanks in names, empty
 * names, bare CR or LF here and there, any two bytes behind a chunk, RTSP for HTTP. What it lets
 * pass and another server may understand differently is refused here, so that it does not matter
 * how the library was built.
 */
#include "http/h1_int.h"

static int refuse(struct h1 *h, int status, const char *why)
{
	h->reject = (uint16_t)status;
	h->why = why;
	return HPE_USER;
}

/* ---- what llhttp does not look at --------------------------------------------------------------
 */

/* LF stands behind CR and nowhere else, and CR before LF; no line begins with a blank. */
static inline unsigned breaks_rule(unsigned char before, unsigned char c)
{
	return (unsigned)((before == '\r') ^ (c == '\n')) |
	       ((unsigned)(before == '\n') & ((unsigned)(c == ' ') | (unsigned)(c == '\t')));
}

#define BLOCK 16 /* of a fixed size, so that the compiler uses vectors */

static bool lines_ok(char before, const char *bytes, size_t n)
{
	const unsigned char *p = (const unsigned char *)bytes;
	unsigned char bad = (unsigned char)breaks_rule((unsigned char)before, p[0]);
	size_t i = 1;

	for (; i + BLOCK <= n; i += BLOCK)
		for (size_t j = 0; j < BLOCK; j++)
			bad |= (unsigned char)breaks_rule(p[i + j - 1], p[i + j]);
	for (; i < n; i++)
		bad |= (unsigned char)breaks_rule(p[i - 1], p[i]);
	return bad == 0;
}

/* The five bytes before `at`, some of which may have come with an earlier read. */
static void look_back(const struct h1 *h, const char *at, char out[5])
{
	size_t here = MIN((size_t)(at - h->mark), sizeof(h->tail));

	memcpy(out, h->tail + here, sizeof(h->tail) - here);
	memcpy(out + sizeof(h->tail) - here, at - here, here);
}

bool h1_vet(struct h1 *h, const char *to)
{
	size_t n = (size_t)(to - h->mark);
	const char *from = h->mark;
	char tail[sizeof(h->tail)];

	if (n == 0)
		return true;
	if ((h->after_data && *from != '\r') || !lines_ok(h->tail[sizeof(tail) - 1], from, n)) {
		refuse(h, 400, "a line is folded or does not end in CRLF");
		return false;
	}
	look_back(h, to, tail);
	memcpy(h->tail, tail, sizeof(tail));
	h->after_data = false;
	h->mark = to;
	h->head_n += (uint32_t)n;
	if (h->head_n > http_limits.head_max) {
		refuse(h, 431, "the request head or its like is larger than --head-max");
		return false;
	}
	return true;
}

/* ---- the head, piece by piece ------------------------------------------------------------------
 */

static int on_message_begin(llhttp_t *p)
{
	struct h1 *h = p->data;

	if (h1_begin_exchange(h) == NULL)
		return refuse(h, 503, "too many requests in progress");
	return 0;
}

static int on_method(llhttp_t *p, const char *at, size_t n)
{
	struct h1 *h = p->data;

	if (h->method_n == 0) { /* empty lines may have come before it */
		if (!h1_vet(h, at))
			return HPE_USER;
		h->head_n = 0;
	}
	h->method_n = (uint8_t)(h->method_n + n);
	return 0;
}

/* Spans come in pieces when a read ended in their middle. Room for them grows by doubling. */
static char *grow_target(struct h1 *h, size_t n)
{
	struct span t = h->ex->head.target;
	size_t cap = t.n == 0 ? 0 : 64;
	char *bytes;

	while (cap != 0 && cap < t.n)
		cap *= 2;
	if (t.n + n <= cap)
		return (char *)t.p;
	cap = MAX(cap, 64);
	while (cap < t.n + n)
		cap *= 2;
	bytes = arena_alloc(&h->ex->arena, cap);
	if (t.n > 0)
		memcpy(bytes, t.p, t.n);
	return bytes;
}

static int on_url(llhttp_t *p, const char *at, size_t n)
{
	struct h1 *h = p->data;
	struct span *t = &h->ex->head.target;
	char *bytes;

	if (n == 0)
		return 0;
	if (t->n + n > http_limits.target_max)
		return refuse(h, 414, "the request target is longer than --target-max");
	bytes = grow_target(h, n);
	memcpy(bytes + t->n, at, n);
	*t = (struct span){bytes, t->n + n};
	return 0;
}

/* RFC 9112 3: method SP target SP HTTP-version, and llhttp takes RTSP and more spaces as well. */
static int on_version(llhttp_t *p, const char *at, size_t n)
{
	struct h1 *h = p->data;
	char protocol[5];
	size_t before;

	if (h->version_seen)
		return 0;
	h->version_seen = true;
	look_back(h, at, protocol);
	if (memcmp(protocol, "HTTP/", sizeof(protocol)) != 0)
		return refuse(h, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	before = h->head_n + (size_t)(at - h->mark);
	if (before != h->method_n + 1 + h->ex->head.target.n + 1 + sizeof(protocol))
		return refuse(h, 400, "the request line has more than single spaces");
	return 0;
}

static int on_header_field(llhttp_t *p, const char *at, size_t n)
{
	struct h1 *h = p->data;
	struct fields *f = &h->ex->head.fields;
	bool ok = true;

	if (h->in_trailers) {
		ok = n == 0 || field_name_ok((struct span){at, n});
	} else {
		if (f->n == 0 || h->field_closed) {
			if (f->n >= http_limits.fields_max)
				return refuse(
					h, 431, "the request has more fields than --fields-max");
			fields_open(f);
			h->field_closed = false;
		}
		ok = fields_name(f, at, n);
	}
	h->named |= n > 0;
	return ok ? 0 : refuse(h, 400, "a field name is no token");
}

static int on_header_value(llhttp_t *p, const char *at, size_t n)
{
	struct h1 *h = p->data;

	if (!field_value_ok((struct span){at, n}))
		return refuse(h, 400, "a field value has a control character");
	if (!h->in_trailers)
		fields_value(&h->ex->head.fields, at, n);
	return 0;
}

static int on_header_value_complete(llhttp_t *p)
{
	struct h1 *h = p->data;

	if (!h->named)
		return refuse(h, 400, "a field has no name");
	h->named = false;
	if (h->in_trailers) {
		if (++h->trailers_n > http_limits.fields_max)
			return refuse(h, 431, "the request has more trailers than --fields-max");
		return 0;
	}
	fields_close(&h->ex->head.fields);
	h->field_closed = true;
	return 0;
}

/* ---- the head as a whole -----------------------------------------------------------------------
 */

struct codings {
	unsigned fields, n, chunked;
	bool empty; /* a field or an element at its end with nothing in it */
	struct span last;
};

static struct codings read_codings(const struct fields *f)
{
	struct codings c = {.last = SPAN("")};
	uint32_t i = 0;
	struct span value;

	while (fields_find(f, SPAN("transfer-encoding"), &i, &value)) {
		c.fields++;
		c.empty |= value.n == 0 || value.p[0] == ',' || value.p[value.n - 1] == ',';
		while (span_next_token(&value, &c.last)) {
			c.n++;
			c.chunked += span_ieq(c.last, SPAN("chunked"));
		}
	}
	return c;
}

/* RFC 9112 6.1, 6.3: how the body is framed. 0, or the refusal. */
static int check_codings(struct h1 *h, const struct codings *c)
{
	if (h->ex->head.minor == 0)
		return refuse(h, 400, "Transfer-Encoding in an HTTP/1.0 request");
	if (!span_ieq(c->last, SPAN("chunked")))
		return refuse(h, 400, "the last transfer coding is not chunked");
	if (c->chunked > 1)
		return refuse(h, 400, "chunked more than once");
	if (c->empty)
		return refuse(h, 400, "an empty transfer coding");
	if (c->n > 1)
		return refuse(h, 501, "a transfer coding other than chunked");
	return 0;
}

static int check_framing(struct h1 *h)
{
	const struct fields *f = &h->ex->head.fields;
	unsigned lengths = fields_count(f, SPAN("content-length"));
	struct codings c = read_codings(f);
	/* The parser frames the body, so it must have understood the fields as we do. */
	bool agrees = ((h->parser.flags & F_CHUNKED) != 0) == (c.fields > 0) &&
	              ((h->parser.flags & F_CONTENT_LENGTH) != 0) == (lengths > 0);
	int rc = 0;

	if (lengths > 1)
		return refuse(h, 400, "more than one Content-Length");
	if (lengths > 0 && c.fields > 0)
		return refuse(h, 400, "both Content-Length and Transfer-Encoding");
	if (c.fields > 0)
		rc = check_codings(h, &c);
	return rc != 0 || agrees ? rc : refuse(h, 400, "the framing of the body is malformed");
}

static int check_expect(struct h1 *h)
{
	uint32_t i = 0;
	struct span value;

	while (fields_find(&h->ex->head.fields, SPAN("expect"), &i, &value)) {
		if (!span_ieq(value, SPAN("100-continue")))
			return refuse(h, 417, "an expectation other than 100-continue");
		h->expects = h->ex->head.minor >= 1;
	}
	return 0;
}

static int check_head(struct h1 *h)
{
	struct head *head = &h->ex->head;
	const char *wrong = head_check_host(head);

	if (wrong == NULL)
		wrong = head_split_target(head);
	if (wrong != NULL)
		return refuse(h, 400, wrong);
	if (!head_decode_path(&h->ex->arena, head->raw_path, &head->path))
		return refuse(h, 400, "the request path has a bad percent escape");

	int rc = check_framing(h);

	return rc != 0 ? rc : check_expect(h);
}

/* Methods that llhttp knows and we do not serve: a tunnel, HTTP/2's preface, and RTSP's. */
static bool method_served(int method)
{
	return method != HTTP_CONNECT && method != HTTP_PRI && method <= HTTP_SOURCE;
}

/* RFC 9112 9.3: close wins over all else. */
static bool may_stay(const llhttp_t *p)
{
	return llhttp_should_keep_alive(p) != 0 && (p->flags & F_CONNECTION_CLOSE) == 0;
}

static int on_headers_complete(llhttp_t *p)
{
	struct h1 *h = p->data;
	struct exchange *ex = h->ex;
	bool chunked = (p->flags & F_CHUNKED) != 0;
	int rc;

	if (p->http_major != 1 || p->http_minor > 1)
		return refuse(h, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	if (!method_served(p->method))
		return refuse(h, 501, "the request method is not served here");
	ex->head.method = span_of(llhttp_method_name((llhttp_method_t)p->method));
	ex->head.major = p->http_major;
	ex->head.minor = p->http_minor;
	rc = check_head(h);
	if (rc != 0)
		return rc;
	h->has_body = chunked || p->content_length > 0;
	if (!chunked)
		ex->in_length = p->content_length;
	if (!chunked && ex->in_length > http_limits.body_max)
		return refuse(h, 413, "the request body is larger than --body-max");
	h->expects = h->expects && h->has_body;
	h->keep_alive = may_stay(p);
	p->upgrade = 0; /* offers to change the protocol are ignored (RFC 9110 7.8) */
	return HPE_PAUSED;
}

/* ---- the body ----------------------------------------------------------------------------------
 */

static int on_body(llhttp_t *p, const char *at, size_t n)
{
	struct h1 *h = p->data;
	struct exchange *ex = h->ex;

	if (!h1_vet(h, at))
		return HPE_USER;
	h->mark = at + n;
	h->after_data = (p->flags & F_CHUNKED) != 0;
	h->head_n = 0;
	h->expects = false; /* it did not wait for us */
	if (h->answered) {
		h->dropped += (uint32_t)n;
		if (h->dropped > HTTP_DROP_MAX)
			return refuse(h, 413, "the rest of the body is too large to be dropped");
		return 0;
	}
	if (ex->in_total + n > http_limits.body_max)
		return refuse(h, 413, "the request body is larger than --body-max");
	exchange_push(ex, at, n);
	return 0;
}

static int on_chunk_header(llhttp_t *p)
{
	struct h1 *h = p->data;

	if (!h->answered && p->content_length > http_limits.body_max - h->ex->in_total)
		return refuse(h, 413, "the request body is larger than --body-max");
	h->in_trailers = p->content_length == 0;
	return 0;
}

/* Dropped, but not without bound: all of them together may be as large as a head. */
static int on_chunk_extension(llhttp_t *p, const char *at, size_t n)
{
	struct h1 *h = p->data;

	h->extra_n += (uint32_t)n;
	if (h->extra_n > http_limits.head_max)
		return refuse(h, 431, "the chunk extensions are larger than --head-max");
	return 0;
}

static int on_message_complete(llhttp_t *p)
{
	return HPE_PAUSED;
}

/* What could not stand in any method is not a method that is unknown. */
static bool failed_at_tchar(const struct h1 *h)
{
	const char *at = llhttp_get_error_pos(&h->parser);

	return at != NULL && field_name_ok((struct span){at, 1});
}

int h1_parse_status(struct h1 *h, llhttp_errno_t err)
{
	const llhttp_t *p = &h->parser;

	if (h->reject != 0)
		return h->reject;
	h->why = llhttp_get_error_reason(p);
	if (err == HPE_INVALID_METHOD && failed_at_tchar(h)) {
		h->why = "the request method is not known";
		return 501;
	}
	if ((err == HPE_INVALID_VERSION && (p->http_major != 1 || p->http_minor > 1)) ||
		err == HPE_PAUSED_H2_UPGRADE) {
		h->why = "only HTTP/1.0 and HTTP/1.1 are spoken here";
		return 505;
	}
	return 400;
}

const llhttp_settings_t h1_parser_settings = {
	.on_message_begin = on_message_begin,
	.on_method = on_method,
	.on_url = on_url,
	.on_version = on_version,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_header_value_complete = on_header_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_chunk_header = on_chunk_header,
	.on_chunk_extension_name = on_chunk_extension,
	.on_chunk_extension_value = on_chunk_extension,
	.on_message_complete = on_message_complete,
};
