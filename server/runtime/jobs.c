#include "runtime/jobs_int.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/slab.h"
#include "runtime/job_vm.h"
#include "runtime/task.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * The slab is the loop's: a thread knows a job by its pointer, from taking it off the queue to
 * putting it on the done list, both below the mutex.
 *
 * A thread is started when more jobs wait than threads are idle, so that work that comes one by one
 * stays with one warm thread and one Lua state.
 */
struct worker {
	pthread_t thread;
	unsigned number; /* from 1, for its name */
	bool gone;       /* below the mutex: it touches nothing any more */
	bool joined;     /* the loop's own */
};

static struct pool {
	struct loop *loop; /* borrowed; NULL: not set up */
	struct slab jobs;  /* the loop's own */
	struct ev_async brought;
	struct worker *workers; /* owned; `threads` of them, the first `started` run */
	unsigned threads, queue_max;

	pthread_mutex_t mutex;
	pthread_cond_t work; /* to the threads: there is some, or it is time to go */
	pthread_cond_t left; /* to teardown: a thread went */

	/* below the mutex */
	struct list queue, done;
	unsigned waiting; /* in the queue */
	unsigned running;
	unsigned idle;
	unsigned started, gone; /* threads */
	bool stopping;
} pool;

/* ---- the threads -------------------------------------------------------------------------------
 */

static int run_job(struct job *job, struct job_vm *vm)
{
	switch (job->kind) {
	case JOB_LUA:
		return job_vm_run(vm, (struct span){job->in, job->in_n}, &job->out);
	case JOB_READ_FILE:
		return job_file_read(job);
	case JOB_WRITE_FILE:
		return job_file_write(job);
	case JOB_OPEN_FILE:
		return job_file_open(job);
	}
	return ERR_INVALID;
}

/* Below the mutex. NULL: time to go. */
static struct job *take_job(void)
{
	struct job *job;

	while (list_empty(&pool.queue) && !pool.stopping) {
		pool.idle++;
		pthread_cond_wait(&pool.work, &pool.mutex);
		pool.idle--;
	}
	if (pool.stopping)
		return NULL;
	job = container_of(list_take(&pool.queue), struct job, link);
	job->place = JOB_RUNNING;
	pool.waiting--;
	pool.running++;
	return job;
}

/* Below the mutex, which is also what keeps the loop alive until the signal is sent. */
static void bring_back(struct job *job)
{
	pool.running--;
	job->place = JOB_BROUGHT;
	list_add(&pool.done, &job->link);
	if (!pool.stopping)
		ev_async_send(pool.loop->ev, &pool.brought);
}

static void *thread_main(void *arg)
{
	struct worker *w = arg;
	struct job_vm vm = {0};
	struct job *job;
	char name[16];

	snprintf(name, sizeof(name), "ml-job-%u", w->number);
	pthread_setname_np(pthread_self(), name);
	pthread_mutex_lock(&pool.mutex);
	while ((job = take_job()) != NULL) {
		pthread_mutex_unlock(&pool.mutex);
		job->result = run_job(job, &vm);
		pthread_mutex_lock(&pool.mutex);
		bring_back(job);
		pthread_mutex_unlock(&pool.mutex);
		job_vm_rest(&vm);
		pthread_mutex_lock(&pool.mutex);
	}
	pthread_mutex_unlock(&pool.mutex);
	job_vm_fini(&vm);

	pthread_mutex_lock(&pool.mutex);
	w->gone = true;
	pool.gone++;
	pthread_cond_signal(&pool.left);
	pthread_mutex_unlock(&pool.mutex);
	return NULL;
}

/* The thread inherits the mask of its maker: signals are for the loop. */
static int start_thread(struct worker *w)
{
	sigset_t all, old;
	int errnum;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errnum = pthread_create(&w->thread, NULL, thread_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return errnum;
}

/* Below the mutex, with one job more to come. False: there is no thread, nor can one be had. */
static bool have_threads(void)
{
	struct worker *w = &pool.workers[pool.started];
	int errnum;

	if (pool.waiting < pool.idle || pool.started == pool.threads)
		return true;
	w->number = pool.started + 1;
	errnum = start_thread(w);
	if (errnum == 0) {
		pool.started++;
		return true;
	}
	log_event(LOG_ERROR, "jobs.no_thread", "thread %u of %u: %s", w->number, pool.threads,
		strerror(errnum));
	if (pool.started == 0)
		return false;
	pool.threads = pool.started; /* goes on with those that it has */
	return true;
}

/* ---- the loop's side ---------------------------------------------------------------------------
 */

static void set_state(struct job *job, enum job_state to)
{
	ENSURE(job->state == JOB_PENDING && to != JOB_PENDING);
	job->state = to;
}

static void destroy(struct job *job)
{
	if (job->kind == JOB_OPEN_FILE && job->result >= 0 && !job->fd_taken)
		close(job->result);
	mem_free(job->in);
	buf_fini(&job->out);
	slab_free(&pool.jobs, job);
}

static void settle(struct job *job)
{
	struct task *t;

	if (job->state == JOB_ABANDONED) {
		destroy(job);
		return;
	}
	set_state(job, JOB_ENDED);
	t = task_find(job->task);
	if (t)
		task_wake(t);
}

/* Feed phase. */
static void on_brought(struct ev_loop *ev, struct ev_async *w, int revents)
{
	struct list done;
	struct list *node;

	list_init(&done);
	pthread_mutex_lock(&pool.mutex);
	list_add(&pool.done, &done);
	list_del(&pool.done); /* `done` is the head of the ring; pool.done is empty */
	pthread_mutex_unlock(&pool.mutex);
	while ((node = list_take(&done)) != NULL)
		settle(container_of(node, struct job, link));
}

static struct job *new_job(enum job_kind kind, const char *in, size_t n, double task)
{
	struct job *job = slab_alloc(&pool.jobs);

	if (!job)
		return NULL;
	*job = (struct job){
		.place = JOB_QUEUED,
		.kind = kind,
		.in = mem_dup(in, n),
		.in_n = n,
		.task = task,
		.result = ERR_CANCELLED, /* until it ran */
		.state = JOB_PENDING,
	};
	list_init(&job->link);
	return job;
}

/* Full: every thread has work and as much as may waits, whether the threads know it yet or not. */
static int enqueue(struct job *job)
{
	int rc = 0;

	pthread_mutex_lock(&pool.mutex);
	if (pool.stopping) {
		rc = ERR_SHUTDOWN;
	} else if (pool.waiting + pool.running >= pool.threads + pool.queue_max ||
		   !have_threads()) {
		rc = ERR_QUEUE_FULL;
	} else {
		list_add(&pool.queue, &job->link);
		pool.waiting++;
		pthread_cond_signal(&pool.work);
	}
	pthread_mutex_unlock(&pool.mutex);
	return rc;
}

double jobs_submit(enum job_kind kind, const char *in, size_t n, double task)
{
	struct job *job;
	int rc;

	if (!pool.loop)
		return ERR_SHUTDOWN;
	job = new_job(kind, in, n, task);
	if (!job)
		return ERR_QUEUE_FULL;
	rc = enqueue(job);
	if (rc == 0)
		return slab_id(job);
	destroy(job);
	return rc;
}

static struct job *find(double id)
{
	struct job *job = slab_find(&pool.jobs, id);

	return job && job->state != JOB_ABANDONED ? job : NULL;
}

int jobs_result(double id, const char **out_r, size_t *n_r)
{
	struct job *job = find(id);

	*out_r = "";
	*n_r = 0;
	if (!job || job->fd_taken)
		return ERR_GONE;
	if (job->state == JOB_PENDING)
		return ERR_AGAIN;
	if (job->out.n > 0) {
		*out_r = job->out.p;
		*n_r = job->out.n;
	}
	job->fd_taken = job->kind == JOB_OPEN_FILE && job->result >= 0;
	return job->result;
}

/* True: no thread has it, nor will. */
static bool take_from_queue(struct job *job)
{
	bool queued;

	pthread_mutex_lock(&pool.mutex);
	queued = job->place == JOB_QUEUED;
	if (queued) {
		list_del(&job->link);
		pool.waiting--;
	}
	pthread_mutex_unlock(&pool.mutex);
	return queued;
}

void jobs_free(double id)
{
	struct job *job = find(id);

	if (!job)
		return;
	if (job->state == JOB_ENDED || take_from_queue(job)) {
		destroy(job);
		return;
	}
	atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
	set_state(job, JOB_ABANDONED);
}

unsigned jobs_threads(void)
{
	return pool.threads;
}

unsigned jobs_waiting(void)
{
	unsigned n;

	if (!pool.loop)
		return 0;
	pthread_mutex_lock(&pool.mutex);
	n = pool.waiting;
	pthread_mutex_unlock(&pool.mutex);
	return n;
}

unsigned jobs_live(void)
{
	return pool.jobs.live;
}

/* ---- life --------------------------------------------------------------------------------------
 */

void jobs_setup(struct loop *loop, unsigned threads, unsigned queue_max)
{
	pthread_condattr_t attr;

	ENSURE(!pool.loop && threads > 0);
	pool = (struct pool){.loop = loop, .threads = threads, .queue_max = queue_max};
	slab_init(&pool.jobs, "job", sizeof(struct job));
	list_init(&pool.queue);
	list_init(&pool.done);
	pool.workers = mem_zalloc(threads * sizeof(*pool.workers));

	pthread_mutex_init(&pool.mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pool.work, NULL);
	pthread_cond_init(&pool.left, &attr);
	pthread_condattr_destroy(&attr);

	ev_async_init(&pool.brought, on_brought);
	ev_async_start(loop->ev, &pool.brought);
}

static void cancel_job(void *object, void *arg)
{
	struct job *job = object;

	atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
}

/* Nobody begins anything from here on, and what was not begun never is. */
static void stop_threads(void)
{
	struct list *node;

	slab_each(&pool.jobs, cancel_job, NULL);
	pthread_mutex_lock(&pool.mutex);
	pool.stopping = true;
	while ((node = list_take(&pool.queue)) != NULL) {
		container_of(node, struct job, link)->place = JOB_BROUGHT;
		list_add(&pool.done, node);
	}
	pool.waiting = 0;
	pthread_cond_broadcast(&pool.work);
	pthread_mutex_unlock(&pool.mutex);
}

/* True: all went. */
static bool wait_for_threads(uint64_t wait_us)
{
	struct timespec until;
	uint64_t ns;
	bool all;

	clock_gettime(CLOCK_MONOTONIC, &until);
	ns = (uint64_t)until.tv_nsec + wait_us % 1000000 * 1000;
	until.tv_sec += (time_t)(wait_us / 1000000 + ns / 1000000000);
	until.tv_nsec = (long)(ns % 1000000000);
	pthread_mutex_lock(&pool.mutex);
	while (pool.gone < pool.started)
		if (pthread_cond_timedwait(&pool.left, &pool.mutex, &until) == ETIMEDOUT)
			break;
	all = pool.gone == pool.started;
	pthread_mutex_unlock(&pool.mutex);
	return all;
}

static bool is_gone(const struct worker *w)
{
	bool gone;

	pthread_mutex_lock(&pool.mutex);
	gone = w->gone;
	pthread_mutex_unlock(&pool.mutex);
	return gone;
}

static void join_threads(void)
{
	for (unsigned i = 0; i < pool.started; i++) {
		struct worker *w = &pool.workers[i];

		if (w->joined || !is_gone(w))
			continue;
		pthread_join(w->thread, NULL);
		w->joined = true;
	}
}

static void destroy_one(void *object, void *arg)
{
	destroy(object);
}

/*
 * The second call of a teardown that answered false waits for the threads that were left. Until one
 * answers true all memory stays: a thread may still come back with its job.
 */
bool jobs_teardown(uint64_t wait_us)
{
	bool all;

	if (!pool.loop)
		return true;
	if (!pool.stopping) {
		stop_threads();
		ev_async_stop(pool.loop->ev, &pool.brought);
	}
	all = wait_for_threads(wait_us);
	join_threads();
	if (!all)
		return false;
	slab_each(&pool.jobs, destroy_one, NULL);
	slab_fini(&pool.jobs);
	mem_free(pool.workers);
	pthread_cond_destroy(&pool.work);
	pthread_cond_destroy(&pool.left);
	pthread_mutex_destroy(&pool.mutex);
	pool = (struct pool){0};
	return true;
}
