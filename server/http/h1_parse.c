/*
 * llhttp's callbacks: bytes of the request → exchange. A callback that refuses sets h->reject and
 * h->why and stops the parser; h1_conn.c answers.
 */
#include "http/h1_int.h"

static int refuse(struct h1 *h, int status, const char *why)
{
	h->reject = (uint16_t)status;
	h->why = why;
	return HPE_USER;
}

/* Counts bytes of the head (or of the trailers, anew) against the limit. */
static int count_head(struct h1 *h, size_t n)
{
	h->head_n += (uint32_t)n;
	if (h->head_n > http_limits.head_max)
		return refuse(h, 431, "the request head is larger than --head-max");
	return 0;
}

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

	return count_head(h, n);
}

/* Spans come in pieces when a read ended in their middle: the arena grows the last one. */
static int on_url(llhttp_t *p, const char *at, size_t n)
{
	struct h1 *h = p->data;
	struct head *head = &h->ex->head;

	if (head->target.n + n > http_limits.target_max)
		return refuse(h, 414, "the request target is longer than --target-max");
	if (head->target.n == 0) {
		head->target = arena_dup(&h->ex->arena, (struct span){at, n});
	} else {
		char *joined = arena_alloc(&h->ex->arena, head->target.n + n);

		memcpy(joined, head->target.p, head->target.n);
		memcpy(joined + head->target.n, at, n);
		head->target = (struct span){joined, head->target.n + n};
	}
	return count_head(h, n);
}

static int on_header_field(llhttp_t *p, const char *at, size_t n)
{
	struct h1 *h = p->data;
	struct fields *f = &h->ex->head.fields;

	if (h->in_trailers)
		return count_head(h, n);
	if (f->n == 0 || h->field_closed) {
		if (f->n >= http_limits.fields_max)
			return refuse(h, 431, "the request has more fields than --fields-max");
		fields_open(f);
		h->field_closed = false;
	}
	fields_name(f, at, n);
	return count_head(h, n);
}

static int on_header_value(llhttp_t *p, const char *at, size_t n)
{
	struct h1 *h = p->data;

	if (!h->in_trailers)
		fields_value(&h->ex->head.fields, at, n);
	return count_head(h, n);
}

static int on_header_value_complete(llhttp_t *p)
{
	struct h1 *h = p->data;
	struct fields *f = &h->ex->head.fields;

	h->head_n += 4; /* ": " and CRLF, about */
	if (h->in_trailers) {
		if (++h->trailers_n > http_limits.fields_max)
			return refuse(h, 431, "the request has more trailers than --fields-max");
		return 0;
	}
	fields_close(f);
	h->field_closed = true;
	if (!field_value_ok(field_value(f, f->n - 1)))
		return refuse(h, 400, "a field value has a control character");
	return 0;
}

/* ---- the head as a whole ----------------------------------------------------------------------- */

/* RFC 9112 6.1, 6.3: how the body is framed. 0, or the refusal. */
static int check_framing(struct h1 *h)
{
	struct head *head = &h->ex->head;
	unsigned lengths = fields_count(&head->fields, SPAN("content-length"));
	uint32_t i = 0, codings = 0;
	struct span value, coding = {"", 0};
	bool unknown = false;

	while (fields_find(&head->fields, SPAN("transfer-encoding"), &i, &value)) {
		codings++;
		while (span_next_token(&value, &coding))
			unknown |= !span_ieq(coding, SPAN("chunked"));
	}
	if (codings == 0) {
		if (lengths > 1)
			return refuse(h, 400, "more than one Content-Length");
		return 0;
	}
	if (lengths > 0)
		return refuse(h, 400, "both Content-Length and Transfer-Encoding");
	if (head->minor == 0)
		return refuse(h, 400, "Transfer-Encoding in an HTTP/1.0 request");
	if (!span_ieq(coding, SPAN("chunked")))
		return refuse(h, 400, "the last transfer coding is not chunked");
	if (unknown)
		return refuse(h, 501, "a transfer coding other than chunked");
	if (codings > 1)
		return refuse(h, 400, "chunked more than once");
	return 0;
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

static int on_headers_complete(llhttp_t *p)
{
	struct h1 *h = p->data;
	struct exchange *ex = h->ex;
	int rc;

	if (p->http_major != 1 || p->http_minor > 1)
		return refuse(h, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	if (!method_served(p->method))
		return refuse(h, 501, "the request method is not served here");
	ex->head.method = span_of(llhttp_method_name((llhttp_method_t)p->method));
	ex->head.major = p->http_major;
	ex->head.minor = p->http_minor;
	ex->is_head = p->method == HTTP_HEAD;
	rc = check_head(h);
	if (rc != 0)
		return rc;

	bool chunked = (p->flags & F_CHUNKED) != 0;
	bool has_body = chunked || ((p->flags & F_CONTENT_LENGTH) != 0 && p->content_length > 0);

	if (!chunked)
		ex->in_length = has_body ? p->content_length : 0;
	if (ex->in_length != EXCHANGE_LENGTH_UNKNOWN && ex->in_length > http_limits.body_max)
		return refuse(h, 413, "the request body is larger than --body-max");
	h->expects = h->expects && has_body;
	h->keep_alive = llhttp_should_keep_alive(p) != 0;
	h->head_n = 0;
	p->upgrade = 0; /* offers to change the protocol are ignored (RFC 9110 7.8) */
	h1_set_state(h, H1_BODY);
	exchange_opened(ex, has_body);
	return 0;
}

/* ---- the body ---------------------------------------------------------------------------------- */

static int on_body(llhttp_t *p, const char *at, size_t n)
{
	struct h1 *h = p->data;
	struct exchange *ex = h->ex;

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

	h->in_trailers = p->content_length == 0;
	h->head_n = 0;
	return 0;
}

static int on_chunk_extension(llhttp_t *p, const char *at, size_t n)
{
	return count_head(p->data, n); /* dropped, but not without bound */
}

static int on_message_complete(llhttp_t *p)
{
	struct h1 *h = p->data;

	h1_set_state(h, H1_WAIT);
	if (!h->answered)
		exchange_push_end(h->ex);
	return HPE_PAUSED;
}

int h1_parse_status(struct h1 *h, llhttp_errno_t err)
{
	if (h->reject != 0)
		return h->reject;
	switch ((int)err) {
	case HPE_INVALID_METHOD:
		h->why = "the request method is not known";
		return 501;
	case HPE_INVALID_VERSION:
	case HPE_PAUSED_H2_UPGRADE:
		h->why = "only HTTP/1.0 and HTTP/1.1 are spoken here";
		return 505;
	default:
		h->why = llhttp_get_error_reason(&h->parser);
		return 400;
	}
}

const llhttp_settings_t h1_parser_settings = {
	.on_message_begin = on_message_begin,
	.on_method = on_method,
	.on_url = on_url,
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
