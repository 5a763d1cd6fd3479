#ifndef RUNTIME_TASK_H
#define RUNTIME_TASK_H

#include "base/clock.h"
#include "base/list.h"
#include "net/deadline.h"

struct generation;
struct lua_State;

/*
 * A task: one piece of Lua work with a life of its own (a request, a spawned function, the
 * lifespan). It borrows a pooled coroutine, the trampoline, that runs core/task.lua's task_main
 * over and over; between two tasks nothing of the first may be seen by the second.
 *
 * A task waits by yielding the wait marker; it is woken without data and asks again for what it
 * waits for. Waking is idempotent and may be spurious. Cancelling sets a flag, which the wait
 * raises in Lua (unless shielded), and wakes. A task is never killed between waits.
 *
 * What wakes: feed, run and flush phases. What runs: sched.c, in the run phase only.
 */
enum task_state {
	TASK_RUNNABLE, /* in the run queue */
	TASK_RUNNING,  /* on the CPU: sched_current() */
	TASK_WAITING,  /* yielded; somebody will wake it */
};

/* What task_main is to do; the numbers are known to core/task.lua. */
enum task_kind {
	TASK_REQUEST = 1,  /* arg: the exchange's id */
	TASK_SPAWNED = 2,  /* arg: nothing; Lua finds the function by the task's id */
	TASK_BOOT = 3,     /* load the application, run the lifespan's start */
	TASK_NOTICE = 4,   /* tell the lifespan that a drain began */
	TASK_SHUTDOWN = 5, /* tell the lifespan to end */
	TASK_SERVICE =
		6, /* as SPAWNED, but belongs to the lifespan: a drain does not wait for it */
	TASK_KINDS
};

struct task {
	struct list run_link;          /* in the run queue while RUNNABLE */
	struct deadline alarm;         /* wakes it */
	struct list wait_link;         /* in somebody's list of tasks to be woken */
	struct generation *generation; /* borrowed, for life: a generation outlives its tasks */
	struct lua_State *co; /* borrowed from the trampoline pool; NULL before the first run */
	int co_ref;           /* anchors it */
	double arg;
	uint64_t begun_us;  /* its first run (when timing is on) */
	uint64_t since_us;  /* when it was made, or its last run ended: of the tick */
	uint64_t limit_us;  /* from then on it must stop; 0: none. The alarm rings then, too */
	uint64_t lua_us;    /* time spent in the runs that ended (when timing is on) */
	uint64_t held_us;   /* the longest of these runs */
	uint64_t cpu_us;    /* CPU time as sampled; watchdog.h */
	uint64_t budget_us; /* of cpu_us; 0: none */
	uint8_t state;      /* enum task_state; sched.c only */
	uint8_t kind;
	bool woken; /* while RUNNING: run once more */
	bool cancelled;
	bool over;        /* the budget is used up: the watchdog bites whenever it runs */
	bool stopped;     /* so it did, and it was logged */
	bool interrupted; /* it is over because a user said so, which is not logged */
	uint16_t shields; /* cancellation is held off while > 0 */
};

/* RUNNABLE; NULL: too many. */
struct task *task_new(struct generation *g, enum task_kind kind, double arg);
struct task *task_find(double id); /* NULL: ended */
double task_id(const struct task *t);

void task_wake(struct task *t);
void task_cancel(struct task *t);
void task_wake_at(struct task *t, uint64_t at_us); /* 0: no alarm */
void task_limit(struct task *t, uint64_t at_us);   /* 0: none */

/* Why the next wait of this task has to raise; the numbers are known to core/task.lua. */
enum task_stop {
	TASK_GOES_ON = 0,
	TASK_CANCELLED = 1,
	TASK_OVERDUE = 2, /* past its limit */
};

static inline enum task_stop task_must_stop(const struct task *t)
{
	if (t->shields != 0)
		return TASK_GOES_ON;
	if (t->cancelled)
		return TASK_CANCELLED;
	return t->limit_us != 0 && clock_now_us() >= t->limit_us ? TASK_OVERDUE : TASK_GOES_ON;
}

unsigned task_live(void);
void task_each(void (*fn)(struct task *t, void *arg), void *arg);

#endif
