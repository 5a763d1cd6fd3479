#include "process/config.h"

#include "base/err.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

struct config {
	struct option_source *s;
	const char *path;
	lua_State *L;
};

static int open_libs(lua_State *L)
{
	static const luaL_Reg libs[] = {{"", luaopen_base}, {LUA_STRLIBNAME, luaopen_string},
		{LUA_TABLIBNAME, luaopen_table}, {LUA_MATHLIBNAME, luaopen_math}};
	static const char *const without[] = {"dofile", "loadfile"};

	for (size_t i = 0; i < ARRAY_LEN(libs); i++) {
		lua_pushcfunction(L, libs[i].func);
		lua_pushstring(L, libs[i].name);
		lua_call(L, 1, 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(without); i++) {
		lua_pushnil(L);
		lua_setglobal(L, without[i]);
	}
	return 0;
}

/* Leaves the value that the file returned on the stack, or an error message: false. */
static bool run_file(lua_State *L, const char *path)
{
	return lua_cpcall(L, open_libs, NULL) == 0 && luaL_loadfilex(L, path, "t") == 0 &&
	       lua_pcall(L, 0, 1, 0) == 0;
}

static bool is_scalar(int type)
{
	return type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN;
}

static void print_number(double n, char *out, size_t cap)
{
	if (n >= 0 && n < 0x1p53 && n == (double)(uint64_t)n)
		snprintf(out, cap, "%llu", (unsigned long long)n);
	else
		snprintf(out, cap, "%.14g", n);
}

/* Assigns the scalar on top of the stack. */
static int assign_scalar(struct config *c, const struct option_row *row, const char *where)
{
	char number[64];
	const char *text = number;

	if (lua_type(c->L, -1) == LUA_TBOOLEAN)
		text = lua_toboolean(c->L, -1) ? "yes" : "no";
	else if (lua_type(c->L, -1) == LUA_TNUMBER)
		print_number(lua_tonumber(c->L, -1), number, sizeof(number));
	else
		text = lua_tostring(c->L, -1);
	return option_assign(c->s, row, where, text);
}

static int assign_list(struct config *c, const struct option_row *row, const char *where)
{
	size_t n = lua_objlen(c->L, -1);

	if (!option_repeatable(row))
		return option_fail(c->s, where, "wants one value, not a table");
	for (size_t i = 1; i <= n; i++) {
		int rc;

		lua_rawgeti(c->L, -1, (int)i);
		if (!is_scalar(lua_type(c->L, -1)))
			return option_fail(c->s, where, "entry %zu of the list is a %s", i,
				luaL_typename(c->L, -1));
		rc = assign_scalar(c, row, where);
		lua_pop(c->L, 1);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int unknown(struct config *c, const char *where, const char *name)
{
	const char *close = option_suggest(name);

	if (close != NULL)
		return option_fail(c->s, where, "unknown option; did you mean %s?", close);
	return option_fail(c->s, where, "unknown option; see moonloop help run");
}

/* The pair on top of the stack: key below, value above. */
static int assign_pair(struct config *c)
{
	char where[512], name[OPTION_NAME_MAX];
	const struct option_row *row;

	if (lua_type(c->L, -2) != LUA_TSTRING)
		return option_fail(c->s, c->path, "wants names of options as keys, not a %s",
			luaL_typename(c->L, -2));
	snprintf(where, sizeof(where), "%.200s:%.100s", c->path, lua_tostring(c->L, -2));
	snprintf(name, sizeof(name), "%s", lua_tostring(c->L, -2));
	for (char *p = name; *p != '\0'; p++)
		*p = *p == '_' ? '-' : *p;

	row = option_find(name);
	if (row == NULL)
		return unknown(c, where, name);
	if (row == &option_rows[OPT_config])
		return option_fail(c->s, where, "belongs on the command line");
	if (lua_istable(c->L, -1))
		return assign_list(c, row, where);
	if (is_scalar(lua_type(c->L, -1)))
		return assign_scalar(c, row, where);
	return option_fail(c->s, where, "wants %s, not a %s", row->value, luaL_typename(c->L, -1));
}

static int assign_all(struct config *c)
{
	if (!lua_istable(c->L, -1))
		return option_fail(
			c->s, c->path, "must return a table, not %s", luaL_typename(c->L, -1));
	lua_pushnil(c->L);
	while (lua_next(c->L, -2) != 0) {
		int rc = assign_pair(c);

		if (rc != 0)
			return rc;
		lua_pop(c->L, 1);
	}
	return 0;
}

static int report_lua_error(struct config *c)
{
	const char *message = lua_tostring(c->L, -1);

	if (message == NULL)
		message = "an error that is no text";
	return option_fail(c->s, "config", "%.400s", message);
}

int config_load(struct option_source *s, const char *path)
{
	struct config c = {s, path, luaL_newstate()};
	int rc;

	ENSURE(c.L != NULL);
	rc = run_file(c.L, path) ? assign_all(&c) : report_lua_error(&c);
	lua_close(c.L);
	return rc;
}
