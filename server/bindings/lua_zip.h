#ifndef BINDINGS_LUA_ZIP_H
#define BINDINGS_LUA_ZIP_H

struct lua_State;

/*
 * Streams of compression (zip.h) as userdata, for moonloop.compress, which checks the arguments.
 * Registered in every Lua state, the pool threads' too. A stream's memory goes at its end, at its
 * close, or when Lua collects it.
 */
void lua_zip_open(struct lua_State *L); /* sets the table `zip` in the table on top */

#endif
