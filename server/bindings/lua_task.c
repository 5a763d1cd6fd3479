/*
 * What Lua asks of tasks around every wait. A coroutine that is resumed is not compiled, and there
 * an FFI call costs several times what a C function costs.
 */
#include "bindings/app_int.h"
#include "bindings/ffi_api.h"

#include "base/clock.h"
#include "runtime/sched.h"

#include <lua.h>
#include <lauxlib.h>

/* () → the running task's id; 0: none */
static int native_self(lua_State *L)
{
	lua_pushnumber(L, ml_task_self());
	return 1;
}

/* () → enum task_stop */
static int native_stop(lua_State *L)
{
	lua_pushinteger(L, ml_task_must_stop());
	return 1;
}

/* (limit or nothing) → the new task's id; 0: too many */
static int native_spawn(lua_State *L)
{
	double id = ml_task_spawn();

	if (id != 0 && lua_type(L, 1) == LUA_TNUMBER)
		ml_task_limit(id, lua_tonumber(L, 1));
	lua_pushnumber(L, id);
	return 1;
}

static int native_wake(lua_State *L)
{
	ml_task_wake(lua_tonumber(L, 1));
	return 0;
}

/* (id) → whether there is such a task */
static int native_alive(lua_State *L)
{
	lua_pushboolean(L, task_find(lua_tonumber(L, 1)) != NULL);
	return 1;
}

static const char *state_name(const struct task *t)
{
	static const char *const names[] = {
		[TASK_RUNNABLE] = "runnable",
		[TASK_RUNNING] = "running",
		[TASK_WAITING] = "waiting",
	};

	return t->co == NULL ? "starting" : names[t->state];
}

static void push_number(lua_State *L, const char *key, double value)
{
	lua_pushnumber(L, value);
	lua_setfield(L, -2, key);
}

static void add_task(struct task *t, void *arg)
{
	lua_State *L = arg;

	if (t->generation != sched_current()->generation)
		return;
	lua_newtable(L);
	push_number(L, "id", task_id(t));
	push_number(L, "kind", t->kind);
	push_number(L, "arg", t->arg);
	push_number(L, "since", (double)t->since_us / CLOCK_SECOND);
	lua_pushstring(L, state_name(t));
	lua_setfield(L, -2, "state");
	if (t->co != NULL) {
		lua_pushthread(t->co);
		lua_xmove(t->co, L, 1);
		lua_setfield(L, -2, "co");
	}
	lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
}

/* () → array of {id, kind, arg, since, state, co}, of this generation: co must not be resumed */
static int native_tasks(lua_State *L)
{
	lua_newtable(L);
	task_each(add_task, L);
	return 1;
}

void lua_task_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"self", native_self},
		{"stop", native_stop},
		{"spawn", native_spawn},
		{"wake", native_wake},
		{"alive", native_alive},
		{"tasks", native_tasks},
		{NULL, NULL},
	};

	luaL_register(L, NULL, functions);
}
