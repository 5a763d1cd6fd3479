#ifndef BINDINGS_LUA_REGEX_H
#define BINDINGS_LUA_REGEX_H

struct lua_State;

/*
 * Regular expressions in the dialect of JSON Schema, ECMA-262 with its u flag, by PCRE2: for
 * moonloop.web.schema. An expression is a userdata; texts are UTF-8. A match that takes too many
 * steps is given up, so that no text can stall the worker. PCRE2 counts steps of backtracking anew
 * at each place of the text where it tries; so an expression that does not begin with ^ gets fewer
 * of them at each, and long texts are not searched at all.
 */

/* Of one expression that is tried at the beginning only: some milliseconds. */
#define REGEX_STEPS 200000

/* Of one that is tried everywhere, in all; and how many bytes its text may have. */
#define REGEX_STEPS_ALL  20000000
#define REGEX_SEARCH_MAX 8192

void lua_regex_open(struct lua_State *L); /* sets regex_new and regex_test in the table on top */

#endif
