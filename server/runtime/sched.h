#ifndef RUNTIME_SCHED_H
#define RUNTIME_SCHED_H

#include "net/loop.h"
#include "runtime/generation.h"
#include "runtime/task.h"

/*
 * The run queue, of the tasks of all generations, and the only caller of lua_resume. Never nested:
 * whoever wants a task to go on wakes it, and the run phase of the tick does the rest.
 */

/*
 * Called when a task ended; failed: it raised, or its coroutine died. Its generation counts it no
 * more. Run phase, or that in which its generation's tasks are dropped.
 */
typedef void sched_done_fn(struct task *t, bool failed);

void sched_setup(struct loop *loop, sched_done_fn *done); /* registers with the loop */
void sched_teardown(void);                                /* ENSUREs that no generation is left */

struct task *sched_current(void); /* NULL outside of the run phase */

/* The task's time in Lua up to now, its present run included (when timing is on). */
uint64_t sched_lua_us(const struct task *t);

/* Fills begun_us and lua_us of every task; costs two clock readings a run. */
void sched_set_timing(bool on);

#endif
