/*
 * The verbs of a socket that can wait, by the C API (see lua_exchange.c for why). All have the same
 * first arguments and the same answers, so that core/socket.lua has one loop for all:
 *
 *   (socket, timeout, due, …)  timeout: seconds or nil; due: nil at first, then what ERR_AGAIN gave
 *   → what it is about
 *   → nil, ERR_AGAIN, due, …   the task is woken: yield, then call again with that due
 *   → nil, ERR_CANCELLED, enum task_stop
 *   → nil, code < 0, words     the world's
 *   → nil, code > 0, words     the application's mistake: enum misuse
 *
 * What is there counts before the time that is over, and both before a cancellation.
 */
#include "bindings/app_int.h"

#include "base/err.h"
#include "runtime/sched.h"
#include "runtime/socket.h"

#include <lua.h>
#include <lauxlib.h>

enum misuse { /* known to core/socket.lua */
	MISUSE_BUSY = 1,
	MISUSE_NO_TASK = 2, /* nothing here can wait */
	MISUSE_TIMEOUT = 3,
	MISUSE_ARGUMENT = 4,
};

enum argument {
	SOCKET = 1,
	TIMEOUT,
	DUE,
	FIRST, /* of those that the verb has */
};

#define EXACT_MAX (1u << 31)

static int fail(lua_State *L, int code, const char *words)
{
	lua_pushnil(L);
	lua_pushinteger(L, code);
	lua_pushstring(L, words);
	return 3;
}

static bool goes_on(lua_State *L)
{
	return lua_type(L, DUE) == LUA_TNUMBER;
}

/* The alarm of a wait that is over. */
static void silence(lua_State *L)
{
	if (goes_on(L))
		task_wake_at(sched_current(), 0);
}

/* What the timeout means in time; 0: for ever. False: it is no timeout. */
static bool find_due(lua_State *L, uint64_t *due_r)
{
	lua_Number seconds = lua_tonumber(L, TIMEOUT);

	*due_r = 0;
	if (goes_on(L))
		*due_r = (uint64_t)lua_tonumber(L, DUE);
	else if (lua_type(L, TIMEOUT) == LUA_TNUMBER && seconds >= 0)
		*due_r = clock_mono_us() + (uint64_t)(MIN(seconds, 1e9) * CLOCK_SECOND);
	else
		return lua_isnil(L, TIMEOUT);
	return true;
}

/* The wait that ERR_AGAIN means, or why there is none. */
static int begin_wait(lua_State *L, struct socket *s, enum socket_side side)
{
	struct task *t = sched_current();
	enum task_stop stop = task_must_stop(t);
	uint64_t due = 0;
	int code = 0;

	if (!find_due(L, &due))
		code = MISUSE_TIMEOUT;
	else if (!lua_isyieldable(L))
		code = MISUSE_NO_TASK;
	else if (stop != TASK_GOES_ON)
		code = ERR_CANCELLED;
	else if (due != 0 && clock_mono_us() >= due && !t->woken) /* it may only be out of turns */
		code = ERR_TIMEOUT;
	if (code != 0) {
		socket_leave(s, side, task_id(t));
		silence(L);
		lua_pushnil(L);
		lua_pushinteger(L, code);
		if (code != ERR_CANCELLED)
			return 2;
		lua_pushinteger(L, stop);
		return 3;
	}
	if (due != 0)
		task_wake_at(t, due);
	lua_pushnil(L);
	lua_pushinteger(L, ERR_AGAIN);
	lua_pushnumber(L, (lua_Number)due);
	return 3;
}

/* What a code of the socket's means to Lua. */
static int refuse(lua_State *L, struct socket *s, enum socket_side side, int rc)
{
	if (rc == ERR_AGAIN)
		return begin_wait(L, s, side);
	silence(L);
	if (rc == ERR_BUSY)
		return fail(L, MISUSE_BUSY, "");
	return fail(L, rc, socket_why());
}

/* NULL: the answer is on the stack, of that length. */
static struct socket *begin(lua_State *L, int arguments, int *results_r)
{
	struct socket *s;

	lua_settop(L, FIRST - 1 + arguments);
	if (UNLIKELY(sched_current() == NULL)) {
		*results_r = fail(L, MISUSE_NO_TASK, "");
		return NULL;
	}
	s = socket_find(lua_tonumber(L, SOCKET));
	if (UNLIKELY(s == NULL)) {
		silence(L);
		*results_r = fail(L, ERR_GONE, "it is closed");
	}
	return s;
}

static double self(void)
{
	return task_id(sched_current());
}

static int answer_true(lua_State *L)
{
	silence(L);
	lua_pushboolean(L, true);
	return 1;
}

/* Reading. */

static int answer_bytes(lua_State *L, struct socket *s, struct socket_ask *ask)
{
	struct span bytes;
	int rc;

	ask->again = goes_on(L);
	ask->now = lua_isnumber(L, TIMEOUT) && lua_tonumber(L, TIMEOUT) <= 0;
	rc = socket_read(s, self(), ask, &bytes);
	if (rc < 0)
		return refuse(L, s, SOCKET_READER, rc);
	silence(L);
	lua_pushlstring(L, bytes.p, bytes.n);
	socket_trim(s);
	return 1;
}

/* False: it says nothing that can be read. */
static bool parse_what(lua_State *L, struct socket_ask *ask)
{
	lua_Number n;

	if (lua_type(L, FIRST) == LUA_TNUMBER) {
		n = lua_tonumber(L, FIRST);
		if (!(n >= 0 && n <= EXACT_MAX) || n != (lua_Number)(size_t)n)
			return false;
		ask->what = SOCKET_EXACT;
		ask->n = (size_t)n;
		return true;
	}
	const char *what = lua_isnil(L, FIRST) ? "some" : lua_tostring(L, FIRST);

	if (what == NULL)
		return false;
	ask->n = (size_t)lua_tonumber(L, FIRST + 1);
	if (strcmp(what, "some") == 0)
		ask->what = SOCKET_SOME;
	else if (strcmp(what, "line") == 0)
		ask->what = SOCKET_LINE;
	else if (strcmp(what, "all") == 0)
		ask->what = SOCKET_ALL;
	else
		return false;
	return true;
}

/* (…, what, max) → bytes */
static int native_read(lua_State *L)
{
	int results;
	struct socket *s = begin(L, 2, &results);
	struct socket_ask ask = {0};

	if (s == NULL)
		return results;
	if (!parse_what(L, &ask)) {
		lua_pushfstring(L,
			"expected \"some\", \"line\", \"all\" or a number of bytes, got %s",
			lua_isstring(L, FIRST) ? lua_tostring(L, FIRST) : luaL_typename(L, FIRST));
		return fail(L, MISUSE_ARGUMENT, lua_tostring(L, -1));
	}
	return answer_bytes(L, s, &ask);
}

/* (…, delimiter, max, keep) → bytes */
static int native_read_until(lua_State *L)
{
	int results;
	struct socket *s = begin(L, 3, &results);
	struct socket_ask ask = {.what = SOCKET_UNTIL};

	if (s == NULL)
		return results;
	ask.delimiter.p = lua_tolstring(L, FIRST, &ask.delimiter.n);
	ask.n = (size_t)lua_tonumber(L, FIRST + 1);
	ask.keep = lua_toboolean(L, FIRST + 2);
	return answer_bytes(L, s, &ask);
}

/* Writing. */

#define IOV_MAX_HERE 64

/* How far a write came: into which piece (from 1 on), and how many bytes of all. */
struct place {
	int index;
	size_t offset;
	lua_Number taken;
};

enum write_argument {
	DATA = FIRST,
	INDEX,
	OFFSET,
	TAKEN,
	WRITE_ARGUMENTS = TAKEN - FIRST + 1,
};

static bool is_text(lua_State *L, int index)
{
	return lua_type(L, index) == LUA_TSTRING || lua_type(L, index) == LUA_TNUMBER;
}

/* 0, or the answer to a mistake; before a byte is written. */
static int check_data(lua_State *L)
{
	int n;

	if (is_text(L, DATA))
		return 0;
	lua_pushnil(L);
	lua_pushinteger(L, MISUSE_ARGUMENT);
	if (!lua_istable(L, DATA)) {
		lua_pushfstring(L, "data must be a string or an array of them, got a %s",
			luaL_typename(L, DATA));
		return 3;
	}
	n = (int)lua_objlen(L, DATA);
	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, DATA, i);
		if (!is_text(L, -1)) {
			lua_pushfstring(L, "data[%d] must be a string or a number, got a %s", i,
				luaL_typename(L, -1));
			lua_remove(L, -2);
			return 3;
		}
		lua_pop(L, 1);
	}
	lua_pop(L, 2);
	return 0;
}

/*
 * The next pieces, from `at` on; at_r: which ones. They stay on the stack, for what was a number is
 * nobody's else.
 */
static int gather(lua_State *L, const struct place *at, struct iovec *iov, int *at_r)
{
	int count = lua_istable(L, DATA) ? (int)lua_objlen(L, DATA) : 1, n = 0;

	for (int i = at->index; i <= count && n < IOV_MAX_HERE; i++) {
		size_t skip = i == at->index ? at->offset : 0, len;
		const char *p;

		if (lua_istable(L, DATA))
			lua_rawgeti(L, DATA, i);
		else
			lua_pushvalue(L, DATA);
		p = lua_tolstring(L, -1, &len);
		if (p == NULL || len <= skip) {
			lua_pop(L, 1);
			continue;
		}
		iov[n] = (struct iovec){(char *)p + skip, len - skip};
		at_r[n++] = i;
	}
	return n;
}

static void advance(struct place *at, const struct iovec *iov, const int *which, size_t taken)
{
	at->taken += (lua_Number)taken;
	for (int i = 0; taken > 0; i++) {
		if (taken < iov[i].iov_len) {
			at->offset = (which[i] == at->index ? at->offset : 0) + taken;
			at->index = which[i];
			return;
		}
		taken -= iov[i].iov_len;
		at->index = which[i] + 1;
		at->offset = 0;
	}
}

/* 0: all of it is taken; or a code. */
static int write_from(lua_State *L, struct socket *s, struct place *at)
{
	struct iovec iov[IOV_MAX_HERE];
	int which[IOV_MAX_HERE], top = lua_gettop(L), n;

	luaL_checkstack(L, IOV_MAX_HERE + 4, NULL);
	for (;;) {
		ssize_t rc;

		n = gather(L, at, iov, which);
		if (n == 0)
			return 0;
		rc = socket_write(s, self(), iov, n);
		lua_settop(L, top);
		if (rc < 0)
			return (int)rc;
		advance(at, iov, which, (size_t)rc);
	}
}

/* (…, data, index, offset, taken) → true; else, behind the three: index, offset, taken */
static int native_write(lua_State *L)
{
	int results, rc;
	struct socket *s = begin(L, WRITE_ARGUMENTS, &results);
	struct place at = {1, 0, 0};

	if (s == NULL)
		return results;
	if (goes_on(L))
		at = (struct place){(int)lua_tointeger(L, INDEX), (size_t)lua_tonumber(L, OFFSET),
			lua_tonumber(L, TAKEN)};
	else if (check_data(L) != 0)
		return 3;
	rc = write_from(L, s, &at);
	if (rc == 0)
		return answer_true(L);
	results = refuse(L, s, SOCKET_WRITER, rc);
	lua_settop(L, lua_gettop(L) - results + 3);
	lua_pushinteger(L, at.index);
	lua_pushnumber(L, (lua_Number)at.offset);
	lua_pushnumber(L, at.taken);
	return 6;
}

/* The others. */

static int simple(lua_State *L, enum socket_side side, int (*verb)(struct socket *s, double task))
{
	int results, rc;
	struct socket *s = begin(L, 0, &results);

	if (s == NULL)
		return results;
	rc = verb(s, self());
	return rc < 0 ? refuse(L, s, side, rc) : answer_true(L);
}

/* (…) → true: TLS is on */
static int native_shake(lua_State *L)
{
	return simple(L, SOCKET_READER, socket_shake);
}

/* (…) → true: nothing more is written */
static int native_shutdown(lua_State *L)
{
	return simple(L, SOCKET_WRITER, socket_shutdown);
}

/* (…) → a new socket */
static int native_accept(lua_State *L)
{
	int results;
	struct socket *s = begin(L, 0, &results);
	double id;

	if (s == NULL)
		return results;
	id = socket_accept(s, self());
	if (id < 0)
		return refuse(L, s, SOCKET_READER, (int)id);
	silence(L);
	lua_pushnumber(L, id);
	return 1;
}

/* (…, data, to or nil) → true */
static int native_send(lua_State *L)
{
	int results, rc;
	struct socket *s = begin(L, 2, &results);
	struct span data, to = {"", 0};

	if (s == NULL)
		return results;
	data.p = lua_tolstring(L, FIRST, &data.n);
	if (!lua_isnil(L, FIRST + 1))
		to.p = lua_tolstring(L, FIRST + 1, &to.n);
	rc = socket_send(s, self(), data, to);
	return rc < 0 ? refuse(L, s, SOCKET_WRITER, rc) : answer_true(L);
}

/* (…) → data, from */
static int native_receive(lua_State *L)
{
	int results, rc;
	struct socket *s = begin(L, 0, &results);
	struct span data;
	const char *from;

	if (s == NULL)
		return results;
	rc = socket_receive(s, self(), &data, &from);
	if (rc < 0)
		return refuse(L, s, SOCKET_READER, rc);
	silence(L);
	lua_pushlstring(L, data.p, data.n);
	lua_pushstring(L, from);
	return 2;
}

void lua_socket_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"read", native_read},
		{"read_until", native_read_until},
		{"write", native_write},
		{"shake", native_shake},
		{"shutdown", native_shutdown},
		{"accept", native_accept},
		{"send", native_send},
		{"receive", native_receive},
		{NULL, NULL},
	};

	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "socket");
}
