#include "bindings/ffi_api.h"

#include "base/clock.h"
#include "bindings/app_int.h"
#include "runtime/sched.h"

double ml_task_self(void)
{
	const struct task *t = sched_current();

	return t != NULL ? task_id(t) : 0;
}

double ml_task_spawn(void)
{
	const struct task *parent = sched_current(), *t;
	bool serves;

	if (parent == NULL)
		return 0;
	serves = parent->kind == TASK_REQUEST || parent->kind == TASK_SPAWNED || app.config.tool;
	t = task_new(parent->generation, serves ? TASK_SPAWNED : TASK_SERVICE, 0);
	return t != NULL ? task_id(t) : 0;
}

void ml_task_wake(double id)
{
	struct task *t = task_find(id);

	if (t != NULL)
		task_wake(t);
}

void ml_task_cancel(double id)
{
	struct task *t = task_find(id);

	if (t != NULL)
		task_cancel(t);
}

int ml_task_must_stop(void)
{
	const struct task *t = sched_current();

	return t != NULL ? task_must_stop(t) : TASK_GOES_ON;
}

void ml_task_shield(int more)
{
	struct task *t = sched_current();

	/* A shielded coroutine that another task took over ends a shield which is not its own. */
	if (t != NULL && t->shields + more >= 0)
		t->shields = (uint16_t)(t->shields + more);
}

int ml_task_stopped(void)
{
	const struct task *t = sched_current();

	return t != NULL && t->stopped;
}

void ml_task_alarm(double seconds)
{
	struct task *t = sched_current();

	if (t == NULL)
		return;
	if (seconds < 0)
		task_wake_at(t, 0);
	else
		task_wake_at(t, clock_mono_us() + (uint64_t)(MIN(seconds, 1e9) * CLOCK_SECOND));
}

void ml_task_limit(double id, double at)
{
	struct task *t = task_find(id);

	if (t == NULL)
		return;
	if (at < 0 || at > 1e9)
		task_limit(t, 0);
	else
		task_limit(t, MAX((uint64_t)(at * CLOCK_SECOND), 1));
}

double ml_now(void)
{
	return (double)clock_mono_us() / CLOCK_SECOND;
}

double ml_unix(void)
{
	return (double)clock_wall_us() / CLOCK_SECOND;
}
