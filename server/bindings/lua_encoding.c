/*
 * Base64, base64url (RFC 4648 4 and 5) and hexadecimal digits. Readers are strict: no white space,
 * no stray bits, so that a text has one spelling; padding may be left out, but not be wrong.
 */
#include "bindings/lua_crypto.h"

#include "base/base.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#define BAD 0xff

static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static char digit_of(unsigned value, bool url)
{
	if (value < 62)
		return common[value];
	return (url ? "-_" : "+/")[value - 62];
}

static unsigned value_of(unsigned char c, bool url)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (url ? '-' : '+'))
		return 62;
	return c == (url ? '_' : '/') ? 63 : BAD;
}

/* (bytes, url, padded) → text */
static int to_base64(lua_State *L)
{
	size_t n;
	const unsigned char *from = (const unsigned char *)luaL_checklstring(L, 1, &n);
	bool url = lua_toboolean(L, 2), padded = lua_toboolean(L, 3);
	char *start = lua_newuserdata(L, n / 3 * 4 + 4), *out = start;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = MIN(n - i, (size_t)3);
		unsigned bits = (unsigned)from[i] << 16;

		if (left > 1)
			bits |= (unsigned)from[i + 1] << 8;
		if (left > 2)
			bits |= from[i + 2];
		for (size_t k = 0; k <= left; k++)
			*out++ = digit_of(bits >> (18 - 6 * k) & 63, url);
		for (size_t k = left; padded && k < 3; k++)
			*out++ = '=';
	}
	lua_pushlstring(L, start, (size_t)(out - start));
	return 1;
}

/* How many of the n characters are digits; n + 1: the padding is wrong. */
static size_t without_padding(const char *text, size_t n)
{
	size_t digits = n;

	while (digits > 0 && n - digits < 2 && text[digits - 1] == '=')
		digits--;
	return digits == n || n % 4 == 0 ? digits : n + 1;
}

/* (text, url) → bytes, or nil */
static int from_base64(lua_State *L)
{
	size_t n, digits;
	const char *text = luaL_checklstring(L, 1, &n);
	bool url = lua_toboolean(L, 2);
	unsigned char *start, *out;
	unsigned bits = 0, have = 0, value;

	digits = without_padding(text, n);
	if (digits > n || digits % 4 == 1)
		return 0;
	start = out = lua_newuserdata(L, digits / 4 * 3 + 3);
	for (size_t i = 0; i < digits; i++) {
		value = value_of((unsigned char)text[i], url);
		if (value == BAD)
			return 0;
		bits = bits << 6 | value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*out++ = (unsigned char)(bits >> have);
			bits &= (1U << have) - 1;
		}
	}
	if (bits != 0)
		return 0; /* another spelling of the same bytes */
	lua_pushlstring(L, (const char *)start, (size_t)(out - start));
	return 1;
}

/* (bytes) → text */
static int to_hex(lua_State *L)
{
	size_t n;
	const unsigned char *from = (const unsigned char *)luaL_checklstring(L, 1, &n);
	char *out = lua_newuserdata(L, 2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[from[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[from[i] & 15];
	}
	lua_pushlstring(L, out, 2 * n);
	return 1;
}

static unsigned nibble(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : BAD;
}

/* (text) → bytes, or nil */
static int from_hex(lua_State *L)
{
	size_t n;
	const unsigned char *text = (const unsigned char *)luaL_checklstring(L, 1, &n);
	unsigned char *out = lua_newuserdata(L, n / 2 + 1);

	if (n % 2 != 0)
		return 0;
	for (size_t i = 0; i < n; i += 2) {
		unsigned high = nibble(text[i]), low = nibble(text[i + 1]);

		if (high == BAD || low == BAD)
			return 0;
		out[i / 2] = (unsigned char)(high << 4 | low);
	}
	lua_pushlstring(L, (const char *)out, n / 2);
	return 1;
}

void lua_encoding_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"to_base64", to_base64},
		{"from_base64", from_base64},
		{"to_hex", to_hex},
		{"from_hex", from_hex},
		{NULL, NULL},
	};

	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "encoding");
}
