#include "runtime/jobs_int.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/job_vm.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/*
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
	struct worker *workers;      /* owned; `threads` of them, the first `started` run */
	unsigned threads, queue_max; /* the loop's own */
	void (*brought)(void);

	pthread_mutex_t mutex;
	pthread_cond_t work; /* to the threads: there is some, or it is time to go */
	pthread_cond_t left; /* to the loop: a thread went */

	/* below the mutex */
	struct list queue, done;
	unsigned waiting; /* in the queue */
	unsigned running;
	unsigned idle;
	unsigned started, gone; /* threads */
	bool stopping;
} pool;

static _Thread_local bool is_worker;

bool job_pool_has_this(void)
{
	return is_worker;
}

/* ---- the threads -------------------------------------------------------------------------------
 */

/* The modules of an older generation are not for a newer one: it gets a state of its own. */
static void renew(struct job_vm *vm, unsigned generation)
{
	if (generation <= vm->generation)
		return;
	job_vm_fini(vm);
	vm->generation = generation;
}

static int run_job(struct job *job, struct job_vm *vm)
{
	if (job->kind == JOB_LUA) {
		renew(vm, job->generation);
		return job_vm_run(vm, (struct span){job->in, job->in_n}, &job->out);
	}
	return job_file_any(job);
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

/* Below the mutex: the loop, which stops the pool before it ends, is there until this returns. */
static void bring_back(struct job *job)
{
	pool.running--;
	job->place = JOB_BROUGHT;
	list_add(&pool.done, &job->link);
	if (!pool.stopping)
		pool.brought();
}

static void *thread_main(void *arg)
{
	struct worker *w = arg;
	struct job_vm vm = {0};
	struct job *job;
	char name[16];

	is_worker = true;
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
	struct worker *w;
	int errnum;

	if (pool.waiting < pool.idle || pool.started == pool.threads)
		return true;
	w = &pool.workers[pool.started];
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

/* ---- the queue ---------------------------------------------------------------------------------
 */

/* Full: every thread has work and as much as may waits, whether the threads know it yet or not. */
static bool is_full(void)
{
	return pool.waiting + pool.running >= pool.threads + pool.queue_max;
}

int job_pool_put(struct job *job)
{
	int rc = 0;

	pthread_mutex_lock(&pool.mutex);
	if (pool.stopping) {
		rc = ERR_SHUTDOWN;
	} else if (is_full() || !have_threads()) {
		rc = ERR_QUEUE_FULL;
	} else {
		job->place = JOB_QUEUED;
		list_add(&pool.queue, &job->link);
		pool.waiting++;
		pthread_cond_signal(&pool.work);
	}
	pthread_mutex_unlock(&pool.mutex);
	return rc;
}

bool job_pool_withdraw(struct job *job)
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

void job_pool_collect(struct list *done)
{
	pthread_mutex_lock(&pool.mutex);
	list_add(&pool.done, done);
	list_del(&pool.done); /* `done` is the head of the ring; pool.done is empty */
	pthread_mutex_unlock(&pool.mutex);
}

unsigned job_pool_threads(void)
{
	return pool.threads;
}

unsigned job_pool_waiting(void)
{
	unsigned n;

	pthread_mutex_lock(&pool.mutex);
	n = pool.waiting;
	pthread_mutex_unlock(&pool.mutex);
	return n;
}

/* ---- life --------------------------------------------------------------------------------------
 */

void job_pool_open(unsigned threads, unsigned queue_max, void (*brought)(void))
{
	pthread_condattr_t attr;

	pool = (struct pool){.threads = threads, .queue_max = queue_max, .brought = brought};
	pool.workers = mem_zalloc(threads * sizeof(*pool.workers));
	list_init(&pool.queue);
	list_init(&pool.done);
	pthread_mutex_init(&pool.mutex, NULL);
	pthread_cond_init(&pool.work, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pool.left, &attr);
	pthread_condattr_destroy(&attr);
}

void job_pool_stop(void)
{
	struct list *node;

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

static struct timespec time_in(uint64_t us)
{
	struct timespec t;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ns = (uint64_t)t.tv_nsec + us % 1000000 * 1000;
	t.tv_sec += (time_t)(us / 1000000 + ns / 1000000000);
	t.tv_nsec = (long)(ns % 1000000000);
	return t;
}

static bool wait_for_threads(uint64_t wait_us)
{
	struct timespec until = time_in(wait_us);
	bool all;

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

bool job_pool_join(uint64_t wait_us)
{
	bool all = wait_for_threads(wait_us);

	for (unsigned i = 0; i < pool.started; i++) {
		struct worker *w = &pool.workers[i];

		if (w->joined || !is_gone(w))
			continue;
		pthread_join(w->thread, NULL);
		w->joined = true;
	}
	return all;
}

void job_pool_close(void)
{
	ENSURE(pool.stopping && pool.gone == pool.started);
	mem_free(pool.workers);
	pthread_cond_destroy(&pool.work);
	pthread_cond_destroy(&pool.left);
	pthread_mutex_destroy(&pool.mutex);
	pool = (struct pool){0};
}
