/* What C gives to Lua at the start of a state, and the one call into core.boot. */
#include "bindings/lua_boot.h"

#include "bindings/app_int.h"
#include "bindings/lua_bundle.h"
#include "bindings/lua_crypto.h"
#include "bindings/lua_json.h"
#include "bindings/lua_regex.h"
#include "bindings/lua_zip.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/version.h"
#include "runtime/sched.h"
#include "runtime/vm.h"
#include "runtime/watchdog.h"

#include <lua.h>
#include <lauxlib.h>
#include <string.h>

/* (seconds), of the running task, which there must be. Not by FFI: see watchdog.h. */
static int set_cpu_budget(lua_State *L)
{
	lua_Number seconds = MIN(luaL_checknumber(L, 1), 1e9);

	watchdog_set_budget(sched_current(), (uint64_t)(seconds * CLOCK_SECOND));
	return 0;
}

/* () → array of the names of all that the binary carries */
static int bundle_names(lua_State *L)
{
	int n = 0;

	lua_newtable(L);
	for (const struct vm_module *m = lua_bundle; m->name != NULL; m++) {
		lua_pushstring(L, m->name);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* (name) → its text, or nil */
static int bundle_text(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	for (const struct vm_module *m = lua_bundle; m->name != NULL; m++) {
		if (strcmp(m->name, name) != 0)
			continue;
		lua_pushlstring(L, m->from, (size_t)(m->to - m->from));
		return 1;
	}
	return 0;
}

/* require "moonloop.core.native": the C functions and the facts that do not come by FFI. */
static int open_native(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"headers", lua_scope_headers},
		{"address", lua_scope_address},
		{"cpu_budget", set_cpu_budget},
		{"bundle_names", bundle_names},
		{"bundle_text", bundle_text},
		{NULL, NULL},
	};

	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_exchange_open(L);
	lua_task_open(L);
	lua_socket_open(L);
	lua_job_open(L);
	lua_json_open(L);
	lua_zip_open(L);
	lua_encoding_open(L);
	lua_crypto_open(L);
	lua_key_open(L);
	lua_regex_open(L);
	lua_pushstring(L, MOONLOOP_VERSION);
	lua_setfield(L, -2, "version");
	return 1;
}

/* require "moonloop.core.err": code → short name and back, meaning[code], from the one table. */
static int open_err(lua_State *L)
{
	lua_newtable(L);
	lua_newtable(L);
#define ERR(name, code, text, meaning)                                                             \
	lua_pushstring(L, meaning);                                                                \
	lua_rawseti(L, -2, code);
#include "base/err.tbl.h"
#undef ERR
	lua_setfield(L, -2, "meaning");
#define ERR(name, code, text, meaning)                                                             \
	lua_pushstring(L, text);                                                                   \
	lua_rawseti(L, -2, code);                                                                  \
	lua_pushinteger(L, code);                                                                  \
	lua_setfield(L, -2, #name);
#include "base/err.tbl.h"
#undef ERR
	return 1;
}

static void preload(lua_State *L, const char *name, lua_CFunction open)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "preload");
	lua_pushcfunction(L, open);
	lua_setfield(L, -2, name);
	lua_pop(L, 2);
}

void lua_boot_open(lua_State *L)
{
	preload(L, "moonloop.core.native", open_native);
	preload(L, "moonloop.core.err", open_err);
}

static void set_texts(lua_State *L, const char *field, const struct app_texts *texts)
{
	lua_newtable(L);
	for (int i = 0; i < texts->n; i++) {
		lua_pushstring(L, texts->v[i]);
		lua_rawseti(L, -2, i + 1);
	}
	lua_setfield(L, -2, field);
}

/* dev = true; alone = no older code could serve; reload = {dirs =, ignore =}: only what is on. */
static void set_dev(lua_State *L)
{
	if (app.config.dev) {
		lua_pushboolean(L, true);
		lua_setfield(L, -2, "dev");
		lua_pushboolean(L, app.live == NULL || app.live->stands_in);
		lua_setfield(L, -2, "alone");
	}
	if (!app.config.reload)
		return;
	lua_newtable(L);
	set_texts(L, "dirs", &app.config.reload_dirs);
	set_texts(L, "ignore", &app.config.reload_ignore);
	lua_setfield(L, -2, "reload");
}

/* The application's whereabouts, as core.boot's argument. */
static void push_config(lua_State *L)
{
	lua_newtable(L);
	if (app.config.file != NULL) {
		lua_pushstring(L, app.config.file);
		lua_setfield(L, -2, "file");
	}
	if (app.config.module != NULL) {
		lua_pushstring(L, app.config.module);
		lua_setfield(L, -2, "module");
	}
	lua_pushboolean(L, app.config.blocking_warnings);
	lua_setfield(L, -2, "blocking_warnings");
	lua_pushstring(L, app.config.root_path);
	lua_setfield(L, -2, "root_path");
	lua_pushboolean(L, app.config.control);
	lua_setfield(L, -2, "control");
	set_dev(L);
	if (app.config.tool == NULL)
		return;
	lua_pushstring(L, app.config.tool);
	lua_setfield(L, -2, "tool");
	lua_newtable(L);
	for (int i = 0; i < app.config.words_n; i++) {
		lua_pushstring(L, app.config.words[i]);
		lua_rawseti(L, -2, i + 1);
	}
	lua_setfield(L, -2, "words");
}

bool lua_boot_main(struct generation *g)
{
	lua_State *L = g->L;
	bool ok = vm_require(L, "moonloop.core.boot");

	if (ok) {
		push_config(L);
		ok = vm_call(L, 1, 3);
	}
	if (!ok) {
		log_event(LOG_ERROR, "runtime.broken", "%s", lua_tostring(L, -1));
		lua_pop(L, 1);
		return false;
	}
	generation_set_main(g);
	return true;
}
