/*
 * Field sections that Lua gives, for a response's head or its trailers: an array of {name, value}
 * pairs, or a map from names to values or arrays of values. And what a refusal is called.
 */
#include "bindings/app_int.h"

#include "base/err.h"
#include "http/exchange.h"

#include <lua.h>
#include <lauxlib.h>

/* Refusals. */

static const char *out_of_order(const struct exchange *ex)
{
	switch ((enum exchange_out)ex->out_state) {
	case OUT_IDLE:
		return "body before start: http.response.start comes first";
	case OUT_STARTED:
	case OUT_BODY:
		return "start twice: the response has already been started";
	case OUT_TRAILERS:
		return "after the end of the body: only http.response.trailers may follow";
	case OUT_END:
	case OUT_BROKEN:
		break;
	}
	return "after the end: the response is already complete";
}

int lua_refused(lua_State *L, const struct exchange *ex, int rc)
{
	switch (rc) {
	case ERR_CLOSED:
	case ERR_GONE:
		lua_pushnil(L);
		lua_pushliteral(L, "closed");
		return 2;
	case ERR_STATE:
		lua_pushstring(L, out_of_order(ex));
		return 1;
	case ERR_LENGTH:
		lua_pushfstring(L,
			"more body than the content-length of %f that was given at start",
			(lua_Number)ex->out_length);
		return 1;
	default:
		lua_pushstring(L, err_name(rc));
		return 1;
	}
}

/* Fields. */

/* Adds the field whose name and value are at the two indices; 0, or a result is on the stack. */
static int put_field(lua_State *L, struct exchange *ex, int name, int value, lua_field_fn *add)
{
	struct span n, v;
	int rc;

	if (lua_type(L, name) != LUA_TSTRING) {
		lua_pushfstring(
			L, "a header name must be a string, got %s", luaL_typename(L, name));
		return 1;
	}
	if (!lua_isstring(L, value)) {
		lua_pushfstring(L, "the value of header '%s' must be a string or a number, got %s",
			lua_tostring(L, name), luaL_typename(L, value));
		return 1;
	}
	n.p = lua_tolstring(L, name, &n.n);
	v.p = lua_tolstring(L, value, &v.n);
	rc = add(ex, n, v);
	switch (rc) {
	case 0:
		return 0;
	case ERR_FIELD_NAME:
		lua_pushfstring(L, "header name '%s' is no token (RFC 9110 5.6.2)", n.p);
		return 1;
	case ERR_FIELD_VALUE:
		lua_pushfstring(L,
			"the value of header '%s' has a control character (CR, LF, NUL, ...)", n.p);
		return 1;
	case ERR_FIELD_RESERVED:
		lua_pushfstring(
			L, "header '%s' belongs to the gateway, which does the framing", n.p);
		return 1;
	case ERR_LENGTH:
		lua_pushliteral(L, "content-length is given twice or is no number");
		return 1;
	}
	return lua_refused(L, ex, rc);
}

/* {{name, value}, …} */
static int put_pairs(lua_State *L, struct exchange *ex, int headers, int n, lua_field_fn *add)
{
	int top = lua_gettop(L), results;

	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, headers, i);
		if (!lua_istable(L, -1)) {
			lua_pushfstring(L, "headers[%d] must be a {name, value} pair, got %s", i,
				luaL_typename(L, -1));
			return 1;
		}
		lua_rawgeti(L, top + 1, 1);
		lua_rawgeti(L, top + 1, 2);
		results = put_field(L, ex, top + 2, top + 3, add);
		if (results > 0)
			return results;
		lua_settop(L, top);
	}
	lua_pushinteger(L, n);
	if (lua_next(L, headers) &&
		lua_type(L, -2) == LUA_TSTRING) { /* a mix would lose this one */
		lua_pushfstring(L,
			"headers has pairs and also the name '%s': use one of the two forms",
			lua_tostring(L, -2));
		return 1;
	}
	lua_settop(L, top);
	return 0;
}

/* {[name] = value or array of values} */
static int put_map(lua_State *L, struct exchange *ex, int headers, lua_field_fn *add)
{
	int top = lua_gettop(L), results;

	lua_pushnil(L);
	while (lua_next(L, headers)) {
		if (!lua_istable(L, top + 2)) {
			/* A number is converted in a copy: lua_next must find its key unchanged. */
			lua_pushvalue(L, top + 2);
			results = put_field(L, ex, top + 1, top + 3, add);
			if (results > 0)
				return results;
		} else {
			int n = (int)lua_objlen(L, top + 2);

			for (int i = 1; i <= n; i++) {
				lua_rawgeti(L, top + 2, i);
				results = put_field(L, ex, top + 1, top + 3, add);
				if (results > 0)
					return results;
				lua_settop(L, top + 2);
			}
		}
		lua_settop(L, top + 1);
	}
	return 0;
}

int lua_put_fields(lua_State *L, struct exchange *ex, int headers, lua_field_fn *add)
{
	int n;

	if (!lua_istable(L, headers)) {
		lua_pushfstring(L, "headers must be a table, got %s", luaL_typename(L, headers));
		return 1;
	}
	n = (int)lua_objlen(L, headers);
	return n > 0 ? put_pairs(L, ex, headers, n, add) : put_map(L, ex, headers, add);
}
