#include "bindings/lua_json.h"

#include "base/decimal.h"
#include "base/utf8.h"

#include <lua.h>
#include <lauxlib.h>
#include <string.h>

/* Arguments, and where they stay on the stack. */
enum {
	TEXT = 1,
	ARRAY_MT = 2,
	MAX_DEPTH = 3,
	DUPLICATES = 4,
	WIDE = 5,
};

#define SMALL_STRING 1024

/* Digits of an integer that a double holds for sure. */
#define NARROW_DIGITS 15

struct reader {
	lua_State *L;
	const char *from, *p, *end;
	int depth, max_depth;
	bool refuse_duplicates;
	const char *what; /* the error, at p */
	/* How many members the last object of each depth had: its neighbours are often alike. */
	uint8_t members[JSON_DEPTH_MAX + 1];
};

static bool read_value(struct reader *r);

static bool fail(struct reader *r, const char *what)
{
	r->what = what;
	return false;
}

/* What can stand in a string as it is: neither quote, backslash, control, nor part of UTF-8. */
static const bool plain[256] = {
	[' '] = true, [0x21] = true, [0x23 ... 0x5b] = true, [0x5d ... 0x7f] = true};

static void skip_space(struct reader *r)
{
	const char *p = r->p;

	while (p < r->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	r->p = p;
}

/* Strings. */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four digits at p; -1: they are not. */
static int hex4(const char *p, const char *end)
{
	int n = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(p[i]);

		if (digit < 0)
			return -1;
		n = n << 4 | digit;
	}
	return n;
}

static char *put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* p stands behind \u. NULL: it failed. */
static char *read_unicode(struct reader *r, char *out)
{
	int c = hex4(r->p, r->end), low;

	if (c < 0) {
		fail(r, "\\u needs four hexadecimal digits");
		return NULL;
	}
	r->p += 4;
	if (c >= 0xd800 && c <= 0xdfff) {
		low = r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u'
		              ? hex4(r->p + 2, r->end)
		              : -1;
		if (c >= 0xdc00 || low < 0xdc00 || low > 0xdfff) {
			r->p -= 6;
			fail(r, "half of a surrogate pair");
			return NULL;
		}
		r->p += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	return put_utf8(out, (unsigned)c);
}

/* p stands at a backslash. */
static char *read_escape(struct reader *r, char *out)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char c = r->end - r->p > 1 ? r->p[1] : '\0';
	const char *at = c != '\0' ? strchr(names, c) : NULL;

	if (c == 'u') {
		r->p += 2;
		return read_unicode(r, out);
	}
	if (at == NULL) {
		fail(r, "unknown escape in a string");
		return NULL;
	}
	*out = values[at - names];
	r->p += 2;
	return out + 1;
}

/* What is no plain byte, within a string; false: error or the end. */
static bool check_byte(struct reader *r)
{
	size_t n;

	if (r->p == r->end)
		return fail(r, "the text ends within a string");
	if ((unsigned char)*r->p < 0x20)
		return fail(r, "control character in a string");
	n = utf8_len((struct span){r->p, (size_t)(r->end - r->p)});
	if (n == 0)
		return fail(r, "invalid UTF-8");
	r->p += n;
	return true;
}

/* With escapes. `out` has room for all up to the end of the string. */
static char *unescape(struct reader *r, char *out)
{
	while (out != NULL && !(r->p < r->end && *r->p == '"')) {
		const char *from = r->p;

		while (r->p < r->end && plain[(unsigned char)*r->p])
			r->p++;
		if (r->p == from) {
			if (r->p < r->end && *r->p == '\\') {
				out = read_escape(r, out);
				continue;
			}
			if (!check_byte(r))
				return NULL;
		}
		memcpy(out, from, (size_t)(r->p - from));
		out += r->p - from;
	}
	return out;
}

/* Where the string that p is in ends, more or less: an escape may hide the quote. */
static size_t room_for(const struct reader *r)
{
	const char *q = r->p;

	while (q < r->end && *q != '"')
		q += *q == '\\' ? 2 : 1;
	return (size_t)(MIN(q, r->end) - r->p);
}

static bool push_unescaped(struct reader *r, const char *from)
{
	char small[SMALL_STRING], *text = small, *end;
	size_t done = (size_t)(r->p - from), room = done + room_for(r);

	if (room > sizeof(small))
		text = lua_newuserdata(r->L, room);
	memcpy(text, from, done);
	end = unescape(r, text + done);
	if (end == NULL)
		return false;
	lua_pushlstring(r->L, text, (size_t)(end - text));
	if (text != small)
		lua_remove(r->L, -2);
	r->p++;
	return true;
}

/* p stands at the opening quote. */
static bool read_string(struct reader *r)
{
	const char *from = ++r->p;

	for (;;) {
		const char *p = r->p;

		while (p < r->end && plain[(unsigned char)*p])
			p++;
		r->p = p;
		if (p < r->end && *p == '"') {
			lua_pushlstring(r->L, from, (size_t)(p - from));
			r->p++;
			return true;
		}
		if (p < r->end && *p == '\\')
			return push_unescaped(r, from);
		if (!check_byte(r))
			return false;
	}
}

/* Numbers. */

static bool digits(struct reader *r)
{
	const char *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p > from;
}

/* The number on the top, whose text begins at `from`. */
static bool check_finite(struct reader *r, const char *from)
{
	double value = lua_tonumber(r->L, -1);

	if (value - value == 0)
		return true;
	r->p = from;
	return fail(r, "a number too large for a double");
}

/* More than a double holds for sure. */
static bool push_wide(struct reader *r, struct span text)
{
	lua_pushvalue(r->L, WIDE);
	lua_pushlstring(r->L, text.p, text.n);
	lua_call(r->L, 1, 1);
	return lua_type(r->L, -1) != LUA_TNUMBER || check_finite(r, text.p);
}

static bool read_number(struct reader *r)
{
	const char *from = r->p;
	bool integer = true, minus = *r->p == '-';
	struct span text;
	double n = 0;

	r->p += minus;
	if (r->p < r->end && *r->p == '0')
		r->p++;
	else if (!digits(r))
		return fail(r, minus ? "a minus without a number" : "no value begins like this");
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		integer = false;
		if (!digits(r))
			return fail(r, "no digit behind the point");
	}
	if (r->p < r->end && (*r->p | 0x20) == 'e') {
		r->p++;
		integer = false;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!digits(r))
			return fail(r, "no digit in the exponent");
	}
	text = (struct span){from, (size_t)(r->p - from)};
	if (integer && text.n - minus > NARROW_DIGITS)
		return push_wide(r, text);
	if (!integer) {
		lua_pushnumber(r->L, decimal_get(text));
		return check_finite(r, from);
	}
	for (const char *p = from + minus; p < r->p; p++)
		n = n * 10 + (*p - '0');
	lua_pushnumber(r->L, minus ? -n : n);
	return true;
}

/* The rest. */

static bool enter(struct reader *r)
{
	if (r->depth == r->max_depth)
		return fail(r, "nested too deeply");
	r->depth++;
	r->p++;
	luaL_checkstack(r->L, 6, "JSON");
	skip_space(r);
	return true;
}

static bool at(struct reader *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool read_array(struct reader *r)
{
	int n = 0;

	if (!enter(r))
		return false;
	lua_createtable(r->L, 4, 0);
	if (!at(r, ']')) {
		do {
			if (!read_value(r))
				return false;
			lua_rawseti(r->L, -2, ++n);
			skip_space(r);
		} while (at(r, ','));
		if (!at(r, ']'))
			return fail(r, "expected , or ] in an array");
	}
	lua_pushvalue(r->L, ARRAY_MT);
	lua_setmetatable(r->L, -2);
	r->depth--;
	return true;
}

static bool is_there(lua_State *L)
{
	bool there;

	lua_pushvalue(L, -1);
	lua_rawget(L, -3);
	there = !lua_isnil(L, -1);
	lua_pop(L, 1);
	return there;
}

static bool read_member(struct reader *r)
{
	const char *name;

	skip_space(r);
	name = r->p;
	if (r->p == r->end || *r->p != '"')
		return fail(r, "expected a member's name in quotes");
	if (!read_string(r))
		return false;
	if (r->refuse_duplicates && is_there(r->L)) {
		r->p = name;
		return fail(r, "the object has this member already");
	}
	skip_space(r);
	if (!at(r, ':'))
		return fail(r, "expected : behind a member's name");
	if (!read_value(r))
		return false;
	lua_rawset(r->L, -3);
	skip_space(r);
	return true;
}

static bool read_object(struct reader *r)
{
	unsigned n = 0;

	if (!enter(r))
		return false;
	lua_createtable(r->L, 0, r->members[r->depth]);
	if (!at(r, '}')) {
		do {
			if (!read_member(r))
				return false;
			n++;
		} while (at(r, ','));
		if (!at(r, '}'))
			return fail(r, "expected , or } in an object");
	}
	r->members[r->depth] = (uint8_t)MIN(n, 64);
	r->depth--;
	return true;
}

static bool read_word(struct reader *r, const char *word, size_t n)
{
	if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
		return fail(r, "no value begins like this");
	r->p += n;
	return true;
}

static bool read_value(struct reader *r)
{
	skip_space(r);
	if (r->p == r->end)
		return fail(r, "the text ends where a value is expected");
	switch (*r->p) {
	case '"':
		return read_string(r);
	case '{':
		return read_object(r);
	case '[':
		return read_array(r);
	case 't':
		lua_pushboolean(r->L, 1);
		return read_word(r, "true", 4);
	case 'f':
		lua_pushboolean(r->L, 0);
		return read_word(r, "false", 5);
	case 'n':
		lua_pushlightuserdata(r->L, NULL);
		return read_word(r, "null", 4);
	default:
		return read_number(r);
	}
}

int lua_json_read(lua_State *L)
{
	struct reader r = {.L = L};
	size_t n;

	r.from = r.p = luaL_checklstring(L, TEXT, &n);
	r.end = r.p + n;
	r.max_depth = MIN(luaL_optint(L, MAX_DEPTH, JSON_DEPTH), JSON_DEPTH_MAX);
	r.refuse_duplicates = lua_toboolean(L, DUPLICATES);
	lua_settop(L, WIDE);
	if (read_value(&r)) {
		skip_space(&r);
		if (r.p == r.end)
			return 1;
		fail(&r, "something follows the value");
	}
	lua_pushnil(L);
	lua_pushinteger(L, r.p - r.from + 1);
	lua_pushstring(L, r.what);
	return 3;
}
