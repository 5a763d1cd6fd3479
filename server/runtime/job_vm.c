#include "runtime/job_vm.h"

#include "base/err.h"
#include "runtime/vm.h"

#include <lauxlib.h>

/* Garbage that an idle state may hold, besides as much as its modules keep. */
#define REST_KIB (8 * 1024)

/* In a row, before a state is given up because of what it keeps. */
#define COLLECTIONS 8

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

static void close_vm(struct job_vm *vm)
{
	vm_free(&vm->L);
	*vm = (struct job_vm){.memory_max = vm->memory_max};
}

static bool open_vm(struct job_vm *vm, struct buf *out)
{
	vm->L = vm_new();
	if (!vm_require(vm->L, "moonloop.core.job")) {
		take_text(vm->L, out);
		close_vm(vm);
		return false;
	}
	lua_getfield(vm->L, -1, "run");
	vm->run_ref = luaL_ref(vm->L, LUA_REGISTRYINDEX);
	lua_settop(vm->L, 0);
	job_stop_adopt(&vm->stop, vm->L);
	return true;
}

struct run {
	struct job_vm *vm;
	struct span in;
	struct buf *out;
	int result;
	bool spent; /* memory ran out: what else failed with it is not known */
};

static int run_job(lua_State *L)
{
	struct run *r = lua_touserdata(L, 1);

	lua_settop(L, 0);
	lua_rawgeti(L, LUA_REGISTRYINDEX, r->vm->run_ref);
	lua_pushlstring(L, r->in.p, r->in.n);
	if (!vm_call(L, 1, 3))
		return lua_error(L);
	r->result = lua_toboolean(L, 2) ? JOB_VM_RAISED : JOB_VM_RETURNED;
	r->spent = lua_toboolean(L, 3);
	lua_settop(L, 1);
	take_text(L, r->out);
	return 0;
}

/* All of it protected: whatever allocates may run a finalizer of the application's, which raises.
 */
int job_vm_run(struct job_vm *vm, struct span in, const atomic_bool *cancelled, struct buf *out)
{
	struct run r = {vm, in, out, ERR_FAILED, false};
	bool failed;

	if (!vm->L && !open_vm(vm, out))
		return ERR_FAILED;
	job_stop_begin(&vm->stop, cancelled);
	failed = lua_cpcall(vm->L, run_job, &r) != 0;
	if (job_stop_end(&vm->stop)) {
		r.result = ERR_CANCELLED;
		r.spent = true;
	} else if (failed) {
		take_text(vm->L, out);
		r.spent = true;
	}
	if (r.spent)
		close_vm(vm);
	return r.result;
}

static void collect(lua_State *L, void *arg)
{
	lua_gc(L, LUA_GCCOLLECT, 0);
}

static bool keeps_too_much(const struct job_vm *vm)
{
	return vm->memory_max > 0 && (size_t)vm->kept_kib > vm->memory_max / 1024;
}

void job_vm_rest(struct job_vm *vm)
{
	size_t limit = REST_KIB + 2 * (size_t)vm->kept_kib;

	if (vm->memory_max > 0)
		limit = MIN(limit, vm->memory_max / 1024);
	if (!vm->L || (size_t)lua_gc(vm->L, LUA_GCCOUNT, 0) <= limit)
		return;
	/* LuaJIT's own buffer, once as large as the largest string, shrinks by half each time. */
	for (int i = 0; i == 0 || (i < COLLECTIONS && keeps_too_much(vm)); i++) {
		vm_protect(vm->L, collect, NULL);
		vm->kept_kib = lua_gc(vm->L, LUA_GCCOUNT, 0);
	}
	if (keeps_too_much(vm))
		close_vm(vm);
}

void job_vm_fini(struct job_vm *vm)
{
	if (vm->L)
		close_vm(vm);
}
