#ifndef RUNTIME_VM_H
#define RUNTIME_VM_H

#include "base/base.h"

#include <lua.h>

/*
 * One Lua virtual machine: a lua_State with the standard libraries, the modules that the binary
 * carries, and the paths of the application. Each generation has one for its tasks (generation.h);
 * each thread of the job pool has one of its own (jobs.h). A lua_State is touched by one thread
 * only.
 *
 * lua_pcall is called here, before any task exists, and in job_vm.c; lua_resume in sched.c; there
 * is no third way into Lua.
 */
struct vm_paths {
	const char
		*root; /* the application's directory: ROOT/?.lua and ROOT/?/init.lua come first */
	const char *path;  /* --lua-path: before root; "" for none */
	const char *cpath; /* --lua-cpath */
};

/* A module that the binary carries; the array ends with name == NULL. */
struct vm_module {
	const char *name;
	const char *from, *to;
};

/*
 * What every state gets besides Lua's own libraries; set once, before the first vm_new. The first
 * state that loads a module compiles it for all. NULL, after the last state: frees that.
 */
void vm_set_modules(const struct vm_module *modules);
void vm_set_paths(const struct vm_paths *paths); /* the strings are borrowed for life */

/* Registers C functions under package.preload: called for every new state. May be NULL. */
void vm_set_open(void (*open)(lua_State *L));

/*
 * How far garbage may pile up before the next collection: as LuaJIT would have it (as much as is
 * alive), but VM_GC_SLACK_KIB at least, so that a small application does not collect all the time.
 * Called once in a while, with the least heap that was seen since.
 */
#define VM_GC_SLACK_KIB 2048
void vm_pace_gc(lua_State *L, int heap_kib);

lua_State *vm_new(void);
void vm_free(lua_State **L);

/* Whether a chunk's source is a module of the binary: those have no file name's ending. */
bool vm_is_ours(const char *source);

/* Leaves require(module) on the stack; false: an error message instead. */
bool vm_require(lua_State *L, const char *module);

/* Calls the function below `nargs` arguments; false: message and traceback on the stack instead. */
bool vm_call(lua_State *L, int nargs, int nresults);

/*
 * Calls fn(L, arg) outside of any task. What allocates may run an application's finalizers (__gc),
 * and LuaJIT raises their errors right there: they are logged, and fn is called again.
 */
void vm_protect(lua_State *L, void (*fn)(lua_State *L, void *arg), void *arg);

#endif
