#ifndef RUNTIME_JOB_STOP_H
#define RUNTIME_JOB_STOP_H

#include "base/base.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

struct lua_State;

/*
 * Stops Lua that runs in a pool thread. The loop sets the job's flag and sends the thread a signal
 * (SIGURG, which does nothing elsewhere); the handler, in the thread itself, sets a hook on every
 * instruction, and the hook raises an error wherever the application's code runs, below any pcall
 * again and again, until the job is out. The signal also ends a system call that blocks (EINTR).
 * One that comes at a bad moment is lost: it is sent again until the thread has brought the job.
 *
 * Compiled loops do not look at hooks. But code that is compiled in LuaJIT's profile mode looks, in
 * each line, at one bit of the byte that lua_gethookmask reads, and leaves to the interpreter if it
 * is set: which the profiler does for the one state that it profiles, the worker's. The mode can be
 * had for each state, the bit has no function that sets it. So job_stop_adopt finds the byte: the
 * only one near the state that shows each mask that lua_sethook is given. If it is not found beyond
 * doubt, or the guard is off (watchdog.h) and with it the profiler, a compiled loop goes on, and so
 * does a C function that does not return: their threads are busy until they end.
 *
 * A state in which something was stopped is not fit for another job: its modules may be half done.
 */
struct job_stop {
	struct lua_State *L;          /* borrowed */
	const atomic_bool *cancelled; /* borrowed, while a job runs */
	volatile uint8_t *hooks;      /* in the state; NULL: not found */
	bool profiled;                /* its code is compiled with checks */
	volatile bool bitten;         /* the hook was set */
};

void job_stop_setup(void); /* the handler; the loop, before there are threads */

/* The thread, for a new state. */
void job_stop_adopt(struct job_stop *s, struct lua_State *L);

/* Around each job. End is true if it was told to stop in between. */
void job_stop_begin(struct job_stop *s, const atomic_bool *cancelled);
bool job_stop_end(struct job_stop *s);

void job_stop_send(pthread_t thread); /* the loop; the thread lives */

/* Leaves the signal out of a mask that blocks all. */
void job_stop_unblock(sigset_t *mask);

#endif
