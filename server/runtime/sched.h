#ifndef RUNTIME_SCHED_H
#define RUNTIME_SCHED_H

#include "net/loop.h"
#include "runtime/task.h"

/*
 * The run queue and the only caller of lua_resume. Never nested: whoever wants a task to go on
 * wakes it, and the run phase of the tick does the rest.
 */

/* Called when a task ended; failed: it raised, or its coroutine died. Run phase. */
typedef void sched_done_fn(struct task *t, bool failed);

/* Takes the main Lua state, in which core/task.lua was loaded; registers with the loop. */
void sched_setup(struct loop *loop, struct lua_State *L, sched_done_fn *done);

/* task_main, the wait marker and the done marker, from core/task.lua: on the top of L's stack. */
void sched_set_main(struct lua_State *L);

void sched_teardown(void); /* ends what is left without running it; ENSUREs an empty pool */

struct task *sched_current(void); /* NULL outside of the run phase */

/* The task's time in Lua up to now, its present run included (when timing is on). */
uint64_t sched_lua_us(const struct task *t);

/* Fills begun_us and lua_us of every task; costs two clock readings a run. */
void sched_set_timing(bool on);

#endif
