#include "runtime/job_vm.h"

#include "base/err.h"
#include "runtime/vm.h"

#include <lauxlib.h>

/* Garbage that an idle state may hold, besides as much as its modules keep. */
#define REST_KIB (8 * 1024)

/* What vm_call or vm_require left on the stack. */
static void take_text(lua_State *L, struct buf *out)
{
	size_t n;
	const char *s = lua_tolstring(L, -1, &n);

	if (s)
		buf_append(out, s, n);
	else
		buf_puts(out, "an error that is not a string");
}

static bool open_vm(struct job_vm *vm, struct buf *out)
{
	vm->L = vm_new();
	if (!vm_require(vm->L, "moonloop.core.job")) {
		take_text(vm->L, out);
		job_vm_fini(vm);
		return false;
	}
	lua_getfield(vm->L, -1, "run");
	vm->run_ref = luaL_ref(vm->L, LUA_REGISTRYINDEX);
	lua_settop(vm->L, 0);
	return true;
}

int job_vm_run(struct job_vm *vm, struct span in, struct buf *out)
{
	bool raised;

	if (!vm->L && !open_vm(vm, out))
		return ERR_FAILED;
	lua_rawgeti(vm->L, LUA_REGISTRYINDEX, vm->run_ref);
	lua_pushlstring(vm->L, in.p, in.n);
	if (!vm_call(vm->L, 1, 2)) {
		take_text(vm->L, out);
		job_vm_fini(vm);
		return ERR_FAILED;
	}
	raised = lua_toboolean(vm->L, 2);
	lua_settop(vm->L, 1);
	take_text(vm->L, out);
	lua_settop(vm->L, 0);
	return raised ? JOB_VM_RAISED : JOB_VM_RETURNED;
}

void job_vm_rest(struct job_vm *vm)
{
	if (!vm->L || lua_gc(vm->L, LUA_GCCOUNT, 0) <= REST_KIB + 2 * vm->kept_kib)
		return;
	lua_gc(vm->L, LUA_GCCOLLECT, 0);
	vm->kept_kib = lua_gc(vm->L, LUA_GCCOUNT, 0);
}

void job_vm_fini(struct job_vm *vm)
{
	if (vm->L)
		vm_free(&vm->L);
	*vm = (struct job_vm){0};
}
