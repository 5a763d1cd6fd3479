/*
 * The hot verbs of an exchange by the C API: what each request does once. Handlers run between two
 * switches of a coroutine and make closures, so most of their code is interpreted, where a call by
 * FFI costs several times a registered C function (measured: 1.2 µs a request); the rare verbs stay
 * with FFI. Called from Lua, inside the task. None of these waits: core/lasgi.lua does.
 */
#include "bindings/app_int.h"

#include "base/err.h"
#include "bindings/ffi_api.h"
#include "http/exchange.h"

#include <lua.h>
#include <lauxlib.h>

/* Upvalues of native_send: strings that are compared and looked up without hashing them anew. */
enum {
	UP_TYPE = 1,
	UP_START,
	UP_BODY_TYPE,
	UP_STATUS,
	UP_HEADERS,
	UP_BODY,
	UP_MORE_BODY,
	UP_TRAILERS,
};
#define UP_N UP_TRAILERS

static void get(lua_State *L, int message, int upvalue)
{
	lua_pushvalue(L, lua_upvalueindex(upvalue));
	lua_gettable(L, message);
}

static bool is(lua_State *L, int index, int upvalue)
{
	return lua_rawequal(L, index, lua_upvalueindex(upvalue));
}

/* What came of it: see core/lasgi.lua's send. */

static int done(lua_State *L)
{
	lua_pushboolean(L, true);
	return 1;
}

/* An optional flag of the message, left on the stack; false: a text is there instead. */
static bool get_flag(lua_State *L, int message, int upvalue, bool *value_r)
{
	get(L, message, upvalue);
	if (!lua_isnil(L, -1) && !lua_isboolean(L, -1)) {
		lua_pushfstring(L, "%s must be a boolean, got %s",
			lua_tostring(L, lua_upvalueindex(upvalue)), luaL_typename(L, -1));
		return false;
	}
	*value_r = lua_toboolean(L, -1);
	return true;
}

/* Body. */

/* An array of strings at the top becomes one string; false: a text is at the top instead. */
static bool join_body(lua_State *L, int body)
{
	int n = (int)lua_objlen(L, body);
	luaL_Buffer b;

	lua_pushnil(L);
	if (n == 0 && lua_next(L, body)) { /* somebody hopes for JSON */
		lua_pushliteral(L, "body must be a string or an array of strings, got a table with "
				   "names: encode it");
		return false;
	}
	lua_settop(L, body);
	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, body, i);
		if (lua_type(L, -1) != LUA_TSTRING) {
			lua_pushfstring(
				L, "body[%d] must be a string, got %s", i, luaL_typename(L, -1));
			return false;
		}
		lua_pop(L, 1);
	}
	luaL_buffinit(L, &b);
	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, body, i);
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	lua_replace(L, body);
	return true;
}

/* The body at the top of the stack: written as far as there is room. */
static int write_body(lua_State *L, struct exchange *ex, int message)
{
	int body = lua_gettop(L);
	struct span s;
	bool more;
	int64_t rc;

	if (lua_istable(L, body) && !join_body(L, body))
		return 1;
	if (lua_type(L, body) != LUA_TSTRING) {
		lua_pushfstring(L, "body must be a string or an array of strings, got %s",
			luaL_typename(L, body));
		return 1;
	}
	if (!get_flag(L, message, UP_MORE_BODY, &more))
		return 1;
	s.p = lua_tolstring(L, body, &s.n);
	rc = exchange_write(ex, s.p, s.n, !more);
	if (rc == (int64_t)s.n)
		return done(L);
	if (rc < 0 && rc != ERR_AGAIN)
		return lua_refused(L, ex, (int)rc);
	if (rc == ERR_AGAIN)
		app_wait_for(ex);
	lua_pushboolean(L, false);
	lua_pushvalue(L, body);
	lua_pushboolean(L, !more);
	lua_pushnumber(L, rc < 0 ? 0 : (double)rc);
	return 4;
}

static int start(lua_State *L, struct exchange *ex, int message)
{
	int top = lua_gettop(L), results, rc;
	lua_Number status;
	bool trailers;

	get(L, message, UP_STATUS);
	status = lua_tonumber(L, -1);
	if (lua_type(L, -1) != LUA_TNUMBER) {
		lua_pushfstring(L, "status must be an integer from 200 to 599, got %s",
			luaL_typename(L, -1));
		return 1;
	}
	if (!(status >= 200 && status <= 599) || status != (int)status) {
		lua_pushfstring(L, "status must be an integer from 200 to 599, got %f", status);
		return 1;
	}
	if (!get_flag(L, message, UP_TRAILERS, &trailers))
		return 1;
	rc = exchange_start(ex, (int)status, trailers);
	if (rc < 0)
		return lua_refused(L, ex, rc);
	lua_settop(L, top);
	get(L, message, UP_HEADERS);
	results = lua_isnil(L, -1) ? 0 : lua_put_fields(L, ex, top + 1, exchange_header);
	if (results == 0) {
		lua_settop(L, top);
		get(L, message, UP_BODY);
		results = lua_isnil(L, -1) ? done(L) : write_body(L, ex, message);
	}
	if (lua_type(L, -1) == LUA_TSTRING)
		exchange_unstart(ex); /* the whole message was refused */
	return results;
}

/*
 * (exchange, message) →
 *   true                       done
 *   nil, "closed"              the peer is gone
 *   false, body, last, taken   the queue is full: wait, then go on behind `taken` bytes of body
 *   text                       the application's mistake, to be raised at its line
 *   0                          another type of message: core/lasgi.lua knows it
 */
static int native_send(lua_State *L)
{
	struct exchange *ex;

	if (!lua_istable(L, 2)) {
		lua_pushfstring(
			L, "send: expected a message (a table), got %s", luaL_typename(L, 2));
		return 1;
	}
	lua_settop(L, 2);
	get(L, 2, UP_TYPE);
	ex = exchange_find(lua_tonumber(L, 1));
	if (ex == NULL)
		return lua_refused(L, NULL, ERR_GONE);
	if (is(L, 3, UP_START))
		return start(L, ex, 2);
	if (!is(L, 3, UP_BODY_TYPE)) {
		lua_pushinteger(L, 0);
		return 1;
	}
	get(L, 2, UP_BODY);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushliteral(L, "");
	}
	return write_body(L, ex, 2);
}

/* The way in. */

/* (exchange) → body, more; or nil, code */
static int native_read(lua_State *L)
{
	struct exchange *ex = exchange_find(lua_tonumber(L, 1));
	struct span piece;
	bool more;
	int rc = ex == NULL ? ERR_GONE : exchange_read(ex, &piece, &more);

	if (rc == ERR_AGAIN)
		app_wait_for(ex);
	if (rc < 0) {
		lua_pushnil(L);
		lua_pushinteger(L, rc);
		return 2;
	}
	lua_pushlstring(L, piece.p, piece.n);
	lua_pushboolean(L, more);
	return 2;
}

/* (exchange, headers) → true; nil, "closed"; or a text, as above */
static int native_trailers(lua_State *L)
{
	struct exchange *ex = exchange_find(lua_tonumber(L, 1));
	int results, rc;

	if (ex == NULL)
		return lua_refused(L, NULL, ERR_GONE);
	if (ex->out_state < OUT_TRAILERS && ex->gone == GONE_NOT) {
		lua_pushliteral(L, "trailers come after the last piece of body, announced by "
				   "trailers = true at start");
		return 1;
	}
	results = lua_isnoneornil(L, 2) ? 0 : lua_put_fields(L, ex, 2, exchange_trailer);
	if (results > 0)
		return results;
	rc = exchange_end_trailers(ex);
	return rc < 0 ? lua_refused(L, ex, rc) : done(L);
}

/* (exchange, ML_METHOD, …) → string, or nothing when the request is over */
static int native_text(lua_State *L)
{
	ml_piece piece;

	if (ml_ex_text(lua_tonumber(L, 1), (int)lua_tointeger(L, 2), &piece) < 0)
		return 0;
	lua_pushlstring(L, piece.p, piece.n);
	return 1;
}

void lua_exchange_open(lua_State *L)
{
	static const char *const words[UP_N] = {
		"type",
		"http.response.start",
		"http.response.body",
		"status",
		"headers",
		"body",
		"more_body",
		"trailers",
	};

	for (int i = 0; i < UP_N; i++)
		lua_pushstring(L, words[i]);
	lua_pushcclosure(L, native_send, UP_N);
	lua_setfield(L, -2, "send");
	lua_pushcfunction(L, native_read);
	lua_setfield(L, -2, "read");
	lua_pushcfunction(L, native_trailers);
	lua_setfield(L, -2, "trailers");
	lua_pushcfunction(L, native_text);
	lua_setfield(L, -2, "text");
}
