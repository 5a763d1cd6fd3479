/* The single place that includes http and runtime: exchange ↔ task, and the worker's view of both. */
#include "bindings/app_int.h"

#include "base/clock.h"
#include "http/access_log.h"
#include "http/exchange.h"
#include "net/stats.h"
#include "runtime/sched.h"
#include "runtime/vm.h"

struct app app;

/* ---- exchange → task --------------------------------------------------------------------------- */

static void opened(struct exchange *ex)
{
	const struct task *t = task_new(TASK_REQUEST, exchange_id(ex));

	if (t == NULL) { /* a million tasks: this one is answered by the gateway */
		exchange_app_done(ex, true);
		return;
	}
	app.tasks++;
	ex->app = task_id(t);
}

static void changed(struct exchange *ex, unsigned events)
{
	struct task *t = task_find(ex->app);

	if (t == NULL)
		return;
	if (events & EXCHANGE_GONE)
		task_cancel(t);
	else
		task_wake(t);
}

const struct app_port app_port = {.opened = opened, .changed = changed};

/* ---- task → exchange --------------------------------------------------------------------------- */

static void task_done(struct task *t, bool failed)
{
	if (failed)
		STATS_ADD(errors, 1);
	if (t->kind == TASK_REQUEST) {
		struct exchange *ex = exchange_find(t->arg);

		ENSURE(ex != NULL && ex->app_held);
		exchange_app_done(ex, failed);
	} else if (t->kind != TASK_SPAWNED) {
		return;
	}
	if (--app.tasks == 0)
		app.config.on_event(APP_IDLE);
}

/* The wire is done with it: the access log's moment. */
void app_exchange_done(struct exchange *ex)
{
	const struct task *t = task_find(ex->app);

	if (t != NULL) {
		ex->begun_us = t->begun_us;
		ex->lua_us = sched_lua_us(t);
	}
	access_log_write(ex);
}

/* ---- the worker's view ------------------------------------------------------------------------- */

bool app_setup(struct loop *loop, const struct app_config *config)
{
	app = (struct app){.config = *config, .started_us = clock_mono_us()};
	app.L = vm_new();
	sched_setup(loop, app.L, task_done);
	return lua_boot_main(app.L);
}

void app_teardown(void)
{
	sched_teardown();
	vm_free(&app.L);
}

unsigned app_tasks(void)
{
	return app.tasks;
}

void app_boot(void)
{
	task_new(TASK_BOOT, 0);
}

void app_notice(void)
{
	task_new(TASK_NOTICE, 0);
}

void app_shutdown(void)
{
	task_new(TASK_SHUTDOWN, 0);
}

static void cancel_one(struct task *t, void *arg)
{
	const bool *services = arg;

	if (t->kind == TASK_REQUEST || t->kind == TASK_SPAWNED || (*services && t->kind == TASK_SERVICE))
		task_cancel(t);
}

void app_cancel(bool services)
{
	task_each(cancel_one, &services);
}
