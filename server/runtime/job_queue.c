#include "runtime/jobs_int.h"

/* Every so many takes another lane comes first: what is never first would otherwise never be. */
#define TURNS 8

void job_queue_init(struct job_queue *q)
{
	*q = (struct job_queue){0};
	for (size_t i = 0; i < ARRAY_LEN(q->lanes); i++)
		list_init(&q->lanes[i]);
}

void job_queue_add(struct job_queue *q, struct job *job)
{
	list_add(&q->lanes[job->priority], &job->link);
	q->n++;
}

void job_queue_del(struct job_queue *q, struct job *job)
{
	list_del(&job->link);
	q->n--;
}

/* Of eight turns one begins with the low lane and one with the normal one. */
static enum job_priority first_lane(unsigned turn)
{
	switch (turn % TURNS) {
	case 3:
		return JOB_NORMAL;
	case 7:
		return JOB_LOW;
	default:
		return JOB_HIGH;
	}
}

struct job *job_queue_take(struct job_queue *q)
{
	enum job_priority first = first_lane(q->turn);
	struct list *node = list_take(&q->lanes[first]);

	for (size_t i = 0; node == NULL && i < ARRAY_LEN(q->lanes); i++)
		node = list_take(&q->lanes[i]);
	if (node == NULL)
		return NULL;
	q->n--;
	q->turn++;
	return container_of(node, struct job, link);
}
