#include "bindings/lua_regex.h"

#include "base/base.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <lua.h>
#include <lauxlib.h>

#define METATABLE "moonloop.regex"

/* What ECMA-262 means where Perl means something else. \C would match half a character. */
#define OPTIONS                                                                                    \
	(PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_DOLLAR_ENDONLY |             \
		PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C)

struct regex {
	pcre2_code *code;         /* owned */
	pcre2_match_data *match;  /* owned */
	pcre2_match_context *how; /* owned */
	bool anchored;            /* matches at the beginning only */
};

static int collect(lua_State *L)
{
	struct regex *regex = lua_touserdata(L, 1);

	pcre2_match_context_free(regex->how);
	pcre2_match_data_free(regex->match);
	pcre2_code_free(regex->code);
	*regex = (struct regex){0};
	return 0;
}

static pcre2_code *compile(const char *text, size_t n, int *why, size_t *where)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code *code;

	if (context == NULL) {
		*why = PCRE2_ERROR_NOMEMORY;
		return NULL;
	}
	pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
	code = pcre2_compile((PCRE2_SPTR)text, n, OPTIONS, why, where, context);
	pcre2_compile_context_free(context);
	return code;
}

static bool is_anchored(const pcre2_code *code)
{
	uint32_t options = 0;

	pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
	return (options & PCRE2_ANCHORED) != 0;
}

/* (expression) → regex; nil, what is wrong, the byte where */
static int regex_new(lua_State *L)
{
	size_t n, where = 0;
	const char *text = luaL_checklstring(L, 1, &n);
	struct regex *regex = lua_newuserdata(L, sizeof(*regex));
	int why = 0;

	*regex = (struct regex){0};
	luaL_getmetatable(L, METATABLE);
	lua_setmetatable(L, -2);
	regex->code = compile(text, n, &why, &where);
	if (regex->code == NULL) {
		PCRE2_UCHAR message[128];

		pcre2_get_error_message(why, message, sizeof(message));
		lua_pushnil(L);
		lua_pushstring(L, (const char *)message);
		lua_pushinteger(L, (lua_Integer)where + 1);
		return 3;
	}
	/* Where that cannot be, the expression is interpreted. */
	pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
	regex->match = pcre2_match_data_create(1, NULL);
	regex->how = pcre2_match_context_create(NULL);
	if (regex->match == NULL || regex->how == NULL)
		return luaL_error(L, "not enough memory");
	regex->anchored = is_anchored(regex->code);
	return 1;
}

/* Steps at each place where it is tried: enough to go back over the text once. */
static uint32_t steps_for(const struct regex *regex, size_t n)
{
	if (regex->anchored)
		return REGEX_STEPS;
	return (uint32_t)MAX(REGEX_STEPS_ALL / (n + 100), n + 100);
}

/* (regex, text) → whether it matches somewhere in it; nil: given up */
static int regex_test(lua_State *L)
{
	struct regex *regex = luaL_checkudata(L, 1, METATABLE);
	size_t n;
	const char *text = luaL_checklstring(L, 2, &n);
	int rc;

	if (!regex->anchored && n > REGEX_SEARCH_MAX) {
		lua_pushnil(L);
		return 1;
	}
	pcre2_set_match_limit(regex->how, steps_for(regex, n));
	rc = pcre2_match(regex->code, (PCRE2_SPTR)text, n, 0, 0, regex->match, regex->how);
	if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH)
		lua_pushboolean(L, rc >= 0);
	else
		lua_pushnil(L); /* too many steps, or no UTF-8 */
	return 1;
}

void lua_regex_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"regex_new", regex_new},
		{"regex_test", regex_test},
		{NULL, NULL},
	};

	luaL_newmetatable(L, METATABLE);
	lua_pushcfunction(L, collect);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	luaL_register(L, NULL, functions);
}
