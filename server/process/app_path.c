#include "process/app_path.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"

#include <ctype.h>
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define APP_FILE   "app.lua"
#define LOCAL_PATH "./?.lua;./?/init.lua"

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_strdup(".");
	if (slash == path)
		return mem_strdup("/");
	return mem_dup(path, (size_t)(slash - path));
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static int resolve_dir(struct app_path *out, const char *dir, char *err, size_t cap)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	out->root = mem_dup(dir, n);
	out->file = n == 1 && dir[0] == '/' ? mem_strdup("/" APP_FILE)
	                                    : mem_printf("%s/%s", out->root, APP_FILE);
	if (is_file(out->file))
		return 0;
	snprintf(err, cap, "%.200s: the directory has no " APP_FILE, dir);
	return ERR_NOT_FOUND;
}

static bool is_module_name(const char *name)
{
	bool start = true;

	for (; *name != '\0'; name++) {
		if (*name == '.' ? start
				 : !isalnum((unsigned char)*name) && *name != '_' && *name != '-')
			return false;
		start = *name == '.';
	}
	return !start;
}

/* package.path as an application will see it, LUA_PATH and all. */
static char *default_path(void)
{
	lua_State *L = luaL_newstate();
	char *path = NULL;

	ENSURE(L != NULL);
	lua_pushcfunction(L, luaopen_package);
	if (lua_pcall(L, 0, 0, 0) == 0) {
		lua_getglobal(L, "package");
		lua_getfield(L, -1, "path");
		if (lua_isstring(L, -1))
			path = mem_strdup(lua_tostring(L, -1));
	}
	lua_close(L);
	return path != NULL ? path : mem_strdup("");
}

/* One template of package.path with the module's name in it. */
static char *fill_template(const char *template, size_t n, const char *name)
{
	char *path = mem_alloc(n + n * strlen(name) + 1), *p = path;

	for (const char *t = template; t < template + n; t++) {
		if (*t != '?') {
			*p++ = *t;
			continue;
		}
		for (const char *c = name; *c != '\0'; c++)
			*p++ = *c == '.' ? '/' : *c;
	}
	*p = '\0';
	return path;
}

/* The file of the module, owned by the caller, or NULL. */
static char *search(const char *templates, const char *name)
{
	while (*templates != '\0') {
		size_t n = strcspn(templates, ";");
		char *path = fill_template(templates, n, name);

		if (n > 0 && is_file(path))
			return path;
		mem_free(path);
		templates += n + (templates[n] == ';');
	}
	return NULL;
}

static int resolve_module(
	struct app_path *out, const char *name, const char *lua_path, char *err, size_t cap)
{
	char *defaults = default_path();
	const char *const paths[] = {LOCAL_PATH, lua_path, defaults};

	for (size_t i = 0; i < ARRAY_LEN(paths) && out->file == NULL; i++)
		out->file = search(paths[i], name);
	mem_free(defaults);
	out->root = mem_strdup(".");
	out->module = mem_strdup(name);
	if (out->file != NULL)
		return 0;
	snprintf(err, cap, "%.200s: no such file, directory or module", name);
	return ERR_NOT_FOUND;
}

static int resolve(
	struct app_path *out, const char *app, const char *lua_path, char *err, size_t cap)
{
	struct stat st;

	if (stat(app, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return resolve_dir(out, app, err, cap);
		out->root = parent_of(app);
		out->file = mem_strdup(app);
		return 0;
	}
	if (errno == ENOENT && is_module_name(app))
		return resolve_module(out, app, lua_path, err, cap);
	snprintf(err, cap, "%.200s: %s", app, strerror(errno));
	return ERR_NOT_FOUND;
}

int app_resolve(struct app_path *out, const char *app, const char *lua_path, char *err, size_t cap)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = resolve(out, app, lua_path, err, cap);
	if (rc != 0)
		app_path_fini(out);
	return rc;
}

void app_path_fini(struct app_path *p)
{
	mem_free(p->root);
	mem_free(p->file);
	mem_free(p->module);
	memset(p, 0, sizeof(*p));
}
