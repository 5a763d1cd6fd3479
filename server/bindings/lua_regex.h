#ifndef BINDINGS_LUA_REGEX_H
#define BINDINGS_LUA_REGEX_H

struct lua_State;

/*
 * Regular expressions in the dialect of JSON Schema, ECMA-262 with its u flag, by PCRE2: for
 * moonloop.web.schema. An expression is a userdata; texts are UTF-8. A match that takes too many
 * steps is given up, so that no text can stall the worker.
 */

/* Steps of backtracking, as PCRE2 counts them: some milliseconds. */
#define REGEX_STEPS 200000

void lua_regex_open(struct lua_State *L); /* sets regex_new and regex_test in the table on top */

#endif
