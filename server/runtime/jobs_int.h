#ifndef RUNTIME_JOBS_INT_H
#define RUNTIME_JOBS_INT_H

#include "base/buf.h"
#include "base/list.h"
#include "runtime/jobs.h"

#include <stdatomic.h>

/*
 * Private to jobs.c (queue and threads) and job_file.c (what a thread does for a file).
 *
 * A job has two axes. Where it is, below the pool's mutex: who holds the mutex and finds it QUEUED
 * may take it away. What its owner knows of it, the loop's own: a job that its owner freed while a
 * thread had it stays until the thread brings it back.
 */
enum job_place {
	JOB_QUEUED,  /* in pool.queue */
	JOB_RUNNING, /* in no list: a thread has it */
	JOB_BROUGHT, /* in pool.done, on its way to the loop; stays so */
};

enum job_state {
	JOB_PENDING,   /* no result yet */
	JOB_ENDED,     /* the result can be asked for */
	JOB_ABANDONED, /* freed by its owner: the id answers no more */
};

struct job {
	struct list link;     /* below the mutex */
	enum job_place place; /* below the mutex */

	/* never changed */
	enum job_kind kind;
	char *in; /* owned; a NUL behind it that in_n does not count */
	size_t in_n;
	double task; /* id; 0: nobody waits */

	atomic_bool cancelled; /* set by the loop; a thread may look */

	/* the thread's while it runs, the loop's afterwards */
	int result;
	struct buf out;

	/* the loop's own */
	enum job_state state;
	bool fd_taken; /* JOB_OPEN_FILE: the descriptor is the owner's */
};

/* What a thread does for each kind: the result; fills job->out. */
int job_file_read(struct job *job);
int job_file_write(struct job *job);
int job_file_open(struct job *job);

#endif
