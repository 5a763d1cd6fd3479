#include "runtime/sched_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "runtime/vm.h"
#include "runtime/watchdog.h"

#include <lua.h>
#include <lauxlib.h>
#include <limits.h>

struct scheduler sched;

/* Of this thread: a pool thread, where the same verbs can be called, must see none. */
static _Thread_local struct task *current;

/* Between two settings of the garbage collector's pace. */
#define PACE_EVERY_US CLOCK_SECOND

/* Runs between two readings of the clock against the budget. */
#define RUNS_PER_CHECK 16

struct task *sched_current(void)
{
	return current;
}

uint64_t sched_lua_us(const struct task *t)
{
	return t->lua_us + (t == current ? clock_mono_us() - sched.run_from_us : 0);
}

void sched_set_timing(bool on)
{
	sched.timing = on;
}

/* ---- trampolines -------------------------------------------------------------------------------
 */

static void make_trampoline(lua_State *L, void *arg)
{
	struct task *t = arg;

	t->co = lua_newthread(L);
	t->co_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void take_trampoline(struct task *t)
{
	struct generation *g = t->generation;

	if (g->idle_n > 0) {
		struct trampoline idle = g->idle[--g->idle_n];

		t->co = idle.co;
		t->co_ref = idle.ref;
		return;
	}
	vm_protect(g->L, make_trampoline, t);
	lua_rawgeti(g->L, LUA_REGISTRYINDEX, g->main_ref);
	lua_xmove(g->L, t->co, 1);
}

static void give_trampoline(struct task *t, bool reusable)
{
	struct generation *g = t->generation;

	if (reusable && g->idle_n < TRAMPOLINES_MAX)
		g->idle[g->idle_n++] = (struct trampoline){t->co, t->co_ref};
	else
		luaL_unref(g->L, LUA_REGISTRYINDEX, t->co_ref);
	t->co = NULL;
}

/* ---- one run -----------------------------------------------------------------------------------
 */

static void end(struct task *t, bool failed)
{
	t->generation->tasks[t->kind]--;
	sched.done(t, failed);
	task_end(t);
}

static void finish(struct task *t, bool failed, bool reusable)
{
	give_trampoline(t, reusable);
	end(t, failed);
}

/* The coroutine itself died: task_main protects what it calls, so this is no ordinary error. */
static void finish_dead(struct task *t, const char *why)
{
	log_event(LOG_ERROR, "task.died", "%s", why);
	finish(t, true, false);
}

void sched_drop(struct task *t)
{
	if (t->co != NULL)
		give_trampoline(t, false);
	end(t, true);
}

static const char *message_of(struct lua_State *co)
{
	return lua_type(co, -1) == LUA_TSTRING ? lua_tostring(co, -1) : "(no message)";
}

static int start_or_continue(struct task *t)
{
	if (t->co != NULL)
		return lua_resume(t->co, 0);
	take_trampoline(t);
	lua_pushinteger(t->co, t->kind);
	lua_pushnumber(t->co, task_id(t));
	lua_pushnumber(t->co, t->arg);
	return lua_resume(t->co, 3);
}

static void run_one(struct task *t)
{
	const void *marker;
	int rc;

	ENSURE(current == NULL);
	current = t;
	t->state = TASK_RUNNING;
	t->woken = false;
	if (sched.timing) {
		sched.run_from_us = clock_mono_us();
		if (t->begun_us == 0)
			t->begun_us = sched.run_from_us;
	}
	watchdog_begin(t);
	rc = start_or_continue(t);
	current = NULL;
	watchdog_end(t);
	if (sched.timing) {
		uint64_t took = clock_mono_us() - sched.run_from_us;

		t->lua_us += took;
		t->held_us = MAX(t->held_us, took);
	}

	if (rc != LUA_YIELD) {
		finish_dead(t, message_of(t->co));
		return;
	}
	marker = lua_topointer(t->co, 1);
	if (LIKELY(marker == t->generation->done_marker)) {
		bool failed = lua_toboolean(t->co, 2);

		lua_settop(t->co, 0);
		finish(t, failed, true);
		return;
	}
	if (marker !=
		t->generation->wait_marker) { /* core/coroutine.lua lets none pass; C modules may */
		finish_dead(t, "a C function yielded something that is no wait");
		return;
	}
	lua_settop(t->co, 0);
	t->state = TASK_WAITING;
	t->since_us = clock_now_us();
	if (t->kind != TASK_REQUEST && t->kind != TASK_SPAWNED)
		t->cpu_us = 0; /* lives as long as the worker */
	if (t->woken)
		task_wake(t);
}

/* The least heap is close to what is alive: it is seen right after a collection. */
static void watch_heap(struct generation *g)
{
	g->heap_kib = MIN(g->heap_kib, lua_gc(g->L, LUA_GCCOUNT, 0));
	if (clock_now_us() < g->pace_at_us)
		return;
	vm_pace_gc(g->L, g->heap_kib);
	g->heap_kib = INT_MAX;
	g->pace_at_us = clock_now_us() + PACE_EVERY_US;
}

static void watch_heaps(void)
{
	for (struct list *l = sched.generations.next; l != &sched.generations; l = l->next)
		watch_heap(container_of(l, struct generation, link));
}

static bool run(void *arg, uint64_t budget_us)
{
	uint64_t until = 0;
	unsigned n = 0;
	struct list *node;

	watchdog_wake();
	while ((node = list_take(&sched.queue)) != NULL) {
		run_one(container_of(node, struct task, run_link));
		if (++n % RUNS_PER_CHECK != 0)
			continue;
		uint64_t now = clock_mono_us();

		if (until == 0)
			until = now + budget_us;
		else if (now >= until)
			break;
	}
	if (n > 0) {
		clock_update();
		watch_heaps();
	}
	return !list_empty(&sched.queue);
}

/* ---- life --------------------------------------------------------------------------------------
 */

void sched_setup(struct loop *loop, sched_done_fn *done)
{
	sched = (struct scheduler){.loop = loop, .done = done};
	slab_init(&sched.tasks, "task", sizeof(struct task));
	list_init(&sched.queue);
	list_init(&sched.generations);
	loop_set_runner(loop, run, NULL);
}

void sched_teardown(void)
{
	ENSURE(list_empty(&sched.generations));
	slab_fini(&sched.tasks);
	loop_set_runner(sched.loop, NULL, NULL);
}
