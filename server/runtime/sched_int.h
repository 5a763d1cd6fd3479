#ifndef RUNTIME_SCHED_INT_H
#define RUNTIME_SCHED_INT_H

#include "base/slab.h"
#include "runtime/sched.h"

/* Private to task.c and sched.c: the one scheduler of the process. */
struct trampoline {
	struct lua_State *co; /* yielded with the done marker, ready for the next task */
	int ref;              /* anchors it in the registry */
};

/* Idle trampolines that are kept; more are left to the garbage collector. */
#define TRAMPOLINES_MAX 1024

struct scheduler {
	struct loop *loop;   /* borrowed */
	struct lua_State *L; /* borrowed: the worker's VM */
	struct slab tasks;
	struct list queue; /* RUNNABLE tasks, in order */
	sched_done_fn *done;
	int main_ref;            /* task_main */
	const void *wait_marker; /* addresses of two tables that core/task.lua keeps alive */
	const void *done_marker;
	struct trampoline idle[TRAMPOLINES_MAX];
	unsigned idle_n;
	uint64_t run_from_us; /* when the current run began (when timing is on) */
	uint64_t pace_at_us;  /* when the collector's pace is set next */
	int heap_kib;         /* the least heap seen since the last time */
	bool timing;
};

extern struct scheduler sched;

void task_end(struct task *t); /* frees it */

#endif
