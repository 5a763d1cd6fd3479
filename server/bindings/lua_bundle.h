#ifndef BINDINGS_LUA_BUNDLE_H
#define BINDINGS_LUA_BUNDLE_H

#include "runtime/vm.h"

/* The Lua sources that the binary carries; made by lua/bundle.sh, ends with a row of zeros. */
extern const struct vm_module lua_bundle[];

#endif
