#include "runtime/sched_int.h"

#include "base/clock.h"
#include "net/stats.h"
#include "runtime/generation.h"
#include "runtime/watchdog.h"

static bool limit_is_ahead(const struct task *t)
{
	return t->limit_us > clock_now_us();
}

/* A limit ahead stays armed, whatever else the alarm is used for. */
static void on_alarm(struct deadline *d)
{
	struct task *t = container_of(d, struct task, alarm);

	task_wake(t);
	if (limit_is_ahead(t))
		deadline_set(&sched.loop->deadlines, d, t->limit_us);
}

struct task *task_new(struct generation *g, enum task_kind kind, double arg)
{
	struct task *t = slab_alloc(&sched.tasks);

	if (t == NULL)
		return NULL;
	*t = (struct task){.generation = g,
		.kind = (uint8_t)kind,
		.arg = arg,
		.state = TASK_WAITING,
		.since_us = clock_now_us()};
	if (kind != TASK_BOOT)
		t->budget_us = watchdog.config.budget_us;
	list_init(&t->run_link);
	list_init(&t->wait_link);
	deadline_init(&t->alarm, on_alarm);
	g->tasks[kind]++;
	STATS_ADD(tasks_now, 1);
	task_wake(t);
	return t;
}

void task_end(struct task *t)
{
	list_del(&t->run_link);
	list_del(&t->wait_link);
	deadline_remove(&sched.loop->deadlines, &t->alarm);
	slab_free(&sched.tasks, t);
	STATS_ADD(tasks_now, -1);
}

struct task *task_find(double id)
{
	return slab_find(&sched.tasks, id);
}

double task_id(const struct task *t)
{
	return slab_id(t);
}

void task_wake(struct task *t)
{
	if (t->state == TASK_RUNNING) {
		t->woken = true;
	} else if (t->state == TASK_WAITING) {
		t->state = TASK_RUNNABLE;
		list_add(&sched.queue, &t->run_link);
		loop_stir(sched.loop);
	}
}

void task_cancel(struct task *t)
{
	t->cancelled = true;
	task_wake(t);
}

void task_wake_at(struct task *t, uint64_t at_us)
{
	if (limit_is_ahead(t) && (at_us == 0 || at_us > t->limit_us))
		at_us = t->limit_us;
	if (at_us == 0)
		deadline_clear(&t->alarm);
	else
		deadline_set(&sched.loop->deadlines, &t->alarm, at_us);
}

void task_limit(struct task *t, uint64_t at_us)
{
	t->limit_us = at_us;
	if (limit_is_ahead(t)) {
		if (!deadline_armed(&t->alarm) || t->alarm.at_us > at_us)
			deadline_set(&sched.loop->deadlines, &t->alarm, at_us);
	} else if (at_us != 0) {
		task_wake(t);
	}
}

unsigned task_live(void)
{
	return sched.tasks.live;
}

struct each {
	void (*fn)(struct task *t, void *arg);
	void *arg;
};

static void each_object(void *object, void *arg)
{
	const struct each *e = arg;

	e->fn(object, e->arg);
}

void task_each(void (*fn)(struct task *t, void *arg), void *arg)
{
	struct each e = {fn, arg};

	slab_each(&sched.tasks, each_object, &e);
}
