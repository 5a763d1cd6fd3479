#include "bindings/lua_zip.h"

#include "base/err.h"
#include "bindings/zip.h"

#include <lua.h>
#include <lauxlib.h>
#include <string.h>

#define TYPE "moonloop.zip"

/* Of the output's memory, between two calls. */
#define KEPT_BYTES ((size_t)64 * 1024)

struct stream {
	const struct zip_ops *ops;
	void *state; /* owned; NULL: it was closed */
	bool writes;
	struct buf out; /* here, so that nothing is lost when Lua raises */
};

static const struct zip_ops *const all[] = {
	&zip_br, &zip_zstd, &zip_gzip, &zip_deflate, &zip_deflate_raw};

static const struct zip_ops *find(const char *name)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}

static struct stream *new_stream(lua_State *L, bool writes)
{
	struct stream *s = lua_newuserdata(L, sizeof(*s));

	*s = (struct stream){.ops = find(luaL_checkstring(L, 1)), .writes = writes};
	luaL_getmetatable(L, TYPE);
	lua_setmetatable(L, -2);
	return s;
}

static void finish(struct stream *s)
{
	if (s->state != NULL)
		(s->writes ? s->ops->end_write : s->ops->end_read)(s->state);
	s->state = NULL;
	buf_fini(&s->out);
}

static int begun(lua_State *L, const struct stream *s)
{
	if (s->state == NULL)
		return luaL_error(L, "no memory for a stream of %s", s->ops->name);
	return 1;
}

/* (name, level) → stream */
static int writer(lua_State *L)
{
	struct stream *s = new_stream(L, true);

	s->state = s->ops->begin_write(luaL_checkint(L, 2));
	return begun(L, s);
}

/* (name) → stream */
static int reader(lua_State *L)
{
	struct stream *s = new_stream(L, false);

	s->state = s->ops->begin_read();
	return begun(L, s);
}

static void push_output(lua_State *L, struct stream *s)
{
	lua_pushlstring(L, s->out.n > 0 ? s->out.p : "", s->out.n);
	if (s->out.cap > KEPT_BYTES)
		buf_fini(&s->out);
	buf_clear(&s->out);
}

static struct span check_bytes(lua_State *L, int index)
{
	struct span bytes;

	bytes.p = luaL_checklstring(L, index, &bytes.n);
	return bytes;
}

/* (stream, bytes, enum zip_step) → bytes; nil: it is closed */
static int write(lua_State *L)
{
	struct stream *s = luaL_checkudata(L, 1, TYPE);
	enum zip_step step = (enum zip_step)luaL_checkint(L, 3);
	struct span bytes = check_bytes(L, 2);

	if (s->state == NULL)
		return 0;
	if (!s->ops->write(s->state, bytes, &s->out, step))
		return luaL_error(L, "%s failed", s->ops->name);
	push_output(L, s);
	if (step == ZIP_END)
		finish(s);
	return 1;
}

/* (stream, bytes, max) → bytes, whether the content is complete; nil, code of base/err.tbl.h, after
 * which it is closed */
static int read(lua_State *L)
{
	struct stream *s = luaL_checkudata(L, 1, TYPE);
	double max = luaL_checknumber(L, 3);
	struct span bytes = check_bytes(L, 2);
	int rc = ERR_CLOSED;

	if (s->state != NULL)
		rc = s->ops->read(s->state, bytes, &s->out, (size_t)MIN(max, 1e15));
	if (rc < 0) {
		finish(s);
		lua_pushnil(L);
		lua_pushinteger(L, rc);
		return 2;
	}
	push_output(L, s);
	lua_pushboolean(L, rc);
	return 2;
}

static int close_stream(lua_State *L)
{
	finish(luaL_checkudata(L, 1, TYPE));
	return 0;
}

/* name → {lowest level, highest, default} */
static void push_levels(lua_State *L)
{
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const int levels[] = {all[i]->level_min, all[i]->level_max, all[i]->level_default};

		lua_createtable(L, 3, 0);
		for (int j = 0; j < 3; j++) {
			lua_pushinteger(L, levels[j]);
			lua_rawseti(L, -2, j + 1);
		}
		lua_setfield(L, -2, all[i]->name);
	}
}

void lua_zip_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"writer", writer},
		{"reader", reader},
		{"write", write},
		{"read", read},
		{"close", close_stream},
		{NULL, NULL},
	};

	luaL_newmetatable(L, TYPE);
	lua_pushcfunction(L, close_stream);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	push_levels(L);
	lua_setfield(L, -2, "levels");
	lua_setfield(L, -2, "zip");
}
