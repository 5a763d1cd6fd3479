/*
 * The tables of a request's scope, by the C API: called from Lua, inside the task, so that an error
 * is the task's. Never called by FFI.
 */
#include "bindings/app_int.h"

#include "http/exchange.h"
#include "http/peer.h"

#include <lua.h>
#include <lauxlib.h>

/* The table by name: repeated fields are joined, cookies by "; " (RFC 9113 8.2.3). */
static void set_by_name(lua_State *L, int table, int name, int value)
{
	lua_pushvalue(L, name);
	lua_rawget(L, table);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushvalue(L, name);
		lua_pushvalue(L, value);
	} else {
		lua_pushstring(L, strcmp(lua_tostring(L, name), "cookie") == 0 ? "; " : ", ");
		lua_pushvalue(L, value);
		lua_concat(L, 3);
		lua_pushvalue(L, name);
		lua_insert(L, -2);
	}
	lua_rawset(L, table);
}

/* (exchange) → {{name, value}, …, [name] = value}, nil when the request is over. */
int lua_scope_headers(lua_State *L)
{
	const struct exchange *ex = exchange_find(luaL_checknumber(L, 1));
	const struct fields *f;

	if (ex == NULL)
		return 0;
	f = &ex->head.fields;
	lua_settop(L, 1);
	lua_createtable(L, (int)f->n, (int)f->n);
	for (uint32_t i = 0; i < f->n; i++) {
		struct span name = field_name(f, i), value = field_value(f, i);

		lua_pushlstring(L, name.p, name.n);   /* 3 */
		lua_pushlstring(L, value.p, value.n); /* 4 */
		set_by_name(L, 2, 3, 4);
		lua_createtable(L, 2, 0);
		lua_insert(L, 3);
		lua_rawseti(L, 3, 2);
		lua_rawseti(L, 3, 1);
		lua_rawseti(L, 2, (int)i + 1);
	}
	return 1;
}

/* (exchange, "client" | "server") → {host, port}, {path} for a unix socket's server, or nil. */
int lua_scope_address(lua_State *L)
{
	const struct exchange *ex = exchange_find(luaL_checknumber(L, 1));
	bool server = strcmp(luaL_checkstring(L, 2), "server") == 0;
	struct peer peer = {.port = 0};
	char path[128];

	if (ex == NULL || ex->codec == NULL)
		return 0;
	if (server) {
		peer_server(ex, path, sizeof(path), &peer.port);
	} else {
		peer_of(ex, &peer);
		if (peer.is_unix)
			return 0;
	}
	lua_createtable(L, 2, 0);
	lua_pushstring(L, server ? path : peer.host);
	lua_rawseti(L, -2, 1);
	if (server && peer.port == 0)
		return 1;
	lua_pushinteger(L, peer.port);
	lua_rawseti(L, -2, 2);
	return 1;
}
