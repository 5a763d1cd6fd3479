#ifndef RUNTIME_JOBS_H
#define RUNTIME_JOBS_H

#include "base/buf.h"
#include "net/loop.h"

/*
 * The worker thread pool: what would block the loop is a job, queued for one of a few threads; its
 * end wakes the task that waits for it. A job owns its bytes: nothing is shared with the loop but
 * an atomic cancel flag; results come back through one ev_async, in the feed phase.
 *
 * The queue is bounded; a full one is an answer (ERR_QUEUE_FULL), not a wait. A job that is
 * cancelled while it waits is dropped unrun; Lua that runs is stopped (job_stop.h), work on files
 * is left to end; the result is dropped. Threads start at the first job. All signals but the one
 * that stops are blocked in them.
 *
 * A futex and an eventfd cost more than a short job. While short jobs come one after the other, the
 * last thread looks for the next one for a while before it sleeps, and the loop for the job's end
 * before it polls. Both stop as soon as that does not pay; with one CPU neither begins.
 *
 * Kinds of job: a Lua call (job_vm.c), and the work on files, which needs no Lua. The latter can
 * also be had without the pool: in a pool thread it is done where it is asked for.
 */
enum job_kind {
	JOB_LUA = 1,        /* in: marshalled function and arguments; out: marshalled results */
	JOB_READ_FILE = 2,  /* in: path; out: bytes */
	JOB_WRITE_FILE = 3, /* in: path, NUL, bytes; replaces the file's contents */
	JOB_OPEN_FILE = 4,  /* in: root, NUL, path ("" = no root); the result is a descriptor */
	JOB_FS = 5,         /* what moonloop.fs does (fs_int.h); the result may be a handle */
};

/* Of several that wait the higher one is taken first, but the others have their turns, too. */
enum job_priority {
	JOB_HIGH,
	JOB_NORMAL,
	JOB_LOW,
};
#define JOB_PRIORITIES 3

struct job;

/* `memory_max`: of the Lua state of a thread, between two jobs; above it is made anew. */
struct jobs_config {
	unsigned threads, queue_max;
	size_t memory_max;
};

void jobs_setup(struct loop *loop, const struct jobs_config *config);

/*
 * Drops what waits, waits for running jobs at most `wait_us`, joins the threads and frees their
 * Lua states. False: a thread is still busy and was left behind (the process is about to exit).
 */
bool jobs_teardown(uint64_t wait_us);

/*
 * Submits; the bytes are copied. The id, or ERR_QUEUE_FULL / ERR_SHUTDOWN. `task` is woken when the
 * job ended; 0: nobody waits.
 */
double jobs_submit(enum job_kind kind, const char *in, size_t n, double task);

/* A JOB_LUA with another priority than normal, or whose partial results are wanted. */
double jobs_submit_lua(struct span in, double task, enum job_priority priority, bool tells);

/* The next of its partial results, in `out`; false: none is there. Before jobs_result. */
bool jobs_part(double id, struct buf *out);

/*
 * In a pool thread, by the job that it runs. 0: it was handed on, after a wait if too many were
 * there; ERR_CANCELLED; ERR_STATE: no Lua job runs in this thread.
 */
int jobs_tell(struct span bytes);
bool jobs_told_to_stop(void); /* it is cancelled */
bool jobs_is_heard(void);     /* somebody wants its partial results */

/*
 * ERR_AGAIN while it waits or runs; ERR_GONE: no such job; else its result: >= 0 or a code, with
 * the output bytes, which are valid until job_free. For JOB_OPEN_FILE the result is the descriptor,
 * which passes to the caller; for a file operation that failed, the output is strerror's text.
 */
int jobs_result(double id, const char **out_r, size_t *n_r);

/*
 * Submits what nobody waits for and nobody is told of: 0, or as jobs_submit. What it should have
 * done must be done by somebody else at the end of the process, for a teardown drops it.
 */
int jobs_post(enum job_kind kind, const char *in, size_t n);

/*
 * Does the work at once, in the caller's thread: any kind but JOB_LUA. The result as that of
 * jobs_result; the output is valid until jobs_here_done or the next call in that thread.
 */
int jobs_here(enum job_kind kind, const char *in, size_t n, const char **out_r, size_t *n_r);
void jobs_here_done(void);

/* The caller is done with it, or wants it no more: drops or cancels. */
void jobs_free(double id);

/* Drops what was submitted for a task that is no more. */
void jobs_drop_orphans(void);

unsigned jobs_threads(void);
unsigned jobs_waiting(void); /* queued and not yet begun */
unsigned jobs_running(void); /* threads that are busy */
unsigned jobs_live(void);    /* not yet freed */

#endif
