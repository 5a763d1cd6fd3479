#include "runtime/generation.h"

#include "base/mem.h"
#include "runtime/sched_int.h"
#include "runtime/vm.h"

#include <lauxlib.h>
#include <limits.h>

#define SWEEP_US 300 /* that others may have to wait for it */

struct generation *generation_new(void)
{
	struct generation *g = mem_zalloc(sizeof(*g));

	g->L = vm_new();
	g->number = ++sched.generations_made;
	g->main_ref = LUA_NOREF;
	g->heap_kib = INT_MAX;
	list_init(&g->link);
	list_add(&sched.generations, &g->link);
	return g;
}

void generation_set_main(struct generation *g)
{
	lua_State *L = g->L;

	g->done_marker = lua_topointer(L, -1);
	g->wait_marker = lua_topointer(L, -2);
	ENSURE(g->done_marker != NULL && g->wait_marker != NULL);
	lua_pop(L, 2);
	g->main_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void drop_one(struct task *t, void *arg)
{
	if (t->generation == arg)
		sched_drop(t);
}

void generation_drop_tasks(struct generation *g)
{
	task_each(drop_one, g);
	ENSURE(generation_tasks(g) == 0);
}

struct sweep {
	uint64_t until_us;
	bool over;
};

static void sweep(lua_State *L, void *arg)
{
	struct sweep *s = arg;

	while (!s->over && clock_mono_us() < s->until_us)
		s->over = lua_gc(L, LUA_GCSTEP, 0) != 0;
}

bool generation_sweep(struct generation *g)
{
	struct sweep s = {.until_us = clock_mono_us() + SWEEP_US};

	vm_protect(g->L, sweep, &s);
	return s.over;
}

void generation_free(struct generation **pg)
{
	struct generation *g = *pg;

	ENSURE(generation_tasks(g) == 0 && sched_current() == NULL);
	list_del(&g->link);
	vm_free(&g->L);
	mem_free(g);
	*pg = NULL;
}

void generation_set_state(struct generation *g, enum generation_state to)
{
	static const uint8_t legal[] = {
		[GENERATION_LOADING] =
			1 << GENERATION_LIVE | 1 << GENERATION_LEAVING | 1 << GENERATION_DEAD,
		[GENERATION_LIVE] = 1 << GENERATION_DRAINING | 1 << GENERATION_DEAD,
		[GENERATION_DRAINING] =
			1 << GENERATION_CANCELLING | 1 << GENERATION_ENDING | 1 << GENERATION_DEAD,
		[GENERATION_CANCELLING] = 1 << GENERATION_ENDING | 1 << GENERATION_DEAD,
		[GENERATION_ENDING] = 1 << GENERATION_LEAVING | 1 << GENERATION_DEAD,
		[GENERATION_LEAVING] = 1 << GENERATION_DEAD,
		[GENERATION_DEAD] = 0,
	};

	ENSURE(legal[g->state] & 1 << to);
	g->state = to;
}

unsigned generation_tasks(const struct generation *g)
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(g->tasks); i++)
		n += g->tasks[i];
	return n;
}
