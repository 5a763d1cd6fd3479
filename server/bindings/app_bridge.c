/* Exchange ↔ task: what http and runtime, which do not know each other, have to say to each other.
 */
#include "bindings/app_int.h"
#include "bindings/dev_news.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/access_log.h"
#include "http/exchange.h"
#include "net/stats.h"
#include "runtime/sched.h"
#include "runtime/watchdog.h"

/* Exchange → task. */

static void opened(struct exchange *ex)
{
	const struct task *t = task_new(app.live, TASK_REQUEST, exchange_id(ex));

	if (t == NULL) /* a million tasks: this one is answered by the gateway */
		exchange_app_done(ex, true);
	else
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

static void request_done(struct task *t, bool failed)
{
	struct exchange *ex = exchange_find(t->arg);

	ENSURE(ex != NULL && ex->app_held);
	wake_waiters(ex);
	note_times(ex, t); /* the wire may end later, when the task is no more */
	if (t->stopped)
		answer_stopped(ex);
	if (exchange_app_done(ex, failed) && !failed)
		log_incomplete(ex);
}

void app_task_done(struct task *t, bool failed)
{
	failed |= t->stopped;
	if (failed)
		STATS_ADD(errors, 1);
	if (t->kind == TASK_REQUEST)
		request_done(t, failed);
	app_task_gone(t->generation);
}

/* The wire is done with it: the access log's moment. */
void app_exchange_done(struct exchange *ex)
{
	const struct task *t = task_find(ex->app);

	if (t != NULL)
		note_times(ex, t);
	access_log_write(ex);
}

void app_describe(const struct task *t, struct watchdog_subject *out)
{
	const struct exchange *ex = t->kind == TASK_REQUEST ? exchange_find(t->arg) : NULL;

	if (ex != NULL)
		*out = (struct watchdog_subject){ex->head.method, ex->head.path};
}

static void drain_one(struct task *t, void *arg)
{
	struct exchange *ex;

	if (t->generation != arg || t->kind != TASK_REQUEST)
		return;
	ex = exchange_find(t->arg);
	if (ex != NULL)
		exchange_drain(ex);
}

void app_drain_exchanges(struct generation *g)
{
	task_each(drain_one, g);
}

struct cancel {
	struct generation *g;
	bool all;
};

static void cancel_one(struct task *t, void *arg)
{
	const struct cancel *c = arg;
	struct exchange *ex;

	if (t->generation != c->g)
		return;
	if (t->kind == TASK_REQUEST) {
		ex = exchange_find(t->arg);
		if (ex != NULL)
			exchange_give_up(ex);
	}
	if (c->all || t->kind == TASK_REQUEST || t->kind == TASK_SPAWNED)
		task_cancel(t);
}

void app_cancel(struct generation *g, bool all)
{
	struct cancel c = {g, all};

	task_each(cancel_one, &c);
}
