#ifndef RUNTIME_JOBS_INT_H
#define RUNTIME_JOBS_INT_H

#include "base/buf.h"
#include "base/list.h"
#include "runtime/jobs.h"

#include <stdatomic.h>

/*
 * Private to jobs.c (the loop's side: ids, results, owners), job_pool.c and job_queue.c (the
 * threads and what waits for them), job_parts.c (partial results), and job_file.c and fs*.c (what a
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

/* Between two signals to a thread whose job is to be stopped. */
#define JOB_STOP_EVERY_US 10000

struct job {
	struct list link;     /* below the mutex */
	enum job_place place; /* below the mutex */

	/* never changed */
	enum job_kind kind;
	enum job_priority priority;
	bool tells; /* somebody wants its partial results */
	char *in;   /* owned; a NUL behind it that in_n does not count */
	size_t in_n;
	double task;         /* id; 0: nobody waits */
	unsigned generation; /* the task's (generation.h); 0: none */

	atomic_bool cancelled; /* set by the loop; a thread may look */

	uint64_t queued_us, begun_us; /* the pool's; begun: 0 if it never ran */

	/* below the lock of job_parts.c */
	struct list parts;  /* owned: what it yielded and nobody has taken */
	size_t parts_bytes; /* of all of them */
	unsigned parts_n;   /* how many */
	struct list news;   /* in the list of jobs whose owner has to be told */

	/* the thread's while it runs, the loop's afterwards */
	int result;
	struct buf out;
	double made[JOB_MADE_MAX]; /* JOB_FS: handles of what it opened (files.h); 0: none */

	/* the loop's own */
	struct list stop_link; /* in the list of those that have to be stopped */
	unsigned stop_tries;
	enum job_state state;
	bool taken; /* the descriptor, or what it made, is the owner's */
};

/* Job_queue.c: lanes by priority, each in order. No lock of its own. */
struct job_queue {
	struct list lanes[JOB_PRIORITIES];
	unsigned n, turn;
};

void job_queue_init(struct job_queue *q);
void job_queue_add(struct job_queue *q, struct job *job);
void job_queue_del(struct job_queue *q, struct job *job);
struct job *job_queue_take(struct job_queue *q); /* NULL: empty */

/* Job_pool.c: called by the loop's thread. */

/* `brought` is called by a thread, below the mutex, after each job; never after job_pool_stop. */
void job_pool_open(unsigned threads, unsigned queue_max, size_t memory_max, void (*brought)(void));

int job_pool_put(struct job *job);        /* 0; ERR_QUEUE_FULL; ERR_SHUTDOWN once stopped */
bool job_pool_withdraw(struct job *job);  /* true: no thread has it, nor will */
void job_pool_collect(struct list *done); /* an empty list, for the jobs that were brought */
bool job_pool_interrupt(struct job *job); /* job_stop.h; false: no thread has it */

/*
 * Waits a few microseconds for a job that a thread has in hand, if jobs have been as short as that
 * of late. True: there is something to collect.
 */
bool job_pool_linger(void);

bool job_pool_has_this(void);    /* the calling thread is one of the pool's */
struct job *job_pool_this(void); /* what it runs; NULL: nothing, or not one of the pool's */

unsigned job_pool_threads(void);
unsigned job_pool_waiting(void);
unsigned job_pool_running(void);

void job_pool_stop(void); /* what was not begun is brought as it is; may be called again */
bool job_pool_join(uint64_t wait_us); /* true: all threads went */
void job_pool_close(void);            /* once all went */

/*
 * Job_parts.c: partial results, from a thread to the loop, in order. A job that is ahead of who
 * takes them waits, unless it is cancelled.
 */

/* `told` is called by a thread when a job has news. */
void job_parts_open(void (*told)(void));
void job_parts_close(void);

int job_parts_put(struct job *job, struct span bytes); /* thread: 0 or ERR_CANCELLED */
bool job_parts_take(struct job *job, struct buf *out); /* loop: false: none is there */
void job_parts_news(void (*each)(struct job *job));    /* loop */
void job_parts_let_go(void);          /* loop: some job was cancelled, and may wait here */
void job_parts_drop(struct job *job); /* loop: at its end */

/* Job_file.c: called by a thread; the result, with the output in job->out. */
int job_file_read(struct job *job);
int job_file_write(struct job *job);
int job_file_open(struct job *job);
int job_fs_run(struct job *job); /* fs.c */

int job_file_any(struct job *job); /* of whatever kind but JOB_LUA */

#endif
