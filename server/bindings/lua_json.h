#ifndef BINDINGS_LUA_JSON_H
#define BINDINGS_LUA_JSON_H

struct lua_State;

/*
 * JSON (RFC 8259) as Lua values, for moonloop.json: no tree in between. Registered in every Lua
 * state, the pool threads' too. Strings are UTF-8, checked both ways. null is a light userdata
 * that holds NULL; an array is known by its metatable, which lua/moonloop/json.lua gives, or by
 * having elements; integers that a double does not hold travel as int64_t or uint64_t cdata, made
 * and read by Lua.
 */

/* Nesting, unless told otherwise; and the most that can be asked for. */
#define JSON_DEPTH     128
#define JSON_DEPTH_MAX 1000

/* (text, array_mt, max_depth, refuse_duplicates, wide) → value; nil, where (a byte from 1), what.
 * wide(digits) makes cdata. */
int lua_json_read(struct lua_State *L);

enum json_flags {
	JSON_SORTED = 1, /* members in the order of RFC 8785 */
	JSON_HTML = 2,   /* nothing that ends a <script> element */
};

/* Sets json_read, null, and json_write in the table on top: (value, array_mt, flags, indent, wide)
 * → text; nil, pointer (RFC 6901), what. wide(cdata) → digits, or nil when it is no integer. */
void lua_json_open(struct lua_State *L);

#endif
