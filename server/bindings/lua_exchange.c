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

/* ---- what came of it: see core/lasgi.lua's send ------------------------------------------------- */

static int done(lua_State *L)
{
	lua_pushboolean(L, true);
	return 1;
}

static int wrong(lua_State *L, const char *what)
{
	lua_pushstring(L, what);
	return 1;
}

/* A refusal by its code: nil, "closed" for the world's; a text to be raised for the application's. */
static int refused(lua_State *L, int rc, const char *out_of_order)
{
	switch (rc) {
	case ERR_CLOSED:
	case ERR_GONE:
		lua_pushnil(L);
		lua_pushliteral(L, "closed");
		return 2;
	case ERR_STATE:
		return wrong(L, out_of_order);
	case ERR_LENGTH:
		return wrong(L, "more body than content-length declared");
	default:
		return wrong(L, err_name(rc));
	}
}

/* ---- fields ------------------------------------------------------------------------------------- */

/* Adds the field whose name and value are at the two indices; 0, or a result is on the stack. */
static int put_field(lua_State *L, struct exchange *ex, int name, int value)
{
	struct span n, v;
	int rc;

	if (lua_type(L, name) != LUA_TSTRING) {
		lua_pushfstring(L, "a header name must be a string, got %s", luaL_typename(L, name));
		return 1;
	}
	if (!lua_isstring(L, value)) {
		lua_pushfstring(L, "the value of header '%s' must be a string, got %s",
			lua_tostring(L, name), luaL_typename(L, value));
		return 1;
	}
	n.p = lua_tolstring(L, name, &n.n);
	v.p = lua_tolstring(L, value, &v.n);
	rc = exchange_header(ex, n, v);
	switch (rc) {
	case 0:
		return 0;
	case ERR_FIELD_NAME:
		lua_pushfstring(L, "header name '%s' is not a token", n.p);
		return 1;
	case ERR_FIELD_VALUE:
		lua_pushfstring(L, "the value of header '%s' has a control character (CR, LF, NUL, ...)", n.p);
		return 1;
	case ERR_FIELD_RESERVED:
		lua_pushfstring(L, "header '%s' belongs to the gateway, which does the framing", n.p);
		return 1;
	case ERR_LENGTH:
		return wrong(L, "content-length is given twice or is no number");
	}
	return refused(L, rc, "the response has already been started");
}

/* {{name, value}, …} */
static int put_pairs(lua_State *L, struct exchange *ex, int headers, int n)
{
	for (int i = 1; i <= n; i++) {
		int top = lua_gettop(L), results;

		lua_rawgeti(L, headers, i);
		if (!lua_istable(L, -1)) {
			lua_pushfstring(L, "headers[%d] must be a {name, value} pair, got %s", i,
				luaL_typename(L, -1));
			return 1;
		}
		lua_rawgeti(L, top + 1, 1);
		lua_rawgeti(L, top + 1, 2);
		results = put_field(L, ex, top + 2, top + 3);
		if (results > 0)
			return results;
		lua_settop(L, top);
	}
	return 0;
}

/* {[name] = value or array of values} */
static int put_map(lua_State *L, struct exchange *ex, int headers)
{
	int top = lua_gettop(L), results;

	lua_pushnil(L);
	while (lua_next(L, headers)) {
		if (!lua_istable(L, top + 2)) {
			/* A number is converted in a copy: lua_next must find its key unchanged. */
			lua_pushvalue(L, top + 2);
			results = put_field(L, ex, top + 1, top + 3);
			if (results > 0)
				return results;
		} else {
			int n = (int)lua_objlen(L, top + 2);

			for (int i = 1; i <= n; i++) {
				lua_rawgeti(L, top + 2, i);
				results = put_field(L, ex, top + 1, top + 3);
				if (results > 0)
					return results;
				lua_settop(L, top + 2);
			}
		}
		lua_settop(L, top + 1);
	}
	return 0;
}

static int put_headers(lua_State *L, struct exchange *ex, int message)
{
	int headers = lua_gettop(L) + 1, n, results;

	get(L, message, UP_HEADERS);
	if (lua_isnil(L, headers)) {
		lua_pop(L, 1);
		return 0;
	}
	if (!lua_istable(L, headers)) {
		lua_pushfstring(L, "headers must be a table, got %s", luaL_typename(L, headers));
		return 1;
	}
	n = (int)lua_objlen(L, headers);
	results = n > 0 ? put_pairs(L, ex, headers, n) : put_map(L, ex, headers);
	if (results == 0)
		lua_settop(L, headers - 1);
	return results;
}

/* ---- body --------------------------------------------------------------------------------------- */

/* An array of strings at the top becomes one string; false: a text is at the top instead. */
static bool join_body(lua_State *L, int body)
{
	int n = (int)lua_objlen(L, body);
	luaL_Buffer b;

	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, body, i);
		if (lua_type(L, -1) != LUA_TSTRING) {
			lua_pushfstring(L, "body[%d] must be a string, got %s", i, luaL_typename(L, -1));
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
	bool last;
	int64_t rc;

	if (lua_istable(L, body) && !join_body(L, body))
		return 1;
	if (lua_type(L, body) != LUA_TSTRING) {
		lua_pushfstring(L, "body must be a string or an array of strings, got %s",
			luaL_typename(L, body));
		return 1;
	}
	get(L, message, UP_MORE_BODY);
	last = !lua_toboolean(L, -1);
	s.p = lua_tolstring(L, body, &s.n);
	rc = exchange_write(ex, s.p, s.n, last);
	if (rc == (int64_t)s.n)
		return done(L);
	if (rc < 0 && rc != ERR_AGAIN)
		return refused(L, (int)rc, "the response has not been started, or is already complete");
	lua_pushboolean(L, false);
	lua_pushvalue(L, body);
	lua_pushboolean(L, last);
	lua_pushnumber(L, rc < 0 ? 0 : (double)rc);
	return 4;
}

static int start(lua_State *L, struct exchange *ex, int message)
{
	int results, rc;
	lua_Number status;

	get(L, message, UP_STATUS);
	status = lua_tonumber(L, -1);
	if (lua_type(L, -1) != LUA_TNUMBER || status != (int)status) {
		lua_pushfstring(L, "status must be an integer, got %s", luaL_typename(L, -1));
		return 1;
	}
	get(L, message, UP_TRAILERS);
	rc = exchange_start(ex, (int)status, lua_toboolean(L, -1));
	lua_pop(L, 2);
	if (rc == ERR_INVALID) {
		lua_pushfstring(L, "status must be between 200 and 599, got %d", (int)status);
		return 1;
	}
	if (rc < 0)
		return refused(L, rc, "the response has already been started");
	results = put_headers(L, ex, message);
	if (results > 0) {
		exchange_unstart(ex);
		return results;
	}
	get(L, message, UP_BODY);
	if (lua_isnil(L, -1))
		return done(L);
	return write_body(L, ex, message);
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
		lua_pushfstring(L, "send: expected a message (a table), got %s", luaL_typename(L, 2));
		return 1;
	}
	lua_settop(L, 2);
	get(L, 2, UP_TYPE);
	ex = exchange_find(lua_tonumber(L, 1));
	if (ex == NULL)
		return refused(L, ERR_GONE, NULL);
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

/* ---- the way in ----------------------------------------------------------------------------------- */

/* (exchange) → body, more; or nil, code */
static int native_read(lua_State *L)
{
	struct exchange *ex = exchange_find(lua_tonumber(L, 1));
	struct span piece;
	bool more;
	int rc = ex == NULL ? ERR_GONE : exchange_read(ex, &piece, &more);

	if (rc < 0) {
		lua_pushnil(L);
		lua_pushinteger(L, rc);
		return 2;
	}
	lua_pushlstring(L, piece.p, piece.n);
	lua_pushboolean(L, more);
	return 2;
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
		"type", "http.response.start", "http.response.body", "status", "headers", "body",
		"more_body", "trailers",
	};

	for (int i = 0; i < UP_N; i++)
		lua_pushstring(L, words[i]);
	lua_pushcclosure(L, native_send, UP_N);
	lua_setfield(L, -2, "send");
	lua_pushcfunction(L, native_read);
	lua_setfield(L, -2, "read");
	lua_pushcfunction(L, native_text);
	lua_setfield(L, -2, "text");
}
