#ifndef BINDINGS_LUA_BOOT_H
#define BINDINGS_LUA_BOOT_H

struct lua_State;

/* Preloads what C gives to Lua; for vm_set_open: every state of the process gets it. */
void lua_boot_open(struct lua_State *L);

#endif
