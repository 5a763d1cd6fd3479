/*
 * Jobs of the thread pool, for both sides: who submits and waits, in a task; and the job itself, in
 * its thread. Not by FFI, as core/pool.lua mostly runs uncompiled.
 */
#include "bindings/app_int.h"

#include "base/err.h"
#include "runtime/jobs.h"
#include "runtime/sched.h"

#include <lua.h>
#include <lauxlib.h>

/* core/pool.lua has these numbers. */
_Static_assert(JOB_LUA == 1 && JOB_READ_FILE == 2 && JOB_WRITE_FILE == 3 && JOB_OPEN_FILE == 4 &&
		       JOB_FS == 5,
	"core/pool.lua names the kinds");
_Static_assert(
	JOB_HIGH == 0 && JOB_NORMAL == 1 && JOB_LOW == 2, "core/pool.lua has the priorities");

/* (kind, input, priority or nil, tells) → its id, or a code. For the running task. */
static int native_submit(lua_State *L)
{
	const struct task *t = sched_current();
	int kind = (int)lua_tointeger(L, 1);
	struct span in;
	double id = ERR_STATE;

	in.p = luaL_checklstring(L, 2, &in.n);
	if (t != NULL && lua_type(L, 3) == LUA_TNUMBER)
		id = jobs_submit_lua(in, task_id(t), (enum job_priority)lua_tointeger(L, 3),
			lua_toboolean(L, 4));
	else if (t != NULL)
		id = jobs_submit((enum job_kind)kind, in.p, in.n, task_id(t));
	lua_pushnumber(L, id);
	return 1;
}

/* (id) → ERR_AGAIN; or its result and its output, and it is no more */
static int native_answer(lua_State *L)
{
	double id = lua_tonumber(L, 1);
	const char *out;
	size_t n;
	int rc = jobs_result(id, &out, &n);

	lua_pushinteger(L, rc);
	if (rc == ERR_AGAIN)
		return 1;
	lua_pushlstring(L, out, n);
	jobs_free(id);
	return 2;
}

/* (id) → whether there is an answer */
static int native_ended(lua_State *L)
{
	const char *out;
	size_t n;

	lua_pushboolean(L, jobs_result(lua_tonumber(L, 1), &out, &n) != ERR_AGAIN);
	return 1;
}

static int native_free(lua_State *L)
{
	jobs_free(lua_tonumber(L, 1));
	return 0;
}

/* (id) → the next partial result, or nothing */
static int native_part(lua_State *L)
{
	struct buf out = {0};

	if (!jobs_part(lua_tonumber(L, 1), &out))
		return 0;
	lua_pushlstring(L, out.p, out.n);
	buf_fini(&out);
	return 1;
}

/* (bytes) → 0, ERR_CANCELLED or ERR_STATE */
static int native_tell(lua_State *L)
{
	struct span bytes;

	bytes.p = luaL_checklstring(L, 1, &bytes.n);
	lua_pushinteger(L, jobs_tell(bytes));
	return 1;
}

static int native_heard(lua_State *L)
{
	lua_pushboolean(L, jobs_is_heard());
	return 1;
}

static int native_told_to_stop(lua_State *L)
{
	lua_pushboolean(L, jobs_told_to_stop());
	return 1;
}

void lua_job_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"job_submit", native_submit},
		{"job_answer", native_answer},
		{"job_ended", native_ended},
		{"job_free", native_free},
		{"job_part", native_part},
		{"job_tell", native_tell},
		{"job_heard", native_heard},
		{"job_told_to_stop", native_told_to_stop},
		{NULL, NULL},
	};

	luaL_register(L, NULL, functions);
}
