#ifndef RUNTIME_JOBS_INT_H
#define RUNTIME_JOBS_INT_H

#include "base/buf.h"
#include "base/list.h"
#include "runtime/jobs.h"

#include <stdatomic.h>

/*
 * Private to jobs.c (the loop's side: ids, results, owners), job_pool.c (the queue and the threads)
 * and job_file.c and fs*.c (what a
 * thread does for a file).
 *
 * A job has two axes. Where it is, below the pool's mutex: who finds it QUEUED may take it away.
 * What its owner knows of it, the loop's own: a job that its owner freed while a thread had it
 * stays until the thread brings it back.
 */
enum job_place {
	JOB_QUEUED,  /* in the queue */
	JOB_RUNNING, /* in no list: a thread has it */
	JOB_BROUGHT, /* on its way to the loop, or there; stays so */
};

enum job_state {
	JOB_PENDING,   /* no result yet */
	JOB_ENDED,     /* the result can be asked for */
	JOB_ABANDONED, /* freed by its owner: the id answers no more */
};

#define JOB_MADE_MAX 4

struct job {
	struct list link;     /* below the mutex */
	enum job_place place; /* below the mutex */

	/* never changed */
	enum job_kind kind;
	char *in; /* owned; a NUL behind it that in_n does not count */
	size_t in_n;
	double task;         /* id; 0: nobody waits */
	unsigned generation; /* the task's (generation.h); 0: none */

	atomic_bool cancelled; /* set by the loop; a thread may look */

	/* the thread's while it runs, the loop's afterwards */
	int result;
	struct buf out;
	double made[JOB_MADE_MAX]; /* JOB_FS: handles of what it opened (files.h); 0: none */

	/* the loop's own */
	enum job_state state;
	bool taken; /* the descriptor, or what it made, is the owner's */
};

/* Job_pool.c: called by the loop's thread. */

/* `brought` is called by a thread, below the mutex, after each job; never after job_pool_stop. */
void job_pool_open(unsigned threads, unsigned queue_max, void (*brought)(void));

int job_pool_put(struct job *job);        /* 0; ERR_QUEUE_FULL; ERR_SHUTDOWN once stopped */
bool job_pool_withdraw(struct job *job);  /* true: no thread has it, nor will */
void job_pool_collect(struct list *done); /* an empty list, for the jobs that were brought */

bool job_pool_has_this(void); /* the calling thread is one of the pool's */

unsigned job_pool_threads(void);
unsigned job_pool_waiting(void);

void job_pool_stop(void); /* what was not begun is brought as it is; may be called again */
bool job_pool_join(uint64_t wait_us); /* true: all threads went */
void job_pool_close(void);            /* once all went */

/* Job_file.c: called by a thread; the result, with the output in job->out. */
int job_file_read(struct job *job);
int job_file_write(struct job *job);
int job_file_open(struct job *job);
int job_fs_run(struct job *job); /* fs.c */

int job_file_any(struct job *job); /* of whatever kind but JOB_LUA */

#endif
