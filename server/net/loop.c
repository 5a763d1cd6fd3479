#include "net/loop.h"

#include "base/clock.h"
#include "net/pulse.h"

/* Calls each item that is on the list now; what they add waits for the next pass. */
static void drain_list(struct list *l)
{
	struct list now;
	struct list *node;

	if (list_empty(l))
		return;
	list_init(&now);
	list_add(l, &now);
	list_del(l); /* `now` is the head of the ring; l is empty */
	while ((node = list_take(&now)) != NULL) {
		struct loop_item *item = container_of(node, struct loop_item, link);

		item->fn(item);
	}
}

/* Run and feed in turns, so that pipelined requests are all answered before the one write. */
static bool run_phase(struct loop *l)
{
	uint64_t until = clock_mono_us() + LOOP_RUN_BUDGET_US;
	bool left;

	do {
		drain_list(&l->feed);
		left = l->runner != NULL && l->runner(l->runner_arg, LOOP_RUN_BUDGET_US);
	} while (!left && !list_empty(&l->feed) && clock_mono_us() < until);
	return left || !list_empty(&l->feed);
}

static bool phases(struct loop *l)
{
	bool left = run_phase(l);

	l->stirred = false;
	drain_list(&l->flush);
	drain_list(&l->reap);
	return left || l->stirred || !list_empty(&l->feed) || !list_empty(&l->flush) ||
	       !list_empty(&l->reap);
}

static void arm_timer(struct loop *l)
{
	uint64_t next = deadlines_next(&l->deadlines);

	if (next == l->timer_at_us)
		return;
	l->timer_at_us = next;
	ev_timer_stop(l->ev, &l->timer);
	if (next == 0)
		return;
	uint64_t now = clock_mono_us();

	ev_now_update(l->ev);
	ev_timer_set(&l->timer, next > now ? (double)(next - now) / CLOCK_SECOND : 0., 0.);
	ev_timer_start(l->ev, &l->timer);
}

static void on_tick(struct ev_loop *ev, struct ev_prepare *w, int revents)
{
	struct loop *l = w->data;

	if (phases(l) || (l->linger != NULL && !l->stopping && l->linger()))
		ev_idle_start(ev, &l->again);
	else
		ev_idle_stop(ev, &l->again);
	arm_timer(l);
	if (l->stopping)
		ev_break(ev, EVBREAK_ONE);
	pulse_rest();
}

static void on_woke(struct ev_loop *ev, struct ev_check *w, int revents)
{
	clock_update();
	pulse_beat(clock_now_us());
}

static void on_timer(struct ev_loop *ev, struct ev_timer *w, int revents)
{
	struct loop *l = w->data;

	l->timer_at_us = 0;
	deadlines_run(&l->deadlines, clock_now_us());
}

static void on_idle(struct ev_loop *ev, struct ev_idle *w, int revents)
{
	/* Being started is the point: poll does not block. */
}

void loop_init(struct loop *l)
{
	*l = (struct loop){0};
	l->ev = ev_loop_new(EVFLAG_NOENV | EVFLAG_NOSIGMASK);
	ENSURE(l->ev != NULL);
	deadlines_init(&l->deadlines);
	list_init(&l->feed);
	list_init(&l->flush);
	list_init(&l->reap);

	ev_prepare_init(&l->tick, on_tick);
	ev_check_init(&l->woke, on_woke);
	ev_idle_init(&l->again, on_idle);
	ev_timer_init(&l->timer, on_timer, 0., 0.);
	l->tick.data = l->timer.data = l;
	ev_set_priority(&l->woke, EV_MAXPRI);
	ev_prepare_start(l->ev, &l->tick);
	ev_check_start(l->ev, &l->woke);
	clock_update();
}

void loop_fini(struct loop *l)
{
	drain_list(&l->reap);
	ENSURE(list_empty(&l->feed) && list_empty(&l->flush));
	deadlines_fini(&l->deadlines);
	ev_prepare_stop(l->ev, &l->tick);
	ev_check_stop(l->ev, &l->woke);
	ev_idle_stop(l->ev, &l->again);
	ev_timer_stop(l->ev, &l->timer);
	ev_loop_destroy(l->ev);
	l->ev = NULL;
}

void loop_set_runner(struct loop *l, loop_runner_fn *fn, void *arg)
{
	l->runner = fn;
	l->runner_arg = arg;
}

void loop_set_linger(struct loop *l, loop_linger_fn *fn)
{
	l->linger = fn;
}

void loop_run(struct loop *l)
{
	l->stopping = false;
	ev_run(l->ev, 0);
}

void loop_stop(struct loop *l)
{
	l->stopping = true;
	ev_idle_start(l->ev, &l->again);
}

void loop_turn(struct loop *l)
{
	clock_update();
	deadlines_run(&l->deadlines, clock_now_us());
	phases(l);
}

void loop_item_init(struct loop_item *item, void (*fn)(struct loop_item *item))
{
	list_init(&item->link);
	item->fn = fn;
}
