/*
 * What becomes of the generations: how long each state may last, and what has to happen in the next
 * one. How they begin is in app_load.c.
 */
#include "bindings/app_int.h"
#include "bindings/dev_news.h"

#include "base/log.h"
#include "runtime/jobs.h"
#include "runtime/sched.h"
#include "runtime/watchdog.h"

struct app app;

struct log_line *app_log(
	struct log_line *l, enum log_level level, const char *event, const struct generation *g)
{
	log_begin(l, level, event);
	log_int(l, "number", g->number);
	return l;
}

/* ---- how long ----------------------------------------------------------------------------------
 */

void app_within(struct generation *g, uint64_t us)
{
	deadline_clear(&g->clock);
	deadline_set(&app.loop->deadlines, &g->clock, clock_mono_us() + MAX(us, 1));
}

static uint64_t time_left(uint64_t until_us)
{
	uint64_t now = clock_mono_us();

	return until_us > now ? until_us - now : 0;
}

/* ---- the end -----------------------------------------------------------------------------------
 */

/* The live one drains when the worker does: then a kept connection may still bring it a request. */
static bool is_idle(const struct generation *g)
{
	return generation_work(g) == 0 && !(g == app.live && app.config.connected());
}

static void look(struct generation *g)
{
	if (g->state == GENERATION_DRAINING || g->state == GENERATION_CANCELLING) {
		if (is_idle(g))
			app_go(g, GENERATION_ENDING);
	} else if (g->state == GENERATION_LEAVING) {
		if (generation_tasks(g) == 0)
			app_go(g, GENERATION_DEAD);
	}
}

void app_task_gone(struct generation *g)
{
	look(g);
}

void app_connection_gone(void)
{
	if (app.live != NULL)
		look(app.live);
}

void app_lifespan_over(void)
{
	const struct task *t = sched_current();

	if (t != NULL && t->generation->state == GENERATION_ENDING)
		app_go(t->generation, GENERATION_LEAVING);
}

static void enter_draining(struct generation *g)
{
	struct log_line l;

	if (!app.stopping) {
		app_log(&l, LOG_INFO, "generation.draining", g);
		log_int(&l, "tasks", generation_work(g));
		log_end(&l);
	}
	g->until_us = clock_mono_us() + app.config.drain_timeout_us;
	app_within(g, app.config.drain_timeout_us);
	task_new(g, TASK_NOTICE, 0);
	app_drain_exchanges(g);
	look(g);
}

static void enter_cancelling(struct generation *g)
{
	struct log_line l;

	if (g == app.live) {
		app.config.on_event(APP_OVERDUE);
	} else {
		app_log(&l, LOG_WARN, "generation.drain_timeout", g);
		log_int(&l, "cancelled", generation_work(g));
		log_end(&l);
	}
	if (g->state != GENERATION_CANCELLING) /* the last connection was what it waited for */
		return;
	app_within(g, APP_GRACE_US);
	app_cancel(g, false);
	look(g);
}

void app_go(struct generation *g, enum generation_state to)
{
	if (to <= g->state)
		return;
	generation_set_state(g, to);
	deadline_clear(&g->clock);
	switch (to) {
	case GENERATION_LOADING:
	case GENERATION_LIVE:
		break;
	case GENERATION_DRAINING:
		enter_draining(g);
		break;
	case GENERATION_CANCELLING:
		enter_cancelling(g);
		break;
	case GENERATION_ENDING:
		app_within(g, MAX(time_left(g->until_us), APP_GRACE_US));
		task_new(g, TASK_SHUTDOWN, 0);
		break;
	case GENERATION_LEAVING:
		app_within(g, APP_GRACE_US);
		app_cancel(g, true);
		look(g);
		break;
	case GENERATION_DEAD:
		if (generation_tasks(g) > 0)
			generation_drop_tasks(g);
		loop_item_add(&app.loop->reap, &g->reap);
		break;
	}
}

static void on_clock(struct deadline *d)
{
	struct generation *g = container_of(d, struct generation, clock);

	if (g->state == GENERATION_LOADING) {
		app_start_late(g);
		return;
	}
	if (g->state == GENERATION_ENDING)
		log_event(LOG_WARN, "lifespan.timeout",
			"the application did not answer lifespan.shutdown");
	app_go(g, g->state + 1);
}

static void close_generation(struct generation **pg)
{
	struct generation *g = *pg;

	*pg = NULL;
	deadline_remove(&app.loop->deadlines, &g->clock);
	loop_item_del(&g->settled);
	loop_item_del(&g->reap);
	watchdog_release(g);
	generation_free(&g);
	jobs_drop_orphans();
}

static void on_reap(struct loop_item *item)
{
	struct generation *g = container_of(item, struct generation, reap);
	struct log_line l;

	if (!app.stopping && !generation_sweep(g)) {
		loop_item_add(&app.loop->reap, item);
		return;
	}
	if (!app.stopping && g == app.old)
		log_end(app_log(&l, LOG_INFO, "generation.ended", g));
	close_generation(g == app.live ? &app.live : g == app.old ? &app.old : &app.loading);
	if (!app.stopping)
		app_load_if_wanted();
	else if (app.live == NULL && app.loading == NULL && app.old == NULL)
		app.config.on_event(APP_ENDED);
}

void app_life_init(struct generation *g)
{
	g->until_us = UINT64_MAX;
	deadline_init(&g->clock, on_clock);
	loop_item_init(&g->reap, on_reap);
}

/* ---- the worker's wishes -----------------------------------------------------------------------
 */

void app_stop(void)
{
	app.stopping = true;
	if (app.loading != NULL)
		app_go(app.loading, GENERATION_LEAVING);
	if (app.live != NULL)
		app_go(app.live, GENERATION_DRAINING);
}

unsigned app_tasks(void)
{
	const struct generation *const all[] = {app.live, app.loading, app.old};
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		n += all[i] != NULL ? generation_work(all[i]) : 0;
	return n;
}

void app_setup(struct loop *loop, const struct app_config *config)
{
	const struct watchdog_config guard = {
		config->cpu_budget_us, config->stall_report_us, app_describe};

	app = (struct app){.config = *config, .loop = loop, .started_us = clock_mono_us()};
	app_load_init();
	sched_setup(loop, app_task_done);
	watchdog_setup(&guard);
}

static void close_now(struct generation **pg)
{
	struct generation *g = *pg;

	if (g == NULL)
		return;
	if (g->state != GENERATION_DEAD)
		generation_set_state(g, GENERATION_DEAD);
	generation_drop_tasks(g);
	close_generation(pg);
}

void app_teardown(void)
{
	loop_item_del(&app.begin);
	close_now(&app.loading);
	close_now(&app.old);
	close_now(&app.live);
	watchdog_teardown();
	sched_teardown();
	dev_news_teardown();
}
