#include "runtime/jobs_int.h"

#include "base/err.h"
#include "base/mem.h"

#include <pthread.h>
#include <string.h>

/* What may wait of one job: it goes on when who takes them has come below both. */
#define PARTS_MAX       64
#define PARTS_BYTES_MAX (1024 * 1024)

struct part {
	struct list link;
	size_t n;
	char bytes[];
};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t room; /* to the threads: something was taken, or cancelled */
	struct list news;    /* below the mutex */
	void (*told)(void);
} parts;

static bool is_cancelled(const struct job *job)
{
	return atomic_load_explicit(&job->cancelled, memory_order_relaxed);
}

static bool has_room(const struct job *job)
{
	return job->parts_n < PARTS_MAX && job->parts_bytes < PARTS_BYTES_MAX;
}

static void add(struct job *job, struct part *part)
{
	list_add(&job->parts, &part->link);
	job->parts_n++;
	job->parts_bytes += part->n;
	if (list_empty(&job->news))
		list_add(&parts.news, &job->news);
}

/* The owner is told below the mutex: until then job_parts_let_go, and so a teardown, waits. */
int job_parts_put(struct job *job, struct span bytes)
{
	struct part *part = mem_alloc(sizeof(*part) + bytes.n);

	list_init(&part->link);
	part->n = bytes.n;
	memcpy(part->bytes, bytes.p, bytes.n);
	pthread_mutex_lock(&parts.mutex);
	while (!has_room(job) && !is_cancelled(job))
		pthread_cond_wait(&parts.room, &parts.mutex);
	if (is_cancelled(job)) {
		pthread_mutex_unlock(&parts.mutex);
		mem_free(part);
		return ERR_CANCELLED;
	}
	add(job, part);
	parts.told();
	pthread_mutex_unlock(&parts.mutex);
	return 0;
}

/* Below the mutex. NULL: none. */
static struct part *take(struct job *job)
{
	struct list *node = list_take(&job->parts);
	struct part *part;

	if (node == NULL)
		return NULL;
	part = container_of(node, struct part, link);
	job->parts_n--;
	job->parts_bytes -= part->n;
	return part;
}

bool job_parts_take(struct job *job, struct buf *out)
{
	struct part *part;

	pthread_mutex_lock(&parts.mutex);
	part = take(job);
	if (part != NULL)
		pthread_cond_broadcast(&parts.room);
	pthread_mutex_unlock(&parts.mutex);
	if (part == NULL)
		return false;
	buf_append(out, part->bytes, part->n);
	mem_free(part);
	return true;
}

void job_parts_news(void (*each)(struct job *job))
{
	struct list *node;

	pthread_mutex_lock(&parts.mutex);
	while ((node = list_take(&parts.news)) != NULL)
		each(container_of(node, struct job, news));
	pthread_mutex_unlock(&parts.mutex);
}

void job_parts_let_go(void)
{
	pthread_mutex_lock(&parts.mutex);
	pthread_cond_broadcast(&parts.room);
	pthread_mutex_unlock(&parts.mutex);
}

void job_parts_drop(struct job *job)
{
	struct part *part;

	pthread_mutex_lock(&parts.mutex);
	list_del(&job->news);
	while ((part = take(job)) != NULL)
		mem_free(part);
	pthread_mutex_unlock(&parts.mutex);
}

void job_parts_open(void (*told)(void))
{
	parts.told = told;
	list_init(&parts.news);
	pthread_mutex_init(&parts.mutex, NULL);
	pthread_cond_init(&parts.room, NULL);
}

void job_parts_close(void)
{
	ENSURE(list_empty(&parts.news));
	pthread_mutex_destroy(&parts.mutex);
	pthread_cond_destroy(&parts.room);
}
