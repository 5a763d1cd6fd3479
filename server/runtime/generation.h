#ifndef RUNTIME_GENERATION_H
#define RUNTIME_GENERATION_H

#include "net/loop.h"
#include "runtime/task.h"

struct lua_State;

/*
 * One life of the application in this process: a Lua state, what runs its tasks, and a count of
 * them. A reload makes the next one beside it; when that has started, it takes the new requests,
 * and this one ends what it began.
 *
 * A task points at its generation (task.h) and never leaves it; what it spawns is of the same one.
 * That is the way from anything in C to a Lua state. What Lua opened (streams, watches, files)
 * lies in slabs of the process and goes with its cdata when the state is closed; a job whose task
 * is no more has nobody to take its result (jobs_drop_orphans).
 *
 * The state is changed by generation_set_state alone; who decides is bindings/app_life.c.
 */
enum generation_state {
	GENERATION_LOADING,    /* the application is loaded and started */
	GENERATION_LIVE,       /* takes new exchanges */
	GENERATION_DRAINING,   /* what it began comes to its end */
	GENERATION_CANCELLING, /* the time for that is over: it was cancelled */
	GENERATION_ENDING,     /* the lifespan ends */
	GENERATION_LEAVING,    /* so do its tasks; or it did not start */
	GENERATION_DEAD,       /* has no task; freed at the next reap */
};

struct trampoline {
	struct lua_State *co; /* yielded with the done marker, ready for the next task */
	int ref;              /* anchors it in the registry */
};

/* Idle trampolines that are kept; more are left to the garbage collector. */
#define TRAMPOLINES_MAX 1024

struct generation {
	struct list link;    /* of the scheduler's generations, in order of age */
	struct lua_State *L; /* owned */
	unsigned number;     /* from 1, counted by the process */
	enum generation_state state;

	/* sched.c */
	int main_ref;            /* task_main; LUA_NOREF before generation_set_main */
	const void *wait_marker; /* addresses of two tables that core/task.lua keeps alive */
	const void *done_marker;
	uint64_t pace_at_us; /* when the collector's pace is set next */
	int heap_kib;        /* the least heap seen since the last time */
	unsigned idle_n;
	struct trampoline idle[TRAMPOLINES_MAX];

	unsigned tasks[TASK_KINDS]; /* alive, by kind; task.c */

	/* bindings/app_life.c */
	struct deadline clock;    /* of the current state */
	struct loop_item settled; /* its start came to an end */
	struct loop_item reap;
	bool failed;       /* ... a bad one */
	bool stands_in;    /* ... or it serves nothing but the reason */
	uint64_t since_us; /* when loading began */
	uint64_t until_us; /* when the drain time-out is over */
};

/* LOADING; with the libraries, and nothing loaded. */
struct generation *generation_new(void);

/* task_main, the wait marker and the done marker, from core/boot.lua: on the top of L's stack. */
void generation_set_main(struct generation *g);

/* Ends the tasks that are left without running them; then nothing of it can run any more. */
void generation_drop_tasks(struct generation *g);

/*
 * Of one without tasks: collects its garbage, a short while each time; true when all of that is
 * gone. What is left takes generation_free as long as it is much (a millisecond for each megabyte).
 */
bool generation_sweep(struct generation *g);

/* Of one without tasks: closes the state, which runs its finalizers. Outside of Lua. */
void generation_free(struct generation **g);

void generation_set_state(struct generation *g, enum generation_state to);

/* Requests, their tasks and background tasks: not the lifespan's. */
static inline unsigned generation_work(const struct generation *g)
{
	return g->tasks[TASK_REQUEST] + g->tasks[TASK_SPAWNED];
}

unsigned generation_tasks(const struct generation *g); /* of any kind */

#endif
