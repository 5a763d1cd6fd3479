#include "runtime/jobs_int.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/slab.h"
#include "runtime/files.h"
#include "runtime/generation.h"
#include "runtime/task.h"

#include <unistd.h>

/*
 * All here is the loop's own. A thread knows a job by its pointer, from taking it off the queue to
 * bringing it back.
 */
static struct {
	struct loop *loop; /* borrowed; NULL: not set up */
	struct slab slab;
	struct ev_async brought;
	bool stopped;
} jobs;

static void set_state(struct job *job, enum job_state to)
{
	ENSURE(job->state == JOB_PENDING && to != JOB_PENDING);
	job->state = to;
}

static struct job *new_job(enum job_kind kind, const char *in, size_t n, double task)
{
	struct job *job = slab_alloc(&jobs.slab);
	const struct task *owner = task_find(task);

	if (!job)
		return NULL;
	*job = (struct job){
		.kind = kind,
		.in = mem_dup(in, n),
		.in_n = n,
		.task = task,
		.generation = owner ? owner->generation->number : 0,
		.result = ERR_CANCELLED, /* until it ran */
		.state = JOB_PENDING,
	};
	list_init(&job->link);
	return job;
}

static void destroy(struct job *job)
{
	bool found;

	if (job->kind == JOB_OPEN_FILE && job->result >= 0 && !job->taken)
		close(job->result);
	for (size_t i = 0; i < JOB_MADE_MAX && !job->taken; i++)
		files_drop(job->made[i], &found);
	mem_free(job->in);
	buf_fini(&job->out);
	slab_free(&jobs.slab, job);
}

/* Back from its thread. */
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
	job_pool_collect(&done);
	while ((node = list_take(&done)) != NULL)
		settle(container_of(node, struct job, link));
}

/* In a thread. */
static void send_brought(void)
{
	ev_async_send(jobs.loop->ev, &jobs.brought);
}

double jobs_submit(enum job_kind kind, const char *in, size_t n, double task)
{
	struct job *job;
	int rc;

	if (!jobs.loop)
		return ERR_SHUTDOWN;
	job = new_job(kind, in, n, task);
	if (!job)
		return ERR_QUEUE_FULL;
	rc = job_pool_put(job);
	if (rc == 0)
		return slab_id(job);
	destroy(job);
	return rc;
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

static void cancel(struct job *job)
{
	atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
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
	cancel(job);
	set_state(job, JOB_ABANDONED);
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

unsigned jobs_threads(void)
{
	return jobs.loop ? job_pool_threads() : 0;
}

unsigned jobs_waiting(void)
{
	return jobs.loop ? job_pool_waiting() : 0;
}

unsigned jobs_live(void)
{
	return jobs.slab.live;
}

/* ---- life --------------------------------------------------------------------------------------
 */

void jobs_setup(struct loop *loop, unsigned threads, unsigned queue_max)
{
	ENSURE(!jobs.loop && threads > 0);
	jobs.loop = loop;
	jobs.stopped = false;
	slab_init(&jobs.slab, "job", sizeof(struct job));
	ev_async_init(&jobs.brought, on_brought);
	ev_async_start(loop->ev, &jobs.brought);
	job_pool_open(threads, queue_max, send_brought);
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
		job_pool_stop();
		ev_async_stop(jobs.loop->ev, &jobs.brought);
	}
	if (!job_pool_join(wait_us))
		return false;
	slab_each(&jobs.slab, destroy_one, NULL);
	slab_fini(&jobs.slab);
	job_pool_close();
	jobs.loop = NULL;
	return true;
}
