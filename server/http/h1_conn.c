/*
 * The life of an HTTP/1 connection: which request is read, when the next one may begin, what a
 * time-out, an end of input or a drain means in each state.
 */
#include "http/h1.h"

#include "base/err.h"
#include "http/h1_int.h"
#include "net/stats.h"

static struct {
	struct slab slab;
	bool draining;
} house;

void h1_set_state(struct h1 *h, enum h1_state to)
{
	static const uint8_t legal[] = {
		[H1_IDLE] = 1 << H1_HEAD | 1 << H1_OVER,
		[H1_HEAD] = 1 << H1_BODY | 1 << H1_OVER,
		[H1_BODY] = 1 << H1_WAIT | 1 << H1_OVER,
		[H1_WAIT] = 1 << H1_IDLE | 1 << H1_OVER,
		[H1_OVER] = 0,
	};

	ENSURE(legal[h->state] & 1 << to);
	h->state = (uint8_t)to;
}

bool h1_draining(void)
{
	return house.draining;
}

void h1_set_draining(bool draining)
{
	house.draining = draining;
}

struct exchange *h1_begin_exchange(struct h1 *h)
{
	h->ex = exchange_new(&h1_codec, h);
	h->head_n = h->extra_n = h->dropped = 0;
	h->trailers_n = h->reject = h->method_n = 0;
	h->keep_alive = h->expects = h->chunked = h->answered = h->probed = false;
	h->named = h->field_closed = h->in_trailers = h->version_seen = h->has_body = false;
	h1_set_state(h, H1_HEAD);
	return h->ex;
}

/* The exchange is the application's alone from here on. */
void h1_detach(struct h1 *h, enum gone_why why)
{
	struct exchange *ex = h->ex;

	if (ex == NULL)
		return;
	h->ex = NULL;
	exchange_wire_done(ex, why);
}

/* No further request: what is queued leaves, then FIN. */
void h1_finish(struct h1 *h)
{
	if (h->state != H1_OVER)
		h1_set_state(h, H1_OVER);
	conn_finish(h->conn);
}

/*
 * A reader that does not keep up with its answers is not given more of them. (A file must be out
 * before the next head is queued, too: it is sent behind the queue.)
 */
static bool held_back(struct h1 *h)
{
	return h->state == H1_IDLE && conn_full(h->conn);
}

static void await_next(struct h1 *h)
{
	struct conn *c = h->conn;

	h1_set_state(h, H1_IDLE);
	h->active_us = clock_now_us();
	if (c->eof && conn_input(c).n == 0) {
		h1_finish(h);
		return;
	}
	conn_read_within(c, house.draining ? DRAIN_GRACE_US : http_limits.idle_timeout_us);
	if (conn_input(c).n > 0)
		conn_feed_later(c);
}

/* The response is complete; is the request too, and may another one follow? */
static void settle(struct h1 *h)
{
	struct conn *c = h->conn;

	if (!h->answered)
		return;
	if (h->close || h->state == H1_OVER) {
		h1_detach(h, GONE_NOT);
		h1_finish(h);
	} else if (h->state == H1_WAIT) {
		h1_detach(h, GONE_NOT);
		await_next(h);
	} else { /* H1_BODY: the rest is read and dropped, and has to come in one such time */
		conn_read_within(c, http_limits.body_timeout_us);
		if (c->paused) {
			conn_pause(c, false);
			conn_feed_later(c);
		}
	}
}

/* Answers in the gateway's own name and closes; the application, if it runs, sees `why`. */
void h1_refuse(struct h1 *h, int status, enum gone_why why)
{
	struct exchange *ex = h->ex;

	STATS_ADD(refused, 1);
	h->close = true;
	h->keep_alive = false;
	h1_set_state(h, H1_OVER);
	conn_read_within(h->conn, 0);
	if (ex == NULL) {
		conn_close(h->conn, CLOSE_PROTOCOL);
		return;
	}
	if (h->answered) {
		settle(h);
		return;
	}
	if (ex->in_state != IN_HEAD)
		exchange_break_in(ex, why);
	ex->head.major = 1;
	ex->head.minor = 1;
	ex->is_head = ex->head.target.n > 0 && h->parser.method == HTTP_HEAD;
	if (!exchange_answer(ex, status, h->why)) /* half a response is out: only a cut can tell */
		conn_close(h->conn, why == GONE_TIMEOUT ? CLOSE_SLOW_READ : CLOSE_PROTOCOL);
}

/* ---- what the connection tells -----------------------------------------------------------------
 */

/* Sets the read deadline that fits the state; reading stops while the application lags. */
static void update_input(struct h1 *h)
{
	struct conn *c = h->conn;

	switch ((enum h1_state)h->state) {
	case H1_IDLE:
		if (held_back(h))
			conn_read_within(c, 0); /* the write deadline guards it */
		break;
	case H1_HEAD:
		if (!h->timing_head)
			conn_read_within(c, http_limits.head_timeout_us);
		h->timing_head = true;
		break;
	case H1_BODY:
		if (h->answered)
			break;
		if (h->ex->in.total >= http_limits.high_water) {
			conn_pause(c, true);
			h1_watch_peer(h);
		} else {
			/* A client that waits for "100 Continue" is not slow: the application is.
			 */
			conn_read_within(c, h->expects ? 0 : http_limits.body_timeout_us);
		}
		break;
	case H1_WAIT:
		if (conn_input(c).n == CONN_IN_BYTES)
			h1_watch_peer(h); /* pipelined up to the brim: reading stopped */
		else
			conn_read_within(c, 0);
		break;
	case H1_OVER:
		break;
	}
}

static void parse_failed(struct h1 *h, llhttp_errno_t err)
{
	int status;

	if (h->ex == NULL && (h->state != H1_IDLE || h1_begin_exchange(h) == NULL)) {
		conn_close(h->conn, CLOSE_PROTOCOL);
		return;
	}
	status = h1_parse_status(h, err);
	h1_refuse(h, status, status == 413 ? GONE_TOO_LARGE : GONE_CLOSED);
}

/* The message is complete: the parser is made ready for the next one. */
static void message_over(struct h1 *h)
{
	llhttp_reset(&h->parser);
	h->tail[sizeof(h->tail) - 1] = '\0';
	h1_set_state(h, H1_WAIT);
	if (!h->answered)
		exchange_push_end(h->ex);
	settle(h);
}

/* Where the parser stopped: at the end of the head, or of the message. */
static void parser_paused(struct h1 *h)
{
	if (h->state == H1_BODY) {
		message_over(h);
		return;
	}
	h->head_n = 0;
	h->ex->is_head = h->parser.method == HTTP_HEAD;
	h1_set_state(h, H1_BODY);
	exchange_opened(h->ex, h->has_body);
	if (h->state == H1_OVER) /* it was answered at once, for want of a task */
		return;
	if (h->has_body)
		llhttp_resume(&h->parser);
	else
		message_over(h);
}

/* False: the request was refused. */
static bool parse(struct h1 *h, struct span in)
{
	llhttp_errno_t err;
	const char *end = in.p + in.n;

	h->mark = in.p;
	if (h->state == H1_IDLE)
		h->timing_head = false;
	err = llhttp_execute(&h->parser, in.p, in.n);
	if (err == HPE_PAUSED)
		end = llhttp_get_error_pos(&h->parser);
	if ((err != HPE_OK && err != HPE_PAUSED) || !h1_vet(h, end)) {
		parse_failed(h, err);
		return false;
	}
	conn_consume(h->conn, (size_t)(end - in.p));
	if (err == HPE_PAUSED)
		parser_paused(h);
	return true;
}

static void h1_input(struct conn *c)
{
	struct h1 *h = c->state_of_proto;

	while (h->state <= H1_BODY && conn_input(c).n > 0 && !c->paused && !held_back(h))
		if (!parse(h, conn_input(c)))
			return;
	if (c->state != CONN_OPEN)
		return;
	if (!c->eof)
		update_input(h);
	else if (h->state == H1_WAIT || conn_input(c).n == 0)
		h1_input_over(h);
}

static void h1_eof(struct conn *c)
{
	struct h1 *h = c->state_of_proto;

	if (h->state == H1_WAIT || conn_input(c).n == 0)
		h1_input_over(h);
}

static void h1_room(struct conn *c)
{
	struct h1 *h = c->state_of_proto;

	if (h->ex != NULL)
		exchange_out_room(h->ex);
	else if (h->state == H1_IDLE && conn_input(c).n > 0)
		conn_feed_later(c);
}

static void h1_closed(struct conn *c, enum close_reason why)
{
	struct h1 *h = c->state_of_proto;

	if (h->state != H1_OVER)
		h1_set_state(h, H1_OVER);
	h1_detach(h, why == CLOSE_DRAIN       ? GONE_SHUTDOWN
		     : why == CLOSE_SLOW_READ ? GONE_TIMEOUT
					      : GONE_CLOSED);
}

static void h1_release(struct conn *c)
{
	slab_free(&house.slab, c->state_of_proto);
}

static const struct conn_proto h1_proto = {
	.name = "http/1.1",
	.input = h1_input,
	.eof = h1_eof,
	.room = h1_room,
	.slow = h1_slow,
	.drain = h1_drain,
	.closed = h1_closed,
	.release = h1_release,
};

/* ---- what the exchange tells -------------------------------------------------------------------
 */

static void send_end(struct exchange *ex, const struct fields *trailers)
{
	struct h1 *h = h1_of(ex);

	h1_send_end_bytes(ex, trailers);
	h->answered = true;
	settle(h);
}

static bool full(struct exchange *ex)
{
	return conn_full(h1_of(ex)->conn);
}

static void in_wanted(struct exchange *ex)
{
	struct h1 *h = h1_of(ex);

	if (!h->expects || ex->out_state > OUT_STARTED) /* too late: the answer has begun */
		return;
	h->expects = false;
	h1_send_interim(ex, 100, NULL);
	conn_read_within(h->conn, http_limits.body_timeout_us);
}

static void in_taken(struct exchange *ex, size_t n)
{
	struct h1 *h = h1_of(ex);

	if (h->conn->paused && ex->in.total <= http_limits.high_water / 2) {
		conn_pause(h->conn, false);
		conn_feed_later(h->conn);
		update_input(h);
	}
}

static void abort_response(struct exchange *ex, enum close_reason why)
{
	struct h1 *h = h1_of(ex);

	/* What was written before the failure still leaves; the missing end tells the peer. */
	h1_detach(h, GONE_CLOSED);
	h1_finish(h);
}

static const struct conn *conn_of(const struct exchange *ex)
{
	return h1_of(ex)->conn;
}

const struct codec h1_codec = {
	.name = "http/1.1",
	.send_head = h1_send_head,
	.send_body = h1_send_body,
	.send_file = h1_send_file,
	.send_end = send_end,
	.send_interim = h1_send_interim,
	.full = full,
	.in_wanted = in_wanted,
	.in_taken = in_taken,
	.abort = abort_response,
	.conn = conn_of,
};

/* ---- life --------------------------------------------------------------------------------------
 */

void h1_setup(void)
{
	slab_init(&house.slab, "h1", sizeof(struct h1));
	house.draining = false;
}

void h1_teardown(void)
{
	slab_fini(&house.slab);
}

void h1_accept(struct conn *c)
{
	struct h1 *h = slab_alloc(&house.slab);

	ENSURE(h != NULL); /* as many slots as connections have */
	memset(h, 0, sizeof(*h));
	llhttp_init(&h->parser, HTTP_REQUEST, &h1_parser_settings);
	h->parser.data = h;
	h->conn = c;
	h->active_us = clock_now_us();
	c->proto = &h1_proto;
	c->state_of_proto = h;
	conn_read_within(c, http_limits.head_timeout_us);
}
