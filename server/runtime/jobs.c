#include "runtime/jobs_int.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/slab.h"
#include "net/stats.h"
#include "runtime/files.h"
#include "runtime/generation.h"
#include "runtime/job_stop.h"
#include "runtime/task.h"

#include <unistd.h>

/*
 * All here is the loop's own. A thread knows a job by its pointer, from taking it off the queue to
 * bringing it back.
 */
static struct {
	struct loop *loop; /* borrowed; NULL: not set up */
	struct slab slab;
	struct ev_async brought; /* a job is done, or has news */
	struct list stopping;    /* abandoned, while a thread runs their Lua */
	struct deadline stop_again;
	bool stopped;
} jobs;

/* Signals to a thread after which it is said that its job does not end, and fewer are sent. */
#define STOP_TRIES   200
#define STOP_SLOW_US CLOCK_SECOND

static void set_state(struct job *job, enum job_state to)
{
	ENSURE(job->state == JOB_PENDING && to != JOB_PENDING);
	job->state = to;
}

static struct job *new_job(enum job_kind kind, struct span in, double task)
{
	struct job *job = slab_alloc(&jobs.slab);
	const struct task *owner = task_find(task);

	if (!job)
		return NULL;
	*job = (struct job){
		.kind = kind,
		.priority = JOB_NORMAL,
		.in = mem_dup(in.p, in.n),
		.in_n = in.n,
		.task = task,
		.generation = owner ? owner->generation->number : 0,
		.result = ERR_CANCELLED, /* until it ran */
		.state = JOB_PENDING,
	};
	list_init(&job->link);
	list_init(&job->parts);
	list_init(&job->news);
	list_init(&job->stop_link);
	return job;
}

static void destroy(struct job *job)
{
	bool found;

	list_del(&job->stop_link);
	if (job->tells)
		job_parts_drop(job);
	if (job->kind == JOB_OPEN_FILE && job->result >= 0 && !job->taken)
		close(job->result);
	for (size_t i = 0; i < JOB_MADE_MAX && !job->taken; i++)
		files_drop(job->made[i], &found);
	mem_free(job->in);
	buf_fini(&job->out);
	slab_free(&jobs.slab, job);
}

static void wake_owner(struct job *job)
{
	struct task *t = task_find(job->task);

	if (t)
		task_wake(t);
}

static void count(const struct job *job)
{
	int64_t waited;

	if (job->begun_us == 0)
		return;
	waited = (int64_t)(job->begun_us - job->queued_us);
	STATS_ADD(jobs, 1);
	STATS_ADD(job_wait_us, waited);
	STATS_MAX(job_wait_max_us, waited);
}

/* Back from its thread. */
static void settle(struct job *job)
{
	count(job);
	if (job->state == JOB_ABANDONED) {
		destroy(job);
		return;
	}
	set_state(job, JOB_ENDED);
	wake_owner(job);
}

static void collect(void)
{
	struct list done;
	struct list *node;

	list_init(&done);
	job_pool_collect(&done);
	while ((node = list_take(&done)) != NULL)
		settle(container_of(node, struct job, link));
}

/* Feed phase. */
static void on_brought(struct ev_loop *ev, struct ev_async *w, int revents)
{
	job_parts_news(wake_owner);
	collect();
}

/* The poll is about to block. */
static bool linger(void)
{
	if (jobs.slab.live == 0 || !job_pool_linger())
		return false;
	collect();
	return true;
}

/* In a thread. */
static void send_brought(void)
{
	ev_async_send(jobs.loop->ev, &jobs.brought);
}

/* Puts it into the queue; its id, or why not. NULL: there is no room for more. */
static double submit(struct job *job)
{
	int rc = job ? job_pool_put(job) : ERR_QUEUE_FULL;

	if (rc == 0)
		return slab_id(job);
	if (job)
		destroy(job);
	return rc;
}

double jobs_submit(enum job_kind kind, const char *in, size_t n, double task)
{
	if (!jobs.loop)
		return ERR_SHUTDOWN;
	return submit(new_job(kind, (struct span){in, n}, task));
}

double jobs_submit_lua(struct span in, double task, enum job_priority priority, bool tells)
{
	struct job *job;

	if (!jobs.loop)
		return ERR_SHUTDOWN;
	job = new_job(JOB_LUA, in, task);
	if (job) {
		job->priority = priority;
		job->tells = tells;
	}
	return submit(job);
}

int jobs_post(enum job_kind kind, const char *in, size_t n)
{
	double id = jobs_submit(kind, in, n, 0);

	if (id < 0)
		return (int)id;
	set_state(slab_find(&jobs.slab, id), JOB_ABANDONED);
	return 0;
}

/* A thread that asks has to say that it is done: what is left at its end would be lost. */
static _Thread_local struct buf here;

int jobs_here(enum job_kind kind, const char *in, size_t n, const char **out_r, size_t *n_r)
{
	struct job job = {.kind = kind, .in_n = n, .out = here};

	job.in = (char *)in; /* which nobody changes */
	buf_clear(&job.out);
	job.result = job_file_any(&job);
	here = job.out;
	*out_r = here.n > 0 ? here.p : "";
	*n_r = here.n;
	return job.result;
}

void jobs_here_done(void)
{
	buf_fini(&here);
}

static struct job *find(double id)
{
	struct job *job = slab_find(&jobs.slab, id);

	return job && job->state != JOB_ABANDONED ? job : NULL;
}

int jobs_result(double id, const char **out_r, size_t *n_r)
{
	struct job *job = find(id);

	*out_r = "";
	*n_r = 0;
	if (!job || (job->kind == JOB_OPEN_FILE && job->taken))
		return ERR_GONE;
	if (job->state == JOB_PENDING)
		return ERR_AGAIN;
	if (job->out.n > 0) {
		*out_r = job->out.p;
		*n_r = job->out.n;
	}
	job->taken = job->result >= 0;
	return job->result;
}

bool jobs_part(double id, struct buf *out)
{
	struct job *job = find(id);

	return job && job->tells && job_parts_take(job, out);
}

static void cancel(struct job *job)
{
	atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
}

/* One more signal. Who does not react is asked less often. */
static void stop(struct job *job)
{
	job_pool_interrupt(job);
	job->stop_tries++;
	if (job->stop_tries == STOP_TRIES)
		log_event(LOG_WARN, "thread.stuck",
			"a cancelled job does not end, and keeps its thread: it is in a C "
			"function, or in compiled code while the guard is off");
}

static void on_stop_again(struct deadline *d)
{
	uint64_t in_us = STOP_SLOW_US;

	for (struct list *node = jobs.stopping.next; node != &jobs.stopping; node = node->next) {
		struct job *job = container_of(node, struct job, stop_link);

		stop(job);
		if (job->stop_tries < STOP_TRIES)
			in_us = JOB_STOP_EVERY_US;
	}
	if (!list_empty(&jobs.stopping))
		deadline_set(&jobs.loop->deadlines, d, clock_now_us() + in_us);
}

/* It runs, and nobody wants it any more. */
static void abandon(struct job *job)
{
	cancel(job);
	set_state(job, JOB_ABANDONED);
	if (job->kind != JOB_LUA)
		return;
	if (job->tells)
		job_parts_let_go();
	list_add(&jobs.stopping, &job->stop_link);
	stop(job);
	deadline_clear(&jobs.stop_again);
	deadline_set(&jobs.loop->deadlines, &jobs.stop_again, clock_now_us() + JOB_STOP_EVERY_US);
}

void jobs_free(double id)
{
	struct job *job = find(id);

	if (!job)
		return;
	if (job->state == JOB_ENDED || job_pool_withdraw(job)) {
		destroy(job);
		return;
	}
	abandon(job);
}

static void drop_orphan(void *object, void *arg)
{
	const struct job *job = object;

	if (job->task != 0 && !task_find(job->task))
		jobs_free(slab_id(job));
}

void jobs_drop_orphans(void)
{
	if (jobs.loop)
		slab_each(&jobs.slab, drop_orphan, NULL);
}

/* ---- what a job says of itself, in its thread --------------------------------------------------
 */

static struct job *this_job(void)
{
	struct job *job = job_pool_this();

	return job && job->kind == JOB_LUA ? job : NULL;
}

bool jobs_is_heard(void)
{
	const struct job *job = this_job();

	return job && job->tells;
}

int jobs_tell(struct span bytes)
{
	struct job *job = this_job();

	if (!job)
		return ERR_STATE;
	return job->tells ? job_parts_put(job, bytes) : 0;
}

bool jobs_told_to_stop(void)
{
	const struct job *job = this_job();

	return job && atomic_load_explicit(&job->cancelled, memory_order_relaxed);
}

/* ---- life --------------------------------------------------------------------------------------
 */

unsigned jobs_threads(void)
{
	return jobs.loop ? job_pool_threads() : 0;
}

unsigned jobs_waiting(void)
{
	return jobs.loop ? job_pool_waiting() : 0;
}

unsigned jobs_running(void)
{
	return jobs.loop ? job_pool_running() : 0;
}

unsigned jobs_live(void)
{
	return jobs.slab.live;
}

void jobs_setup(struct loop *loop, const struct jobs_config *config)
{
	ENSURE(!jobs.loop && config->threads > 0);
	jobs.loop = loop;
	jobs.stopped = false;
	slab_init(&jobs.slab, "job", sizeof(struct job));
	ev_async_init(&jobs.brought, on_brought);
	ev_async_start(loop->ev, &jobs.brought);
	list_init(&jobs.stopping);
	deadline_init(&jobs.stop_again, on_stop_again);
	job_stop_setup();
	job_parts_open(send_brought);
	job_pool_open(config->threads, config->queue_max, config->memory_max, send_brought);
	loop_set_linger(loop, linger);
}

static void cancel_one(void *object, void *arg)
{
	cancel(object);
}

static void destroy_one(void *object, void *arg)
{
	destroy(object);
}

/*
 * After a teardown that answered false all memory stays, for a thread may still come back with its
 * job; a second one waits for it again.
 */
bool jobs_teardown(uint64_t wait_us)
{
	if (!jobs.loop)
		return true;
	if (!jobs.stopped) {
		jobs.stopped = true;
		slab_each(&jobs.slab, cancel_one, NULL);
		loop_set_linger(jobs.loop, NULL);
		deadline_remove(&jobs.loop->deadlines, &jobs.stop_again);
		job_parts_let_go();
		job_pool_stop();
		ev_async_stop(jobs.loop->ev, &jobs.brought);
	}
	if (!job_pool_join(wait_us))
		return false;
	slab_each(&jobs.slab, destroy_one, NULL);
	slab_fini(&jobs.slab);
	job_pool_close();
	job_parts_close();
	jobs.loop = NULL;
	return true;
}
