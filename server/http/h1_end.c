/*
 * How an HTTP/1 connection comes to its end: what the peer's FIN, a time-out and a drain mean in
 * each state.
 */
#include "http/h1_int.h"

/*
 * A half-closed peer may have left or may be waiting for its answer: FIN looks the same. After
 * PROBE_FIRST an interim response is sent, which a peer that left answers with a reset.
 */
#define PROBE_FIRST_US (CLOCK_SECOND / 4)
#define PROBE_NEXT_US  (CLOCK_SECOND / 10)
#define PROBE_LAST_US  CLOCK_SECOND

/* The peer left in the middle of a request; earlier answers may still be on their way to it. */
static void leave(struct h1 *h)
{
	struct conn *c = h->conn;

	if (h1_writing(h)) {
		h1_detach(h, GONE_CLOSED);
		h1_finish(h);
	} else {
		conn_close(c, CLOSE_PEER);
	}
}

/* The peer sent FIN, and what came before it is parsed as far as it can be. */
void h1_input_over(struct h1 *h)
{
	struct conn *c = h->conn;

	switch ((enum h1_state)h->state) {
	case H1_IDLE:
		h1_finish(h);
		break;
	case H1_HEAD:
		leave(h);
		break;
	case H1_BODY:
		if (h->answered)
			h1_finish(h);
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

/*
 * While nothing is read, a reset does not show itself: it is asked for once a second, so that the
 * work of a client that left does not go on.
 */
void h1_watch_peer(struct h1 *h)
{
	conn_read_within(h->conn, PROBE_LAST_US);
}

static void ask_for_peer(struct h1 *h)
{
	if (h->conn->transport->hung_up(h->conn))
		conn_close(h->conn, CLOSE_RESET);
	else
		h1_watch_peer(h);
}

/* Its time is over, but is it? A late wake-up of ours must not cost a request that is there. */
static bool idle_indeed(struct h1 *h)
{
	struct conn *c = h->conn;

	conn_readable(c);
	return c->state == CONN_OPEN && h->state == H1_IDLE && conn_input(c).n == 0;
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

void h1_slow(struct conn *c)
{
	struct h1 *h = c->state_of_proto;

	switch ((enum h1_state)h->state) {
	case H1_IDLE:
		if (!idle_indeed(h))
			break;
		if (!h1_writing(h))
			conn_close(c, h1_draining() ? CLOSE_DRAIN : CLOSE_IDLE);
		else if (h1_draining())
			h1_finish(h);
		else
			conn_read_within(c, http_limits.idle_timeout_us);
		break;
	case H1_HEAD:
		h->why = "the request head came too slowly";
		h1_refuse(h, 408, GONE_TIMEOUT);
		break;
	case H1_BODY:
		if (h->answered) {
			h1_finish(h);
			break;
		}
		if (c->paused) {
			ask_for_peer(h);
			break;
		}
		h->why = "the request body came too slowly";
		h1_refuse(h, 408, GONE_TIMEOUT);
		break;
	case H1_WAIT:
		if (c->eof)
			probe(h);
		else
			ask_for_peer(h);
		break;
	case H1_OVER:
		break;
	}
}

void h1_drain(struct conn *c)
{
	struct h1 *h = c->state_of_proto;

	if (h->state != H1_IDLE) {
		if (h->ex != NULL && h->state != H1_HEAD)
			exchange_drain(h->ex);
		return;
	}
	if (conn_input(c).n > 0)
		return;
	if (clock_now_us() - h->active_us <= DRAIN_GRACE_US || h1_writing(h))
		conn_read_within(c, DRAIN_GRACE_US);
	else if (idle_indeed(h))
		conn_close(c, CLOSE_DRAIN);
}
