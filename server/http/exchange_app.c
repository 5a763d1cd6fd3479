/*
 * What an application may do with an exchange, and nothing else: the contract is policed here. A
 * call that is out of order answers ERR_STATE and changes nothing.
 */
#include "http/exchange_int.h"

#include "base/err.h"
#include "base/log.h"
#include "http/codec.h"
#include "http/limits.h"

#include <unistd.h>

static char piece_bytes[HTTP_PIECE_MAX]; /* what exchange_read hands out */

/* The application's side: the way in. */

int exchange_read(struct exchange *ex, struct span *piece_r, bool *more_r)
{
	size_t n = MIN(ex->in.total, (size_t)HTTP_PIECE_MAX);

	if (ex->in_state == IN_BROKEN || ex->codec == NULL || ex->out_state >= OUT_END)
		return ERR_CLOSED;
	if (ex->draining && ex->in_told && ex->out_state == OUT_BODY)
		return ERR_SHUTDOWN; /* a stream; an upload in progress goes on to its end */
	if (ex->in_told || (n == 0 && ex->in_state == IN_BODY)) {
		ex->wants_in = true;
		if (!ex->in_told)
			ex->codec->in_wanted(ex);
		return ERR_AGAIN;
	}
	for (size_t at = 0; at < n;) { /* its chunks are freed as they are taken */
		struct span s = chunkq_peek(&ex->in, n - at);

		memcpy(piece_bytes + at, s.p, s.n);
		at += s.n;
		chunkq_consume(&ex->in, s.n);
	}
	*piece_r = (struct span){piece_bytes, n};
	*more_r = ex->in.total > 0 || ex->in_state == IN_BODY;
	ex->in_told = !*more_r;
	if (n > 0)
		ex->codec->in_taken(ex, n);
	return 1;
}

/* The application's side: the way out. */

/* 0, or why nothing can be sent in this state. */
static int writable(const struct exchange *ex, enum exchange_out from, enum exchange_out to)
{
	if (ex->out_state == OUT_BROKEN || ex->gone != GONE_NOT)
		return ERR_CLOSED;
	return ex->out_state >= from && ex->out_state <= to ? 0 : ERR_STATE;
}

int exchange_start(struct exchange *ex, int status, bool trailers)
{
	int rc = writable(ex, OUT_IDLE, OUT_IDLE);

	if (rc < 0)
		return rc;
	if (status < 200 || status > 599)
		return ERR_INVALID;
	ex->status = status;
	ex->has_trailers = trailers;
	exchange_set_out(ex, OUT_STARTED);
	return 0;
}

/* Fields that touch the framing; the rest passes. ERR_FIELD_RESERVED, ERR_LENGTH or 0. */
static int check_framing(struct exchange *ex, struct span name, struct span value)
{
	switch (name.n) {
	case 4:
		if (span_ieq(name, SPAN("date")))
			ex->has_date = true;
		break;
	case 7:
		if (span_ieq(name, SPAN("upgrade")))
			return ERR_FIELD_RESERVED;
		break;
	case 10:
		if (span_ieq(name, SPAN("connection")) || span_ieq(name, SPAN("keep-alive")))
			return ERR_FIELD_RESERVED;
		break;
	case 14:
		if (!span_ieq(name, SPAN("content-length")))
			break;
		if (ex->out_length != EXCHANGE_LENGTH_UNKNOWN ||
			!span_to_u64(value, &ex->out_length))
			return ERR_LENGTH;
		break;
	case 17:
		if (span_ieq(name, SPAN("transfer-encoding")))
			return ERR_FIELD_RESERVED;
		break;
	}
	return 0;
}

/* A start whose fields are refused must leave no trace: the next start begins afresh. */
void exchange_unstart(struct exchange *ex)
{
	if (ex->out_state != OUT_STARTED)
		return;
	fields_init(&ex->out_fields, &ex->arena);
	ex->out_length = EXCHANGE_LENGTH_UNKNOWN;
	ex->has_date = ex->has_trailers = false;
	ex->status = 0;
	ex->out_state = OUT_IDLE;
}

static int undo_start(struct exchange *ex, int rc)
{
	exchange_unstart(ex);
	return rc;
}

/* Offsets in struct fields are of 32 bits, and nobody takes a head that large. */
static bool fits(const struct fields *f, struct span name, struct span value)
{
	return name.n <= HTTP_FIELDS_BYTES_MAX && value.n <= HTTP_FIELDS_BYTES_MAX &&
	       f->bytes_n + name.n + value.n <= HTTP_FIELDS_BYTES_MAX;
}

int exchange_header(struct exchange *ex, struct span name, struct span value)
{
	int rc = writable(ex, OUT_STARTED, OUT_STARTED);

	if (rc < 0)
		return rc;
	if (!field_name_ok(name))
		return undo_start(ex, ERR_FIELD_NAME);
	if (!field_value_ok(value))
		return undo_start(ex, ERR_FIELD_VALUE);
	if (!fits(&ex->out_fields, name, value))
		return undo_start(ex, ERR_TOO_LARGE);
	rc = check_framing(ex, name, value);
	if (rc < 0)
		return undo_start(ex, rc);
	if (name.n != 14 || !span_ieq(name, SPAN("content-length"))) /* the codec writes that one */
		fields_add(&ex->out_fields, name, value);
	return 0;
}

/* The end of the body was given: check its length, settle. */
static void end_body(struct exchange *ex)
{
	if (ex->out_length != EXCHANGE_LENGTH_UNKNOWN && ex->out_total < ex->out_length &&
		!exchange_bodiless(ex)) {
		log_event(LOG_WARN, "response.short",
			"%.*s: content-length said %llu bytes, the application gave %llu",
			(int)ex->head.path.n, ex->head.path.p, (unsigned long long)ex->out_length,
			(unsigned long long)ex->out_total);
		exchange_set_out(ex, OUT_BROKEN); /* the peer must not mistake it for the whole */
		ex->codec->abort(ex, CLOSE_APP);
		return;
	}
	if (ex->has_trailers) {
		exchange_set_out(ex, OUT_TRAILERS);
		return;
	}
	exchange_set_out(ex, OUT_END);
	ex->codec->send_end(ex, NULL);
}

int64_t exchange_write(struct exchange *ex, const char *p, size_t n, bool last)
{
	int rc = writable(ex, OUT_STARTED, OUT_BODY);
	size_t take = n;

	if (rc < 0)
		return rc;
	if (ex->out_length != EXCHANGE_LENGTH_UNKNOWN && n > ex->out_length - ex->out_total &&
		!exchange_bodiless(ex))
		return ERR_LENGTH;
	if (ex->out_state == OUT_BODY && n > 0 && ex->codec->full(ex)) {
		ex->wants_out = true;
		return ERR_AGAIN;
	}
	if (ex->out_state == OUT_STARTED) {
		if (n == 0 && !last)
			return 0; /* nothing yet: the head stays held */
		/* Nothing given to a HEAD request does not say that there is nothing. */
		if (last && !ex->has_trailers && ex->out_length == EXCHANGE_LENGTH_UNKNOWN &&
			!(ex->is_head && n == 0))
			ex->out_length = n;
		exchange_set_out(ex, OUT_BODY);
		ex->codec->send_head(ex);
	}
	if (!exchange_bodiless(ex)) {
		take = MIN(n, http_limits.high_water);
		if (take > 0)
			ex->codec->send_body(ex, p, take);
	}
	ex->out_total += take;
	if (last && take == n)
		end_body(ex);
	return (int64_t)take;
}

int exchange_write_file(struct exchange *ex, int fd, uint64_t offset, uint64_t n)
{
	int rc = writable(ex, OUT_STARTED, OUT_STARTED);

	if (rc < 0)
		return rc;
	if (ex->has_trailers)
		return ERR_STATE;
	if (ex->out_length != EXCHANGE_LENGTH_UNKNOWN && ex->out_length != n &&
		!exchange_bodiless(ex))
		return ERR_LENGTH;
	ex->out_length = n;
	ex->out_total = n;
	exchange_set_out(ex, OUT_BODY);
	ex->codec->send_head(ex);
	if (exchange_bodiless(ex))
		close(fd);
	else
		ex->codec->send_file(ex, fd, (off_t)offset, (size_t)n);
	end_body(ex);
	return 0;
}

int exchange_trailer(struct exchange *ex, struct span name, struct span value)
{
	int rc = writable(ex, OUT_TRAILERS, OUT_TRAILERS);

	if (rc < 0)
		return rc;
	if (!field_name_ok(name))
		return ERR_FIELD_NAME;
	if (!field_value_ok(value))
		return ERR_FIELD_VALUE;
	if (!fits(&ex->trailers, name, value))
		return ERR_TOO_LARGE;
	if (span_ieq(name, SPAN("content-length")) || span_ieq(name, SPAN("host")) ||
		span_ieq(name, SPAN("transfer-encoding")) || span_ieq(name, SPAN("trailer")))
		return ERR_FIELD_RESERVED; /* RFC 9110 6.5.1 */
	fields_add(&ex->trailers, name, value);
	return 0;
}

void exchange_untrailer(struct exchange *ex)
{
	fields_init(&ex->trailers, &ex->arena);
}

int exchange_end_trailers(struct exchange *ex)
{
	int rc = writable(ex, OUT_TRAILERS, OUT_TRAILERS);

	if (rc < 0)
		return rc;
	exchange_set_out(ex, OUT_END);
	ex->codec->send_end(ex, &ex->trailers);
	return 0;
}

int exchange_early_hint(struct exchange *ex, struct span link)
{
	struct fields fields;
	int rc = writable(ex, OUT_IDLE, OUT_IDLE);

	if (rc < 0)
		return rc;
	if (!field_value_ok(link))
		return ERR_FIELD_VALUE;
	fields_init(&fields, &ex->arena);
	if (!fits(&fields, SPAN("link"), link))
		return ERR_TOO_LARGE;
	fields_add(&fields, SPAN("link"), link);
	ex->codec->send_interim(ex, 103, &fields);
	return 0;
}

bool exchange_app_done(struct exchange *ex, bool failed)
{
	bool replaced = false;

	ENSURE(ex->app_held);
	ex->app_held = false;
	ex->wants_in = ex->wants_out = false;
	if (ex->codec == NULL) {
		exchange_reap_if_over(ex);
		return failed;
	}
	if (ex->out_state <= OUT_STARTED) {
		exchange_answer(ex, 500, NULL);
		replaced = true;
	} else if (ex->out_state == OUT_TRAILERS && !failed) {
		exchange_end_trailers(ex); /* announced and never sent: they are empty */
	} else if (ex->out_state < OUT_END) {
		exchange_set_out(ex, OUT_BROKEN);
		ex->codec->abort(ex, CLOSE_APP);
		replaced = true;
	}
	return replaced || failed;
}
