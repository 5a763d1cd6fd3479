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

struct run {
	struct job_vm *vm;
	struct span in;
	struct buf *out;
	int result;
};

static int run_job(lua_State *L)
{
	struct run *r = lua_touserdata(L, 1);

	lua_settop(L, 0);
	lua_rawgeti(L, LUA_REGISTRYINDEX, r->vm->run_ref);
	lua_pushlstring(L, r->in.p, r->in.n);
	if (!vm_call(L, 1, 2))
		return lua_error(L);
	r->result = lua_toboolean(L, 2) ? JOB_VM_RAISED : JOB_VM_RETURNED;
	lua_settop(L, 1);
	take_text(L, r->out);
	return 0;
}

/* All of it protected: whatever allocates may run a finalizer of the application's, which raises.
 */
int job_vm_run(struct job_vm *vm, struct span in, struct buf *out)
{
	struct run r = {vm, in, out, ERR_FAILED};

	if (!vm->L && !open_vm(vm, out))
		return ERR_FAILED;
	if (lua_cpcall(vm->L, run_job, &r) == 0)
		return r.result;
	take_text(vm->L, out);
	job_vm_fini(vm);
	return ERR_FAILED;
}

static void collect(lua_State *L, void *arg)
{
	lua_gc(L, LUA_GCCOLLECT, 0);
}

void job_vm_rest(struct job_vm *vm)
{
	if (!vm->L || lua_gc(vm->L, LUA_GCCOUNT, 0) <= REST_KIB + 2 * vm->kept_kib)
		return;
	vm_protect(vm->L, collect, NULL);
	vm->kept_kib = lua_gc(vm->L, LUA_GCCOUNT, 0);
}

void job_vm_fini(struct job_vm *vm)
{
	if (vm->L)
		vm_free(&vm->L);
	*vm = (struct job_vm){0};
}
