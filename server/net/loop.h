#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/list.h"
#include "net/deadline.h"

#include <ev.h>

/*
 * The tick: poll → feed → run → flush → reap.
 *
 * libev polls and calls the I/O and timer callbacks (feed): bytes move in, states change, tasks
 * are marked runnable; nobody calls Lua, writes a socket or frees. The rest happens in one
 * ev_prepare, just before the next poll: the runner resumes tasks and connections go on with
 * input that they held back, in turns until both are done or the budget is spent; then every
 * dirty connection writes once; then what was marked dead is freed. With work left over an
 * ev_idle is kept started, so that the poll does not block.
 *
 * This removes re-entrancy, write-inside-read and free-under-your-feet. Who needs a later phase
 * hangs a loop_item on its list; the item stays the caller's and is in one list at most.
 */

struct loop_item {
	struct list link;
	void (*fn)(struct loop_item *item);
};

/* Runs what is runnable for at most `budget_us`; true when something is left. */
typedef bool loop_runner_fn(void *arg, uint64_t budget_us);

/*
 * Asked when nothing is left to do and the poll would block: may wait some microseconds for what is
 * about to come from another thread. True: it came.
 */
typedef bool loop_linger_fn(void);

struct loop {
	struct ev_loop *ev; /* owned */
	struct ev_check woke;
	struct ev_prepare tick;
	struct ev_idle again;
	struct ev_timer timer;
	uint64_t timer_at_us; /* what `timer` is set to; 0: stopped */
	struct deadlines deadlines;
	struct list feed;  /* loop_item: connections with held-back input */
	struct list flush; /* loop_item: dirty connections */
	struct list reap;  /* loop_item: dead objects, and what nobody waits for */
	loop_runner_fn *runner;
	void *runner_arg;
	loop_linger_fn *linger; /* NULL: none */
	bool stirred;           /* see loop_stir */
	bool stopping;
};

/* Time that the run phase may take before the sockets get their turn again. */
#define LOOP_RUN_BUDGET_US 5000

void loop_init(struct loop *l);
void loop_fini(struct loop *l); /* runs the reap list first */

void loop_set_runner(struct loop *l, loop_runner_fn *fn, void *arg);

void loop_set_linger(struct loop *l, loop_linger_fn *fn);

void loop_run(struct loop *l);  /* until loop_stop */
void loop_stop(struct loop *l); /* after the current tick */

/* One tick without libev: deadlines, feed, run, flush, reap. For tests with a clock of their own.
 */
void loop_turn(struct loop *l);

/*
 * Something may have become runnable in the flush phase, which the runner is past: it is asked
 * once more before the poll blocks.
 */
static inline void loop_stir(struct loop *l)
{
	l->stirred = true;
}

void loop_item_init(struct loop_item *item, void (*fn)(struct loop_item *item));

/* Puts the item on the list unless it is on one already. */
static inline void loop_item_add(struct list *where, struct loop_item *item)
{
	if (list_empty(&item->link))
		list_add(where, &item->link);
}

static inline void loop_item_del(struct loop_item *item)
{
	list_del(&item->link);
}

#endif
