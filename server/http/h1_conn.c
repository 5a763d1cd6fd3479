/*
 * The life of an HTTP/1 connection: which request is read, when the next one may begin, what a
 * time-out, an end of input or a drain means in each state.
 */
#include "http/h1.h"

#include "base/err.h"
#include "http/h1_int.h"
#include "net/stats.h"

/* A peer that was active this recently may be sending its next request right now: a draining
 * worker waits so long before it closes the idle connection. */
#define DRAIN_GRACE_US (CLOCK_SECOND / 2)

/*
 * A half-closed peer may have left or may be waiting for its answer: FIN looks the same. After
 * PROBE_FIRST an interim response is sent, which a peer that left answers with a reset.
 */
#define PROBE_FIRST_US (CLOCK_SECOND / 4)
#define PROBE_NEXT_US  (CLOCK_SECOND / 10)
#define PROBE_LAST_US  CLOCK_SECOND

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
static void detach(struct h1 *h, enum gone_why why)
{
	struct exchange *ex = h->ex;

	if (ex == NULL)
		return;
	h->ex = NULL;
	exchange_wire_done(ex, why);
}

/* No further request: what is queued leaves, then FIN. */
static void finish(struct h1 *h)
{
	if (h->state != H1_OVER)
		h1_set_state(h, H1_OVER);
	conn_finish(h->conn);
}

/* Are answers still on their way? The write deadline guards them. */
static bool writing(const struct h1 *h)
{
	return h->conn->out.total > 0 || h->conn->file_fd >= 0;
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
		finish(h);
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
		detach(h, GONE_NOT);
		finish(h);
	} else if (h->state == H1_WAIT) {
		detach(h, GONE_NOT);
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
static void refuse(struct h1 *h, int status, enum gone_why why)
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

/* The peer left in the middle of a request; earlier answers may still be on their way to it. */
static void leave(struct h1 *h)
{
	struct conn *c = h->conn;

	if (writing(h)) {
		detach(h, GONE_CLOSED);
		finish(h);
	} else {
		conn_close(c, CLOSE_PEER);
	}
}

/* The peer sent FIN, and what came before it is parsed as far as it can be. */
static void input_over(struct h1 *h)
{
	struct conn *c = h->conn;

	switch ((enum h1_state)h->state) {
	case H1_IDLE:
		finish(h);
		break;
	case H1_HEAD:
		leave(h);
		break;
	case H1_BODY:
		if (h->answered)
			finish(h);
		else
			leave(h);
		break;
	case H1_WAIT:
		conn_read_within(c, PROBE_FIRST_US);
		break;
	case H1_OVER:
		break;
	}
}

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
			conn_read_within(c, 0);
		} else {
			conn_read_within(c, http_limits.body_timeout_us);
		}
		break;
	case H1_WAIT:
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
	refuse(h, status, status == 413 ? GONE_TOO_LARGE : GONE_CLOSED);
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
		input_over(h);
}

static void h1_eof(struct conn *c)
{
	struct h1 *h = c->state_of_proto;

	if (h->state == H1_WAIT || conn_input(c).n == 0)
		input_over(h);
}

/* The peer sent FIN and its answer is not ready: is anybody there? */
static void probe(struct h1 *h)
{
	struct conn *c = h->conn;

	if (c->transport->hung_up(c)) {
		conn_close(c, CLOSE_PEER);
		return;
	}
	if (!h->probed && h->ex->out_state <= OUT_STARTED) {
		h->probed = true;
		h1_send_interim(h->ex, 100, NULL);
		conn_read_within(c, PROBE_NEXT_US);
		return;
	}
	conn_read_within(c, PROBE_LAST_US);
}

static void h1_slow(struct conn *c)
{
	struct h1 *h = c->state_of_proto;

	switch ((enum h1_state)h->state) {
	case H1_IDLE:
		if (!writing(h))
			conn_close(c, house.draining ? CLOSE_DRAIN : CLOSE_IDLE);
		else if (house.draining)
			finish(h);
		else
			conn_read_within(c, http_limits.idle_timeout_us);
		break;
	case H1_HEAD:
		h->why = "the request head came too slowly";
		refuse(h, 408, GONE_TIMEOUT);
		break;
	case H1_BODY:
		if (h->answered) {
			finish(h);
			break;
		}
		h->why = "the request body came too slowly";
		refuse(h, 408, GONE_TIMEOUT);
		break;
	case H1_WAIT:
		if (c->eof)
			probe(h);
		break;
	case H1_OVER:
		break;
	}
}

static void h1_room(struct conn *c)
{
	struct h1 *h = c->state_of_proto;

	if (h->ex != NULL)
		exchange_out_room(h->ex);
	else if (h->state == H1_IDLE && conn_input(c).n > 0)
		conn_feed_later(c);
}

static void h1_drain(struct conn *c)
{
	struct h1 *h = c->state_of_proto;

	if (h->state != H1_IDLE) {
		if (h->ex != NULL && h->state != H1_HEAD)
			exchange_drain(h->ex);
		return;
	}
	if (conn_input(c).n > 0)
		return;
	if (clock_now_us() - h->active_us > DRAIN_GRACE_US && !writing(h))
		conn_close(c, CLOSE_DRAIN);
	else
		conn_read_within(c, DRAIN_GRACE_US);
}

static void h1_closed(struct conn *c, enum close_reason why)
{
	struct h1 *h = c->state_of_proto;

	if (h->state != H1_OVER)
		h1_set_state(h, H1_OVER);
	detach(h, why == CLOSE_DRAIN       ? GONE_SHUTDOWN
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
	detach(h, GONE_CLOSED);
	finish(h);
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
