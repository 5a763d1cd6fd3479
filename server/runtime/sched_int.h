#ifndef RUNTIME_SCHED_INT_H
#define RUNTIME_SCHED_INT_H

#include "base/slab.h"
#include "runtime/sched.h"

/* Private to task.c, generation.c and sched.c: the one scheduler of the process. */
struct scheduler {
	struct loop *loop; /* borrowed */
	struct slab tasks;
	struct list queue;       /* RUNNABLE tasks of every generation, in order */
	struct list generations; /* not yet freed, in order of age */
	unsigned generations_made;
	sched_done_fn *done;
	uint64_t run_from_us; /* when the current run began (when timing is on) */
	bool timing;
};

extern struct scheduler sched;

void task_end(struct task *t); /* frees it */

void sched_drop(struct task *t); /* ends it without running it: it counts as failed */

#endif
