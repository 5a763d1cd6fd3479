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

static int done(lua_State *L)
{
	lua_pushboolean(L, true);
	return 1;
}

/* An optional flag; false: a text is on the stack instead. */
static bool check_flag(lua_State *L, int index, const char *name)
{
	if (lua_type(L, index) == LUA_TNIL || lua_type(L, index) == LUA_TBOOLEAN)
		return true;
	lua_pushfstring(L, "%s must be a boolean, got %s", name, luaL_typename(L, index));
	return false;
}

/* Body. */

/* An array of strings becomes one string, in its place; false: a text is at the top instead. */
static bool join_body(lua_State *L, int body)
{
	int n = (int)lua_objlen(L, body), top = lua_gettop(L);
	luaL_Buffer b;

	lua_pushnil(L);
	if (n == 0 && lua_next(L, body)) { /* somebody hopes for JSON */
		lua_pushliteral(L,
			"body must be a string or an array of strings, got a table with names: encode it");
		return false;
	}
	lua_settop(L, top);
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

/* The body at an index and the more_body behind it: written as far as there is room. */
static int write_body(lua_State *L, struct exchange *ex, int body)
{
	struct span s;
	bool last = !lua_toboolean(L, body + 1);
	int64_t rc;

	if (lua_type(L, body) != LUA_TSTRING) {
		if (!lua_istable(L, body)) {
			lua_pushfstring(L, "body must be a string or an array of strings, got %s",
				luaL_typename(L, body));
			return 1;
		}
		if (!join_body(L, body))
			return 1;
	}
	if (!check_flag(L, body + 1, "more_body"))
		return 1;
	s.p = lua_tolstring(L, body, &s.n);
	rc = exchange_write(ex, s.p, s.n, last);
	if (rc == (int64_t)s.n)
		return done(L);
	if (rc < 0 && rc != ERR_AGAIN)
		return lua_refused(L, ex, (int)rc);
	app_wait_for(ex);
	lua_pushboolean(L, false);
	lua_pushvalue(L, body);
	lua_pushboolean(L, last);
	lua_pushnumber(L, rc < 0 ? 0 : (double)rc);
	return 4;
}

/* Start. */

/* False: a text is on the stack. */
static bool check_status(lua_State *L, int index)
{
	lua_Number status;

	if (lua_type(L, index) != LUA_TNUMBER) {
		lua_pushfstring(L, "status must be an integer from 200 to 599, got %s",
			luaL_typename(L, index));
		return false;
	}
	status = lua_tonumber(L, index);
	if (!(status >= 200 && status <= 599) || status != (int)status) {
		lua_pushfstring(L, "status must be an integer from 200 to 599, got %f", status);
		return false;
	}
	return true;
}

/*
 * The two messages of every response, key by key: Lua reads the keys of a table faster than C does.
 * Both answer
 *   true                       done
 *   nil, "closed"              the peer is gone
 *   false, body, last, taken   the queue is full: wait, then go on behind `taken` bytes of body
 *   text                       the application's mistake, to be raised at its line; nothing was
 * done
 *
 * (exchange, status, headers, body, more_body, trailers)
 */
static int native_start(lua_State *L)
{
	enum {
		EX = 1,
		STATUS,
		HEADERS,
		BODY,
		MORE_BODY,
		TRAILERS
	};
	struct exchange *ex = exchange_find(lua_tonumber(L, EX));
	int results = 0, rc;

	lua_settop(L, TRAILERS);
	if (ex == NULL)
		return lua_refused(L, NULL, ERR_GONE);
	if (!check_status(L, STATUS) || !check_flag(L, TRAILERS, "trailers"))
		return 1;
	rc = exchange_start(ex, (int)lua_tonumber(L, STATUS), lua_toboolean(L, TRAILERS));
	if (rc < 0)
		return lua_refused(L, ex, rc);
	if (!lua_isnil(L, HEADERS))
		results = lua_put_fields(L, ex, HEADERS, exchange_header);
	if (results == 0)
		results = lua_isnil(L, BODY) ? done(L) : write_body(L, ex, BODY);
	if (lua_type(L, -1) == LUA_TSTRING)
		exchange_unstart(ex); /* the whole message was refused */
	return results;
}

/* (exchange, body, more_body) */
static int native_body(lua_State *L)
{
	enum {
		EX = 1,
		BODY,
		MORE_BODY
	};
	struct exchange *ex = exchange_find(lua_tonumber(L, EX));

	lua_settop(L, MORE_BODY);
	if (ex == NULL)
		return lua_refused(L, NULL, ERR_GONE);
	if (lua_isnil(L, BODY)) {
		lua_pushliteral(L, "");
		lua_replace(L, BODY);
	}
	return write_body(L, ex, BODY);
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
	if (results > 0) {
		exchange_untrailer(ex);
		return results;
	}
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
	static const luaL_Reg functions[] = {
		{"start", native_start},
		{"body", native_body},
		{"read", native_read},
		{"trailers", native_trailers},
		{"text", native_text},
		{NULL, NULL},
	};

	luaL_register(L, NULL, functions);
}
