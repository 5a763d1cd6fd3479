#include "bindings/lua_json.h"

#include "base/decimal.h"
#include "bindings/json_escape.h"

#include <lua.h>
#include <lauxlib.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Arguments, and where they stay on the stack; behind them what the writer holds. */
enum {
	VALUE = 1,
	ARRAY_MT = 2,
	FLAGS = 3,
	INDENT = 4,
	WIDE = 5,
	BYTES = 6,   /* the text so far */
	POINTER = 7, /* on failure: the path to the culprit */
};

/* The memory for the text: at first, and what is kept for the next one. */
#define ROOM_FIRST ((size_t)4 * 1024)
#define ROOM_KEPT  ((size_t)1024 * 1024)
#define KEPT       lua_upvalueindex(1)

#ifndef LUA_TCDATA
#define LUA_TCDATA 10 /* LuaJIT's */
#endif

struct writer {
	lua_State *L;
	char *p;
	size_t n, room;
	int depth;
	const void *array_mt;
	bool sorted, html;
	struct span indent; /* of one level; empty: all in one line */
	const char *what;   /* the error */
};

static bool write_value(struct writer *w);

static bool fail(struct writer *w, const char *what)
{
	w->what = what;
	return false;
}

/* The text. */

/* The memory is the collector's, as anything here may raise (a finalizer's error). */
static void grow(struct writer *w, size_t more)
{
	size_t room = w->room;
	char *p;

	while (room - w->n < more)
		room *= 2;
	p = lua_newuserdata(w->L, room);
	memcpy(p, w->p, w->n);
	lua_replace(w->L, BYTES);
	w->p = p;
	w->room = room;
}

static inline char *reserve(struct writer *w, size_t more)
{
	if (UNLIKELY(w->room - w->n < more))
		grow(w, more);
	return w->p + w->n;
}

static void put(struct writer *w, const char *p, size_t n)
{
	memcpy(reserve(w, n), p, n);
	w->n += n;
}

static inline void put_byte(struct writer *w, char c)
{
	*reserve(w, 1) = c;
	w->n++;
}

static void new_line(struct writer *w)
{
	if (w->indent.n == 0)
		return;
	put_byte(w, '\n');
	for (int i = 0; i < w->depth; i++)
		put(w, w->indent.p, w->indent.n);
}

/* Strings. */

/* Bytes of a string that are written at once. */
#define BLOCK 1024

static bool put_string(struct writer *w, const char *p, size_t n)
{
	const char *end = p + n;

	put_byte(w, '"');
	while (p < end) {
		const char *stop = end - p > BLOCK ? p + BLOCK : end;
		char *out = reserve(w, ((size_t)(stop - p) + 1) * JSON_ESCAPE_MAX);

		out = json_escape(out, &p, stop, end, w->html);
		if (out == NULL)
			return fail(w, "a string that is not valid UTF-8");
		w->n = (size_t)(out - w->p);
	}
	put_byte(w, '"');
	return true;
}

static bool write_string(struct writer *w, int index)
{
	size_t n;
	const char *p = lua_tolstring(w->L, index, &n);

	return put_string(w, p, n);
}

/* Tables. */

/* The step to the culprit, in front of those that lead on from there. */
static void add_step(struct writer *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	lua_pushvfstring(w->L, format, args);
	va_end(args);
	lua_pushvalue(w->L, POINTER);
	lua_concat(w->L, 2);
	lua_replace(w->L, POINTER);
}

static void add_name(struct writer *w, const char *name)
{
	const char *escaped = luaL_gsub(w->L, name, "~", "~0");

	escaped = luaL_gsub(w->L, escaped, "/", "~1");
	add_step(w, "/%s", escaped);
	lua_pop(w->L, 2);
}

static bool is_array(const struct writer *w)
{
	bool marked;

	if (!lua_getmetatable(w->L, -1))
		return false;
	marked = lua_topointer(w->L, -1) == w->array_mt;
	lua_pop(w->L, 1);
	return marked;
}

/* Whether the array of n elements on the top has no other key. */
static bool has_no_more(struct writer *w, size_t n)
{
	size_t seen = 0;

	/* In most tables the elements come first, and the last one is followed by nothing. */
	lua_pushnumber(w->L, (lua_Number)n);
	if (lua_next(w->L, -2) == 0)
		return true;
	lua_pop(w->L, 2);
	lua_pushnil(w->L);
	while (lua_next(w->L, -2) != 0) {
		lua_pop(w->L, 1);
		seen++;
	}
	return seen == n;
}

static bool write_array(struct writer *w, size_t n)
{
	if (n > 0 && !has_no_more(w, n))
		return fail(w, "a table that has both elements 1 to n and other keys");
	put_byte(w, '[');
	w->depth++;
	for (size_t i = 1; i <= n; i++) {
		if (i > 1)
			put_byte(w, ',');
		new_line(w);
		lua_rawgeti(w->L, -1, (int)i);
		if (!write_value(w)) {
			add_step(w, "/%d", (int)i - 1);
			return false;
		}
		lua_pop(w->L, 1);
	}
	w->depth--;
	if (n > 0)
		new_line(w);
	put_byte(w, ']');
	return true;
}

/* Name and value are on the top. */
static bool write_member(struct writer *w, bool first)
{
	int name = lua_gettop(w->L) - 1; /* a failure leaves more on the stack */

	if (lua_type(w->L, -2) != LUA_TSTRING)
		return fail(w, lua_type(w->L, -2) == LUA_TNUMBER
				       ? "a table whose number keys are not 1 to n"
				       : "a table with a key that is no string");
	if (!first)
		put_byte(w, ',');
	new_line(w);
	if (!write_string(w, -2))
		return false;
	put_byte(w, ':');
	if (w->indent.n > 0)
		put_byte(w, ' ');
	if (!write_value(w)) {
		add_name(w, lua_tostring(w->L, name));
		return false;
	}
	return true;
}

static bool write_members(struct writer *w)
{
	bool first = true;

	lua_pushnil(w->L);
	while (lua_next(w->L, -2) != 0) {
		if (!write_member(w, first))
			return false;
		lua_pop(w->L, 1);
		first = false;
	}
	return true;
}

/* By UTF-16 units (RFC 8785 3.2.3): as by bytes, but that what needs two units comes before U+E000.
 */
static int compare_names(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	size_t n = MIN(x->n, y->n);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)x->p[i], d = (unsigned char)y->p[i];

		if (c == d)
			continue;
		if (c >= 0xee && d >= 0xee && (c >= 0xf0) != (d >= 0xf0))
			return c >= 0xf0 ? -1 : 1;
		return c < d ? -1 : 1;
	}
	return x->n < y->n ? -1 : x->n > y->n;
}

/* The names are the table's own strings, which stay as long as it does. */
static struct span *sorted_names(lua_State *L, size_t *n_r, bool *strings_r)
{
	struct span *names;
	size_t n = 0;

	*strings_r = true;
	for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1), n++)
		*strings_r &= lua_type(L, -2) == LUA_TSTRING;
	names = lua_newuserdata(L, MAX(n, 1) * sizeof(*names));
	lua_insert(L, -2);
	*n_r = 0;
	for (lua_pushnil(L); *strings_r && lua_next(L, -2) != 0; lua_pop(L, 1), (*n_r)++)
		names[*n_r].p = lua_tolstring(L, -2, &names[*n_r].n);
	if (!*strings_r)
		lua_pop(L, 1);
	qsort(names, *n_r, sizeof(*names), compare_names);
	return names;
}

static bool write_sorted(struct writer *w)
{
	size_t n;
	bool strings;
	const struct span *names = sorted_names(w->L, &n, &strings);

	if (!strings)
		return fail(w, "a table with a key that is no string");
	for (size_t i = 0; i < n; i++) {
		lua_pushlstring(w->L, names[i].p, names[i].n);
		lua_pushvalue(w->L, -1);
		lua_rawget(w->L, -3);
		if (!write_member(w, i == 0))
			return false;
		lua_pop(w->L, 2);
	}
	lua_remove(w->L, -2);
	return true;
}

static bool write_object(struct writer *w)
{
	size_t before;

	put_byte(w, '{');
	before = w->n;
	w->depth++;
	if (!(w->sorted ? write_sorted(w) : write_members(w)))
		return false;
	w->depth--;
	if (w->n > before)
		new_line(w);
	put_byte(w, '}');
	return true;
}

static bool write_table(struct writer *w)
{
	size_t n = lua_objlen(w->L, -1);

	if (w->depth == JSON_DEPTH)
		return fail(w, "nested too deeply (a table within itself?)");
	luaL_checkstack(w->L, 8, "JSON");
	return n > 0 || is_array(w) ? write_array(w, n) : write_object(w);
}

/* Other values. */

static bool write_number(struct writer *w)
{
	double n = lua_tonumber(w->L, -1);

	if (!isfinite(n))
		return fail(w, n != n ? "NaN" : "an infinite number");
	w->n += decimal_put(reserve(w, DECIMAL_MAX), n);
	return true;
}

static bool write_wide(struct writer *w)
{
	size_t n;
	const char *p;

	lua_pushvalue(w->L, WIDE);
	lua_pushvalue(w->L, -2);
	lua_call(w->L, 1, 1);
	p = lua_tolstring(w->L, -1, &n);
	if (p == NULL)
		return fail(w, "a cdata that is no 64-bit integer");
	put(w, p, n);
	lua_pop(w->L, 1);
	return true;
}

/* The value on the top; it stays there. */
static bool write_value(struct writer *w)
{
	switch (lua_type(w->L, -1)) {
	case LUA_TSTRING:
		return write_string(w, -1);
	case LUA_TNUMBER:
		return write_number(w);
	case LUA_TTABLE:
		return write_table(w);
	case LUA_TBOOLEAN:
		if (lua_toboolean(w->L, -1))
			put(w, "true", 4);
		else
			put(w, "false", 5);
		return true;
	case LUA_TLIGHTUSERDATA:
		if (lua_touserdata(w->L, -1) != NULL)
			return fail(w, "a userdata");
		put(w, "null", 4);
		return true;
	case LUA_TCDATA:
		return write_wide(w);
	case LUA_TNIL:
		return fail(w, "nil (null is json.null)");
	default:
		return fail(w, lua_typename(w->L, lua_type(w->L, -1)));
	}
}

/* What is kept is taken out of its place, as a finalizer may write JSON in the midst of it, and is
 * lost when something raises. */
static void take_room(struct writer *w)
{
	lua_pushvalue(w->L, KEPT);
	if (lua_isnil(w->L, BYTES)) {
		lua_pop(w->L, 1);
		lua_newuserdata(w->L, ROOM_FIRST);
	} else {
		lua_pushnil(w->L);
		lua_replace(w->L, KEPT);
	}
	w->p = lua_touserdata(w->L, BYTES);
	w->room = lua_objlen(w->L, BYTES);
}

static void keep_room(struct writer *w)
{
	if (w->room > ROOM_KEPT)
		return;
	lua_pushvalue(w->L, BYTES);
	lua_replace(w->L, KEPT);
}

static int write_text(lua_State *L)
{
	struct writer w = {.L = L};
	int flags = luaL_optint(L, FLAGS, 0);

	lua_settop(L, WIDE);
	take_room(&w);
	w.sorted = flags & JSON_SORTED;
	w.html = flags & JSON_HTML;
	w.array_mt = lua_topointer(L, ARRAY_MT);
	if (lua_isstring(L, INDENT))
		w.indent.p = lua_tolstring(L, INDENT, &w.indent.n);
	lua_pushliteral(L, "");
	lua_pushvalue(L, VALUE);
	if (write_value(&w)) {
		lua_pushlstring(L, w.p, w.n);
		keep_room(&w);
		return 1;
	}
	keep_room(&w);
	lua_pushnil(L);
	lua_pushvalue(L, POINTER);
	lua_pushstring(L, w.what);
	return 3;
}

void lua_json_open(lua_State *L)
{
	lua_pushcfunction(L, lua_json_read);
	lua_setfield(L, -2, "json_read");
	lua_pushnil(L); /* the memory that it keeps */
	lua_pushcclosure(L, write_text, 1);
	lua_setfield(L, -2, "json_write");
	lua_pushlightuserdata(L, NULL);
	lua_setfield(L, -2, "null");
}
