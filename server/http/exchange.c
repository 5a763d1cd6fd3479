#include "http/exchange_int.h"

#include "http/codec.h"
#include "http/limits.h"
#include "http/status.h"
#include "net/stats.h"

#include <stdio.h>

struct http_limits http_limits = {
	.head_max = 16 * 1024,
	.target_max = 8 * 1024,
	.fields_max = 100,
	.body_max = 16 * 1024 * 1024,
	.high_water = 64 * 1024,
	.head_timeout_us = 10 * CLOCK_SECOND,
	.body_timeout_us = 30 * CLOCK_SECOND,
	.idle_timeout_us = 75 * CLOCK_SECOND,
};

static struct {
	struct slab slab;
	struct loop *loop;
	const struct app_port *port;
	exchange_done_fn *done;
} house;

/* Life. */

void exchange_setup(struct loop *loop, const struct app_port *port)
{
	slab_init(&house.slab, "exchange", sizeof(struct exchange));
	house.loop = loop;
	house.port = port;
}

void exchange_teardown(void)
{
	slab_fini(&house.slab);
}

unsigned exchange_live(void)
{
	return house.slab.live;
}

void exchange_set_done(exchange_done_fn *fn)
{
	house.done = fn;
}

struct exchange *exchange_find(double id)
{
	return slab_find(&house.slab, id);
}

double exchange_id(const struct exchange *ex)
{
	return slab_id(ex);
}

static void reap_item(struct loop_item *item)
{
	struct exchange *ex = container_of(item, struct exchange, reap);

	chunkq_fini(&ex->in);
	arena_fini(&ex->arena);
	slab_free(&house.slab, ex);
	STATS_ADD(exchanges_now, -1);
}

struct exchange *exchange_new(const struct codec *codec, void *wire)
{
	struct exchange *ex = slab_alloc(&house.slab);

	if (ex == NULL)
		return NULL;
	memset(ex, 0, sizeof(*ex));
	ex->codec = codec;
	ex->wire = wire;
	ex->loop = house.loop;
	list_init(&ex->app_waiters);
	ex->in_length = ex->out_length = EXCHANGE_LENGTH_UNKNOWN;
	loop_item_init(&ex->reap, reap_item);
	arena_init(&ex->arena);
	fields_init(&ex->head.fields, &ex->arena);
	fields_init(&ex->out_fields, &ex->arena);
	fields_init(&ex->trailers, &ex->arena);
	chunkq_init(&ex->in);
	STATS_ADD(exchanges_now, 1);
	return ex;
}

void exchange_reap_if_over(struct exchange *ex)
{
	if (ex->codec == NULL && !ex->app_held)
		loop_item_add(&ex->loop->reap, &ex->reap);
}

static void tell(struct exchange *ex, unsigned events)
{
	if (ex->app_held)
		house.port->changed(ex, events);
}

/* The codec's side. */

void exchange_opened(struct exchange *ex, bool has_body)
{
	exchange_set_in(ex, has_body ? IN_BODY : IN_END);
	ex->opened_us = clock_now_us();
	ex->app_held = true;
	STATS_ADD(requests, 1);
	house.port->opened(ex);
}

/* The application is told once per time that it asked in vain. */
static void tell_in(struct exchange *ex)
{
	if (!ex->wants_in)
		return;
	ex->wants_in = false;
	tell(ex, EXCHANGE_IN_READY);
}

void exchange_push(struct exchange *ex, const char *p, size_t n)
{
	ENSURE(ex->in_state == IN_BODY);
	chunkq_append(&ex->in, p, n);
	ex->in_total += n;
	tell_in(ex);
}

void exchange_push_end(struct exchange *ex)
{
	if (ex->in_state == IN_BODY)
		exchange_set_in(ex, IN_END);
	tell_in(ex);
}

void exchange_out_room(struct exchange *ex)
{
	if (!ex->wants_out)
		return;
	ex->wants_out = false;
	tell(ex, EXCHANGE_OUT_ROOM);
}

void exchange_drain(struct exchange *ex)
{
	if (ex->draining)
		return;
	ex->draining = true;
	tell(ex, EXCHANGE_DRAIN);
}

void exchange_break_in(struct exchange *ex, enum gone_why why)
{
	if (ex->in_state >= IN_BROKEN)
		return;
	exchange_set_in(ex, IN_BROKEN);
	ex->gone = (uint8_t)why;
	chunkq_fini(&ex->in);
	ex->wants_in = false;
	tell(ex, EXCHANGE_GONE);
}

void exchange_wire_done(struct exchange *ex, enum gone_why why)
{
	bool complete = ex->out_state == OUT_END;

	if (house.done != NULL && (ex->status != 0 || ex->opened_us != 0))
		house.done(ex);
	ex->codec = NULL;
	ex->wire = NULL;
	if (!complete) {
		if (ex->out_state != OUT_BROKEN)
			exchange_set_out(ex, OUT_BROKEN);
		exchange_break_in(ex, why);
	}
	if (ex->wants_in) /* parked in receive after the response: it gets its http.disconnect */
		tell_in(ex);
	exchange_reap_if_over(ex);
}

bool exchange_answer(struct exchange *ex, int status, const char *text)
{
	char line[256];
	int n;

	if (ex->codec == NULL || ex->out_state > OUT_STARTED)
		return false;
	fields_init(&ex->out_fields, &ex->arena);
	ex->status = status;
	ex->has_date = ex->has_trailers = false;
	fields_add(&ex->out_fields, SPAN("content-type"), SPAN("text/plain; charset=utf-8"));
	n = snprintf(line, sizeof(line), "%d %s%s%s\n", status, status_reason(status).p,
		text != NULL ? ": " : "", text != NULL ? text : "");
	n = MIN(n, (int)sizeof(line) - 1);
	exchange_set_out(ex, OUT_BODY);
	ex->out_length = ex->out_total = (uint64_t)n;
	ex->codec->send_head(ex);
	if (!ex->is_head)
		ex->codec->send_body(ex, line, (size_t)n);
	exchange_set_out(ex, OUT_END);
	ex->codec->send_end(ex, NULL);
	return true;
}

void exchange_give_up(struct exchange *ex)
{
	if (ex->codec == NULL || ex->out_state >= OUT_END)
		return;
	exchange_break_in(ex, GONE_SHUTDOWN);
	if (exchange_answer(ex, 503, "it did not end in time"))
		return;
	exchange_set_out(ex, OUT_BROKEN);
	ex->codec->abort(ex, CLOSE_DRAIN);
}
