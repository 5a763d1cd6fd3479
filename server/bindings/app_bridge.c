/* The single place that includes http and runtime: exchange ↔ task, and the worker's view of both.
 */
#include "bindings/app_int.h"
#include "bindings/dev_news.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/access_log.h"
#include "http/exchange.h"
#include "net/stats.h"
#include "runtime/sched.h"
#include "runtime/vm.h"
#include "runtime/watchdog.h"

struct app app;

/* Exchange → task. */

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

/* Tasks of the request but its own: any event is theirs too, they ask again. */
static void wake_waiters(struct exchange *ex)
{
	struct list *node;

	while ((node = list_take(&ex->app_waiters)) != NULL)
		task_wake(container_of(node, struct task, wait_link));
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
	wake_waiters(ex);
}

void app_wait_for(struct exchange *ex)
{
	struct task *t = sched_current();

	if (t == NULL || task_id(t) == ex->app)
		return;
	list_del(&t->wait_link);
	list_add(&ex->app_waiters, &t->wait_link);
}

const struct app_port app_port = {.opened = opened, .changed = changed};

/* Task → exchange. */

static void note_times(struct exchange *ex, const struct task *t)
{
	ex->begun_us = t->begun_us;
	ex->lua_us = sched_lua_us(t);
	ex->held_us = MAX(t->held_us, ex->lua_us - t->lua_us); /* which may not be over */
}

/* The application returned and left its response open. */
static void log_incomplete(const struct exchange *ex)
{
	struct log_line l;

	log_begin(&l, LOG_ERROR, "app.incomplete");
	log_str(&l, "method", ex->head.method);
	log_str(&l, "path", ex->head.path);
	log_cstr(&l, "message",
		ex->out_state == OUT_END
			? "the application returned without a response: 500 was sent (send answers, return values do not)"
			: "the application returned before the end of its response: the connection was closed");
	log_end(&l);
}

/* What it took is no fault of the request: another time, or another worker, may do better. */
static void answer_stopped(struct exchange *ex)
{
	if (ex->codec != NULL && ex->gone == GONE_NOT)
		exchange_answer(ex, 503, "it took too long");
}

static void task_done(struct task *t, bool failed)
{
	failed |= t->stopped;
	if (failed)
		STATS_ADD(errors, 1);
	if (t->kind == TASK_REQUEST) {
		struct exchange *ex = exchange_find(t->arg);

		ENSURE(ex != NULL && ex->app_held);
		wake_waiters(ex);
		note_times(ex, t); /* the wire may end later, when the task is no more */
		if (t->stopped)
			answer_stopped(ex);
		if (exchange_app_done(ex, failed) && !failed)
			log_incomplete(ex);
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

	if (t != NULL)
		note_times(ex, t);
	access_log_write(ex);
}

/* The worker's view. */

static void describe(const struct task *t, struct watchdog_subject *out)
{
	const struct exchange *ex = t->kind == TASK_REQUEST ? exchange_find(t->arg) : NULL;

	if (ex != NULL)
		*out = (struct watchdog_subject){ex->head.method, ex->head.path};
}

bool app_setup(struct loop *loop, const struct app_config *config)
{
	const struct watchdog_config guard = {
		config->cpu_budget_us, config->stall_report_us, describe};

	app = (struct app){.config = *config, .started_us = clock_mono_us()};
	app.L = vm_new();
	sched_setup(loop, app.L, task_done);
	watchdog_setup(app.L, &guard);
	return lua_boot_main(app.L);
}

void app_teardown(void)
{
	watchdog_teardown();
	sched_teardown();
	dev_news_teardown();
	vm_free(&app.L);
}

unsigned app_tasks(void)
{
	return app.tasks;
}

int app_tool_code(void)
{
	return app.tool_code;
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

	if (t->kind == TASK_REQUEST || t->kind == TASK_SPAWNED ||
		(*services && t->kind == TASK_SERVICE))
		task_cancel(t);
}

void app_cancel(bool services)
{
	task_each(cancel_one, &services);
}
