#include "runtime/vm.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdatomic.h>
#include <string.h>

/* Errors of finalizers in a row that are borne. */
#define PROTECT_TRIES 100000

/* A module of the binary as LuaJIT's bytecode, made by the first state that loads it. */
struct compiled {
	size_t n;
	char bytes[];
};

static const struct vm_module *bundle;
static _Atomic(struct compiled *) *compiled; /* owned; one for each of the bundle */
static struct vm_paths paths = {"", "", ""};
static void (*open_hook)(lua_State *L);

static size_t bundle_size(void)
{
	size_t n = 0;

	while (bundle != NULL && bundle[n].name != NULL)
		n++;
	return n;
}

void vm_set_modules(const struct vm_module *modules)
{
	for (size_t i = 0; i < bundle_size(); i++)
		mem_free(atomic_load(&compiled[i]));
	mem_free(compiled);
	bundle = modules;
	compiled = modules != NULL ? mem_zalloc(bundle_size() * sizeof(*compiled)) : NULL;
}

void vm_set_paths(const struct vm_paths *p)
{
	paths = *p;
}

void vm_set_open(void (*open)(lua_State *L))
{
	open_hook = open;
}

/* An error outside of any protected call, or no memory: the VM is in an unknown state. */
static int at_panic(lua_State *L)
{
	const char *message = lua_tostring(L, -1);

	panic("Lua: %s", message != NULL ? message : "error object is not a string");
}

static int append(lua_State *L, const void *p, size_t n, void *arg)
{
	buf_append(arg, p, n);
	return 0;
}

/* Of the function on the top. Threads may do the same work at once: the first one's stays. */
static void keep_compiled(lua_State *L, _Atomic(struct compiled *) *where)
{
	struct compiled *code, *none = NULL;
	struct buf b = {0};

	lua_dump(L, append, &b);
	code = mem_alloc(sizeof(*code) + b.n);
	code->n = b.n;
	memcpy(code->bytes, b.p, b.n);
	buf_fini(&b);
	if (!atomic_compare_exchange_strong(where, &none, code))
		mem_free(code);
}

static void load(lua_State *L, const char *p, size_t n, const char *name)
{
	lua_pushfstring(L, "@%s", name);
	if (luaL_loadbuffer(L, p, n, lua_tostring(L, -1)) != 0)
		lua_error(L);
}

/* A package.loaders function: modules that the binary carries, found by a walk of the short list.
 */
static int load_bundled(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	for (const struct vm_module *m = bundle; m != NULL && m->name != NULL; m++) {
		_Atomic(struct compiled *) *where = &compiled[m - bundle];
		const struct compiled *code = atomic_load(where);

		if (strcmp(m->name, name) != 0)
			continue;
		if (code != NULL) {
			load(L, code->bytes, code->n, name);
		} else {
			load(L, m->from, (size_t)(m->to - m->from), name);
			keep_compiled(L, where);
		}
		return 1;
	}
	lua_pushfstring(L, "\n\tno module '%s' in the binary", name);
	return 1;
}

/* After package.preload, before the files: the binary's own modules cannot be shadowed by accident.
 */
static void add_loader(lua_State *L)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "loaders");
	for (int i = (int)lua_objlen(L, -1); i >= 2; i--) {
		lua_rawgeti(L, -1, i);
		lua_rawseti(L, -2, i + 1);
	}
	lua_pushcfunction(L, load_bundled);
	lua_rawseti(L, -2, 2);
	lua_pop(L, 2);
}

static void set_path(lua_State *L, const char *field, const char *first, const char *second)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, field);
	lua_pushfstring(
		L, "%s%s%s%s", first, first[0] != '\0' ? ";" : "", second, lua_tostring(L, -1));
	lua_setfield(L, -3, field);
	lua_pop(L, 2);
}

static void set_paths(lua_State *L)
{
	char *root = paths.root[0] == '\0'
	                     ? mem_strdup("")
	                     : mem_printf("%s/?.lua;%s/?/init.lua;", paths.root, paths.root);

	set_path(L, "path", paths.path, root);
	set_path(L, "cpath", paths.cpath, "");
	mem_free(root);
}

lua_State *vm_new(void)
{
	lua_State *L = luaL_newstate();

	if (L == NULL)
		panic("no memory for a Lua state");
	lua_atpanic(L, at_panic);
	luaL_openlibs(L);
	add_loader(L);
	set_paths(L);
	if (open_hook != NULL)
		open_hook(L);
	return L;
}

bool vm_is_ours(const char *source)
{
	size_t n = strlen(source);

	return strncmp(source, "@moonloop.", 10) == 0 && strcmp(source + n - 4, ".lua") != 0;
}

void vm_pace_gc(lua_State *L, int heap_kib)
{
	int percent = 100 + 100 * VM_GC_SLACK_KIB / MAX(heap_kib, 1);

	lua_gc(L, LUA_GCSETPAUSE, MIN(MAX(percent, 200), 1000));
}

void vm_free(lua_State **L)
{
	lua_close(*L);
	*L = NULL;
}

static int add_traceback(lua_State *L)
{
	if (!lua_isstring(L, 1))
		return 1;
	luaL_traceback(L, L, lua_tostring(L, 1), 1);
	return 1;
}

bool vm_call(lua_State *L, int nargs, int nresults)
{
	int handler = lua_gettop(L) - nargs;
	int rc;

	lua_pushcfunction(L, add_traceback);
	lua_insert(L, handler);
	rc = lua_pcall(L, nargs, nresults, handler);
	lua_remove(L, handler);
	return rc == 0;
}

struct protected_call {
	void (*fn)(lua_State *L, void *arg);
	void *arg;
};

static int call_protected(lua_State *L)
{
	const struct protected_call *call = lua_touserdata(L, 1);

	call->fn(L, call->arg);
	return 0;
}

void vm_protect(lua_State *L, void (*fn)(lua_State *L, void *arg), void *arg)
{
	struct protected_call call = {fn, arg};

	/* Each failure used up a finalizer. */
	for (int tries = 0; lua_cpcall(L, call_protected, &call) != 0; tries++) {
		const char *text =
			lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "(no message)";

		if (tries == PROTECT_TRIES)
			panic("Lua: %s", text);
		log_event(LOG_ERROR, "gc.error", "%s", text);
		lua_pop(L, 1);
	}
}

bool vm_require(lua_State *L, const char *module)
{
	lua_getglobal(L, "require");
	lua_pushstring(L, module);
	return vm_call(L, 1, 1);
}
