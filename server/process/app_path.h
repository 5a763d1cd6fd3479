#ifndef PROCESS_APP_PATH_H
#define PROCESS_APP_PATH_H

#include "base/base.h"

/*
 * What the word APP of the command line stands for:
 *     apps/welcome     a directory with app.lua    root apps/welcome, file apps/welcome/app.lua
 *     hello.lua        a file                      root ., file hello.lua
 *     shop.main        a module                    root ., module shop.main, file shop/main.lua
 * The root goes before package.path (root/?.lua;root/?/init.lua), so that an application finds its
 * own modules wherever it was started from. A module is looked for below the current directory,
 * then in --lua-path, then in LuaJIT's own package.path.
 */
struct app_path {
	char *root;   /* owned */
	char *file;   /* owned; what will be loaded */
	char *module; /* owned; to be loaded with require; NULL: load the file */
};

/* 0, or ERR_NOT_FOUND with one line in err. `out` is to be given to app_path_fini on 0. */
int app_resolve(struct app_path *out, const char *app, const char *lua_path, char *err, size_t cap);
void app_path_fini(struct app_path *p);

#endif
