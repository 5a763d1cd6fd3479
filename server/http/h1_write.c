/*
 * Response → bytes in the connection's queue (RFC 9112): status line, fields, framing. Whether the
 * connection stays is decided here, when the head is formatted, and nowhere else.
 * Hot: one reserve, a few memcpy.
 */
#include "http/h1_int.h"

#include "http/status.h"

#include <stdio.h>

static char *put(char *to, const void *p, size_t n)
{
	memcpy(to, p, n);
	return to + n;
}

#define PUT(to, literal) put(to, literal, sizeof(literal) - 1)

static char *put_status(char *to, int status)
{
	struct span line = status_line(status);

	if (line.n > 0)
		return put(to, line.p, line.n);
	to = PUT(to, "HTTP/1.1 ");
	to = span_put_u64(to, (uint64_t)status);
	return PUT(to, " \r\n");
}

static char *put_fields(char *to, const struct fields *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		struct span name = field_name(f, i), value = field_value(f, i);

		to = put(to, name.p, name.n);
		to = PUT(to, ": ");
		to = put(to, value.p, value.n);
		to = PUT(to, "\r\n");
	}
	return to;
}

/* What the fields and what the gateway adds need at most. */
static size_t head_bound(const struct fields *f)
{
	return 256 + f->bytes_n + 4 * (size_t)f->n;
}

/* Room for a head, and its hand-over: in place when a block holds it, through the arena if not. */
static char *head_reserve(struct exchange *ex, size_t n)
{
	if (n <= CHUNK_BYTES)
		return chunkq_reserve(&h1_of(ex)->conn->out, n);
	return arena_alloc(&ex->arena, n);
}

static void head_commit(struct exchange *ex, size_t bound, const char *from, size_t n)
{
	struct conn *c = h1_of(ex)->conn;

	if (bound <= CHUNK_BYTES)
		chunkq_commit(&c->out, n);
	else
		chunkq_append(&c->out, from, n);
	conn_dirty(c);
}

/* The rest of the request's body, were it to be read and dropped: is that too much? */
static bool rest_too_large(const struct h1 *h, const struct exchange *ex)
{
	if (h->state != H1_BODY)
		return false;
	if (h->expects) /* the client may or may not send it now: nobody can tell */
		return true;
	return ex->in_length != EXCHANGE_LENGTH_UNKNOWN &&
	       ex->in_length - ex->in_total > HTTP_DROP_MAX;
}

static char *put_framing(char *to, struct h1 *h, const struct exchange *ex)
{
	h->chunked = false;
	if (ex->status == 204 || (ex->status == 304 && ex->out_length == 0))
		return to;
	if (ex->out_length != EXCHANGE_LENGTH_UNKNOWN) {
		to = PUT(to, "content-length: ");
		to = span_put_u64(to, ex->out_length);
		return PUT(to, "\r\n");
	}
	if (exchange_bodiless(ex)) /* HEAD: nobody knows how GET would be framed */
		return to;
	if (ex->head.minor >= 1) {
		h->chunked = true;
		return PUT(to, "transfer-encoding: chunked\r\n");
	}
	h->close = true; /* HTTP/1.0: the end of the connection ends the body */
	return to;
}

void h1_send_head(struct exchange *ex)
{
	struct h1 *h = h1_of(ex);
	size_t bound = head_bound(&ex->out_fields);
	char *start = head_reserve(ex, bound);
	char *to = put_status(start, ex->status);

	to = put_fields(to, &ex->out_fields);
	to = put_framing(to, h, ex);
	if (!ex->has_date) {
		to = PUT(to, "date: ");
		to = put(to, clock_http_date(), CLOCK_HTTP_DATE_LEN);
		to = PUT(to, "\r\n");
	}
	if (!h->keep_alive || h1_draining() || rest_too_large(h, ex))
		h->close = true;
	if (h->close)
		to = PUT(to, "connection: close\r\n");
	else if (ex->head.minor == 0)
		to = PUT(to, "connection: keep-alive\r\n");
	to = PUT(to, "\r\n");
	head_commit(ex, bound, start, (size_t)(to - start));
}

void h1_send_body(struct exchange *ex, const char *p, size_t n)
{
	struct h1 *h = h1_of(ex);
	struct conn *c = h->conn;
	char size[20];

	if (h->chunked)
		chunkq_append(&c->out, size, (size_t)snprintf(size, sizeof(size), "%zx\r\n", n));
	chunkq_append(&c->out, p, n);
	if (h->chunked)
		chunkq_append(&c->out, "\r\n", 2);
	conn_dirty(c);
}

void h1_send_file(struct exchange *ex, int fd, off_t offset, size_t n)
{
	conn_send_file(h1_of(ex)->conn, fd, offset, n);
}

void h1_send_end_bytes(struct exchange *ex, const struct fields *trailers)
{
	struct h1 *h = h1_of(ex);
	size_t bound;
	char *start, *to;

	if (!h->chunked)
		return;
	/* A client that does not say that it takes them may lose them on the way (RFC 9110 6.5.1).
	 */
	if (trailers != NULL && !fields_has_token(&ex->head.fields, SPAN("te"), SPAN("trailers")))
		trailers = NULL;
	bound = trailers != NULL ? head_bound(trailers) : 8;
	start = head_reserve(ex, bound);
	to = PUT(start, "0\r\n");
	if (trailers != NULL)
		to = put_fields(to, trailers);
	to = PUT(to, "\r\n");
	head_commit(ex, bound, start, (size_t)(to - start));
}

void h1_send_interim(struct exchange *ex, int status, const struct fields *fields)
{
	size_t bound;
	char *start, *to;

	if (ex->head.minor == 0)
		return; /* HTTP/1.0 knows none (RFC 9110 15.2) */
	bound = fields != NULL ? head_bound(fields) : 64;
	start = head_reserve(ex, bound);
	to = put_status(start, status);
	if (fields != NULL)
		to = put_fields(to, fields);
	to = PUT(to, "\r\n");
	head_commit(ex, bound, start, (size_t)(to - start));
}
