#ifndef RUNTIME_WATCHDOG_H
#define RUNTIME_WATCHDOG_H

#include "base/span.h"
#include "runtime/generation.h"

#include <time.h>

/*
 * The guard: no Lua function can hold the loop for good. Three things, one sampler.
 *
 * CPU budget. LuaJIT's profiler sends SIGPROF for every 10 ms of CPU that the process uses, and in
 * its mode "l" each line of compiled code carries a check. Our handler stands before the
 * profiler's: it charges the running task with the thread's CPU time since the last signal. That
 * is a sample: exact for a long run, fair for many short ones, and free for a run without one. A
 * task over its budget gets a hook on every instruction; the profiler's callback throws the
 * compiled code away, so that the interpreter, which looks at hooks, takes over; the hook raises
 * an error, wherever the application's own code runs, until the task is out. Code of the gateway
 * is left alone, it has to clean up. The hook is the VM's, so it is lifted when the run ends.
 *
 * What cannot be stopped so: a C function that does not return (string.rep, a pattern that
 * backtracks), a __gc finalizer, a debug.sethook hook: LuaJIT holds hooks off there. The master's
 * heartbeat (net/pulse.h) is for those.
 *
 * The budget counts the whole task for requests and what they spawn. The lifespan's tasks live as
 * long as their generation: theirs counts from one wait to the next, and so does that of loading a
 * new one beside the live one. The first load has none.
 *
 * Stall report. A run that took longer than `stall_us` of wall time is logged, once per place; the
 * place is where it was when it was sampled. A run that was blocked has no samples: it is named by
 * its request.
 *
 * LuaJIT profiles one VM per process: the live generation's. Another one, which starts or drains
 * beside it, is compiled with the same checks and sampled by hooks, which only the interpreter
 * sees: a place in compiled code is known as the line after it. If a task of its own is over its
 * budget and does not hear the hook, because its code is compiled, it is lent the profiler for the
 * rest of that run. The signal handler does that: what it touches is inside the state that does not
 * run. The lender loses its compiled code by that, but not in the usual hand-over at a reload:
 * there the new one keeps what it has compiled.
 *
 * Pool threads have no guard (but see job_stop.h), and SIGPROF is blocked in them. An application
 * that calls jit.profile is refused while the guard runs.
 */
struct watchdog_subject {
	struct span method, path; /* of the task's request; empty: it has none */
};

struct watchdog_config {
	uint64_t budget_us; /* of a new task; 0: none */
	uint64_t stall_us;  /* 0: no report */
	/* Of a live task; called in signal handlers too: reads only. */
	void (*describe)(const struct task *t, struct watchdog_subject *out);
};

void watchdog_setup(const struct watchdog_config *config);
void watchdog_teardown(void); /* after the last one was released */

void watchdog_admit(struct generation *g);   /* before it runs anything; the first has the guard */
void watchdog_follow(struct generation *g);  /* this one is the live one now. Outside of Lua */
void watchdog_release(struct generation *g); /* before it is closed */

/* Where in the application's own code that stack is, FILE:LINE; or "". */
#define WATCHDOG_PLACE_MAX 160
void watchdog_place(struct lua_State *L, char out[static WATCHDOG_PLACE_MAX]);

/* Of the running task, counted from its beginning; 0: none. Not by FFI: may flush traces. */
void watchdog_set_budget(struct task *t, uint64_t budget_us);

/* LuaJIT's profiler runs, for the worker's state, until the teardown. Any thread. */
bool watchdog_is_profiling(void);
/* Stops the running task as if its budget were used up. Made for signal handlers. */
void watchdog_interrupt(struct task *t);

/* ---- for sched.c, around each run --------------------------------------------------------------
 */

extern struct watchdog {
	struct watchdog_config config;
	volatile bool busy;   /* something is to be undone at the end of this run */
	uint64_t run_from_us; /* coarse; when the run began, if there is a stall report */
} watchdog;

void watchdog_bite(const struct task *t);
void watchdog_undo(const struct task *t);
void watchdog_stalled(const struct task *t, uint64_t took_us);

/* Good to 4 ms, for a fifth of the price. */
static inline uint64_t watchdog_clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Before the first of a row of runs. */
static inline void watchdog_wake(void)
{
	if (watchdog.config.stall_us != 0)
		watchdog.run_from_us = watchdog_clock_us();
}

static inline void watchdog_begin(const struct task *t)
{
	if (UNLIKELY(t->over))
		watchdog_bite(t); /* it waited meanwhile */
}

/* The task is not current any more, and not freed yet. */
static inline void watchdog_end(const struct task *t)
{
	if (watchdog.config.stall_us != 0) {
		uint64_t now = watchdog_clock_us(), took = now - watchdog.run_from_us;

		watchdog.run_from_us = now;
		if (UNLIKELY(took > watchdog.config.stall_us))
			watchdog_stalled(t, took);
	}
	if (UNLIKELY(watchdog.busy))
		watchdog_undo(t);
}

#endif
