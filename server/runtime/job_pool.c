#include "runtime/jobs_int.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spin.h"
#include "net/stats.h"
#include "runtime/job_stop.h"
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
	struct job *job; /* below the mutex: what it runs */
	bool gone;       /* below the mutex: it touches nothing any more */
	bool joined;     /* the loop's own */
};

/* How long a thread looks for the next job, and the loop for a job's end, before they sleep. */
#define SPIN_US   50
#define LINGER_US 50

#define SOON_US  100  /* after the last job: work comes one by one, and fast */
#define SOON_MIN 4    /* so many times, before it is worth to look for more */
#define SHORT_US 20   /* for a job of that length a futex costs more than the work */
#define LONG_US  1000 /* all above counts as that, so that short ones soon make up for it */

static struct pool {
	struct worker *workers;      /* owned; `threads` of them, the first `started` run */
	unsigned threads, queue_max; /* the loop's own */
	size_t memory_max;
	bool may_spin;
	void (*brought)(void);

	pthread_mutex_t mutex;
	pthread_cond_t work; /* to the threads: there is some, or it is time to go */
	pthread_cond_t left; /* to the loop: a thread went */

	/* below the mutex */
	struct job_queue queue;
	struct list done;
	unsigned running;
	unsigned idle;
	unsigned spinning;      /* 0 or 1 thread looks for a job */
	unsigned typical_us;    /* moving average of what jobs took */
	unsigned soon;          /* jobs in a row that were taken soon after the end of another */
	uint64_t ended_us;      /* the last job */
	unsigned started, gone; /* threads */
	bool handed;            /* the last job went to a thread that was awake */
	bool lingering;         /* the loop looks for a job's end: no need to wake it */
	bool stopping;

	/* Set behind the mutex, so that who looks does not run into it. */
	atomic_bool beckoned; /* there may be a job */
	atomic_bool returned; /* a job may be done */
} pool;

static _Thread_local struct worker *self;

bool job_pool_has_this(void)
{
	return self != NULL;
}

struct job *job_pool_this(void)
{
	return self != NULL ? self->job : NULL;
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
		return job_vm_run(
			vm, (struct span){job->in, job->in_n}, &job->cancelled, &job->out);
	}
	return job_file_any(job);
}

/* Below the mutex, which it leaves meanwhile. */
static void spin(void)
{
	bool in_vain;

	pool.spinning++;
	atomic_store_explicit(&pool.beckoned, false, memory_order_relaxed);
	pthread_mutex_unlock(&pool.mutex);
	in_vain = !spin_on(&pool.beckoned, SPIN_US);
	pthread_mutex_lock(&pool.mutex);
	pool.spinning--;
	if (in_vain)
		pool.soon = 0;
}

static void sleep_until_work(void)
{
	pool.idle++;
	pthread_cond_wait(&pool.work, &pool.mutex);
	pool.idle--;
}

static bool may_spin(void)
{
	return pool.may_spin && pool.spinning == 0 && pool.soon >= SOON_MIN &&
	       pool.typical_us <= SHORT_US;
}

static void begin(struct worker *w, struct job *job)
{
	w->job = job;
	job->place = JOB_RUNNING;
	job->begun_us = clock_mono_us();
	pool.soon = job->begun_us - pool.ended_us <= SOON_US ? pool.soon + 1 : 0;
	pool.running++;
	STATS_ADD(jobs_waiting_now, -1);
	STATS_ADD(jobs_now, 1);
}

/* Below the mutex. NULL: time to go. */
static struct job *take_job(struct worker *w)
{
	struct job *job;

	while (pool.queue.n == 0 && !pool.stopping) {
		if (may_spin())
			spin();
		else
			sleep_until_work();
	}
	if (pool.stopping)
		return NULL;
	job = job_queue_take(&pool.queue);
	begin(w, job);
	return job;
}

/* Below the mutex: the loop, which stops the pool before it ends, is there until this returns. */
static void bring_back(struct worker *w, struct job *job)
{
	pool.ended_us = clock_mono_us();
	pool.typical_us =
		(7 * pool.typical_us + (unsigned)MIN(pool.ended_us - job->begun_us, LONG_US)) / 8;
	w->job = NULL;
	pool.running--;
	STATS_ADD(jobs_now, -1);
	job->place = JOB_BROUGHT;
	list_add(&pool.done, &job->link);
	if (!pool.stopping && !pool.lingering)
		pool.brought();
}

static void *thread_main(void *arg)
{
	struct worker *w = arg;
	struct job_vm vm = {.memory_max = pool.memory_max};
	struct job *job;
	char name[16];

	self = w;
	snprintf(name, sizeof(name), "ml-job-%u", w->number);
	pthread_setname_np(pthread_self(), name);
	pthread_mutex_lock(&pool.mutex);
	while ((job = take_job(w)) != NULL) {
		pthread_mutex_unlock(&pool.mutex);
		job->result = run_job(job, &vm);
		pthread_mutex_lock(&pool.mutex);
		bring_back(w, job);
		pthread_mutex_unlock(&pool.mutex);
		atomic_store_explicit(&pool.returned, true, memory_order_release);
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

/* The thread inherits the mask of its maker: signals are for the loop, but for the one that stops.
 */
static int start_thread(struct worker *w)
{
	sigset_t all, old;
	int errnum;

	sigfillset(&all);
	job_stop_unblock(&all);
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

	if (pool.queue.n < pool.idle + pool.spinning || pool.started == pool.threads)
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
	return pool.queue.n + pool.running >= pool.threads + pool.queue_max;
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
		job->queued_us = clock_mono_us();
		job_queue_add(&pool.queue, job);
		STATS_ADD(jobs_waiting_now, 1);
		pool.handed = pool.queue.n <= pool.spinning;
		if (!pool.handed)
			pthread_cond_signal(&pool.work);
	}
	pthread_mutex_unlock(&pool.mutex);
	atomic_store_explicit(&pool.beckoned, true, memory_order_release);
	return rc;
}

bool job_pool_withdraw(struct job *job)
{
	bool queued;

	pthread_mutex_lock(&pool.mutex);
	queued = job->place == JOB_QUEUED;
	if (queued) {
		job_queue_del(&pool.queue, job);
		STATS_ADD(jobs_waiting_now, -1);
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

bool job_pool_linger(void)
{
	bool came, wait;

	pthread_mutex_lock(&pool.mutex);
	came = !list_empty(&pool.done);
	wait = !came && pool.handed && pool.typical_us <= SHORT_US &&
	       pool.running + pool.queue.n > 0;
	pool.lingering = wait;
	atomic_store_explicit(&pool.returned, false, memory_order_relaxed);
	pthread_mutex_unlock(&pool.mutex);
	if (!wait)
		return came;
	spin_on(&pool.returned, LINGER_US);
	pthread_mutex_lock(&pool.mutex);
	pool.lingering = false;
	came = !list_empty(&pool.done);
	pool.handed = came; /* not again for this one */
	pthread_mutex_unlock(&pool.mutex);
	return came;
}

/* Below the mutex the thread is there: it has to bring the job. */
bool job_pool_interrupt(struct job *job)
{
	bool found = false;

	pthread_mutex_lock(&pool.mutex);
	for (unsigned i = 0; i < pool.started && !found; i++) {
		found = pool.workers[i].job == job;
		if (found)
			job_stop_send(pool.workers[i].thread);
	}
	pthread_mutex_unlock(&pool.mutex);
	return found;
}

unsigned job_pool_threads(void)
{
	return pool.threads;
}

unsigned job_pool_waiting(void)
{
	unsigned n;

	pthread_mutex_lock(&pool.mutex);
	n = pool.queue.n;
	pthread_mutex_unlock(&pool.mutex);
	return n;
}

unsigned job_pool_running(void)
{
	unsigned n;

	pthread_mutex_lock(&pool.mutex);
	n = pool.running;
	pthread_mutex_unlock(&pool.mutex);
	return n;
}

/* ---- life --------------------------------------------------------------------------------------
 */

void job_pool_open(unsigned threads, unsigned queue_max, size_t memory_max, void (*brought)(void))
{
	pthread_condattr_t attr;

	pool = (struct pool){.threads = threads,
		.queue_max = queue_max,
		.memory_max = memory_max,
		.may_spin = spin_pays(),
		.brought = brought};
	pool.workers = mem_zalloc(threads * sizeof(*pool.workers));
	job_queue_init(&pool.queue);
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
	struct job *job;

	pthread_mutex_lock(&pool.mutex);
	pool.stopping = true;
	while ((job = job_queue_take(&pool.queue)) != NULL) {
		job->place = JOB_BROUGHT;
		list_add(&pool.done, &job->link);
		STATS_ADD(jobs_waiting_now, -1);
	}
	pthread_cond_broadcast(&pool.work);
	pthread_mutex_unlock(&pool.mutex);
	atomic_store_explicit(&pool.beckoned, true, memory_order_release);
}

/* Lua that was cancelled, and still runs. */
static void interrupt_all(void)
{
	pthread_mutex_lock(&pool.mutex);
	for (unsigned i = 0; i < pool.started; i++) {
		const struct job *job = pool.workers[i].job;

		if (job != NULL && atomic_load(&job->cancelled))
			job_stop_send(pool.workers[i].thread);
	}
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

/* At most; true: all are gone. */
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

static bool interrupt_and_wait(uint64_t wait_us)
{
	uint64_t now = clock_mono_us(), until = now + wait_us;

	do {
		interrupt_all();
		if (wait_for_threads(MIN(until - now, JOB_STOP_EVERY_US)))
			return true;
		now = clock_mono_us();
	} while (now < until);
	return false;
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
	bool all = interrupt_and_wait(wait_us);

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
