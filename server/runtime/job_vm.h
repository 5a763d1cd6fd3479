#ifndef RUNTIME_JOB_VM_H
#define RUNTIME_JOB_VM_H

#include "base/buf.h"
#include "runtime/job_stop.h"

struct lua_State;

/*
 * The Lua state of one pool thread: made at the thread's first Lua job, used for one job after the
 * other, touched by that thread only. A zeroed struct has none yet. What crosses is bytes
 * (core/marshal.lua); the functions run in core/job.lua, which protects them.
 *
 * A state is closed, and the next job gets a new one, when a job was stopped in the middle of what
 * it did, when memory ran out, and when more than `memory_max` is alive between two jobs.
 */
struct job_vm {
	size_t memory_max;   /* 0: any */
	struct lua_State *L; /* owned */
	int run_ref;         /* job.run, in the registry */
	unsigned generation; /* the last one that it ran a job of; 0: none */
	int kept_kib;        /* the heap after the last collection of job_vm_rest */
	struct job_stop stop;
};

/* Results of job_vm_run, besides ERR_FAILED. The numbers are known to moonloop/thread.lua. */
enum job_vm_result {
	JOB_VM_RETURNED = 0, /* out: the marshalled results */
	JOB_VM_RAISED = 1,   /* out: the marshalled error */
};

/*
 * ERR_CANCELLED: it was stopped (job_stop.h). ERR_FAILED: the state itself failed; out is a text.
 */
int job_vm_run(struct job_vm *vm, struct span in, const atomic_bool *cancelled, struct buf *out);

/*
 * Collects what a job left if the heap grew by much: an idle thread has time, and holds memory. A
 * state is given up that keeps more than it may.
 */
void job_vm_rest(struct job_vm *vm);

void job_vm_fini(struct job_vm *vm); /* the struct may be used again */

#endif
