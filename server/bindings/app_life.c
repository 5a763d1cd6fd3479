/*
 * The generations of the application and what becomes of them: who is loaded, who takes new
 * exchanges, who has to end, and how long each state may last.
 */
#include "bindings/app_int.h"

#include "base/log.h"
#include "runtime/jobs.h"
#include "runtime/sched.h"
#include "runtime/watchdog.h"

struct app app;

static void go(struct generation *g, enum generation_state to);

/* The two of whom a third one has to wait. */
static struct generation *const *const in_the_way[] = {&app.loading, &app.old};

static struct log_line *log_generation(
	struct log_line *l, enum log_level level, const char *event, const struct generation *g)
{
	log_begin(l, level, event);
	log_int(l, "number", g->number);
	return l;
}

/* ---- how long ----------------------------------------------------------------------------------
 */

static void within(struct generation *g, uint64_t us)
{
	deadline_clear(&g->clock);
	deadline_set(&app.loop->deadlines, &g->clock, clock_mono_us() + MAX(us, 1));
}

static uint64_t time_left(uint64_t until_us)
{
	uint64_t now = clock_mono_us();

	return until_us > now ? until_us - now : 0;
}

/* No later than that, in a state whose length is the application's own matter. */
static void hurry(struct generation *g, uint64_t us)
{
	uint64_t at = clock_mono_us() + us;

	if (g->state != GENERATION_LOADING && g->state != GENERATION_DRAINING)
		return;
	if (deadline_armed(&g->clock) && g->clock.at_us <= at)
		return;
	g->until_us = MIN(g->until_us, at);
	within(g, us);
}

/* ---- the start ---------------------------------------------------------------------------------
 */

static void fail(struct generation *g)
{
	go(g, GENERATION_LEAVING);
	app.config.on_event(app.live == NULL ? APP_START_FAILED : APP_RELOAD_FAILED);
}

struct search {
	const struct generation *g;
	char place[WATCHDOG_PLACE_MAX];
};

static void find_waiting(struct task *t, void *arg)
{
	struct search *s = arg;

	if (t->generation == s->g && t->co != NULL && s->place[0] == '\0')
		watchdog_place(t->co, s->place);
}

static void log_late(const struct generation *g)
{
	struct search s = {.g = g};
	struct log_line l;

	task_each(find_waiting, &s);
	log_generation(&l, LOG_ERROR, "app.start_failed", g);
	log_num(&l, "seconds", (double)(clock_mono_us() - g->since_us) / CLOCK_SECOND);
	if (s.place[0] != '\0')
		log_cstr(&l, "place", s.place);
	log_cstr(&l, "message", "the application has not answered lifespan.startup in time");
	log_end(&l);
}

static void begin_if_wanted(void)
{
	if (app.again && app.loading == NULL && app.old == NULL)
		loop_item_add(&app.loop->reap, &app.begin); /* answers have left by then */
}

/* New exchanges are the new one's from here on, which goes on with what it has compiled. */
static void take_over(struct generation *g)
{
	struct generation *old = app.live;
	struct log_line l;

	app.loading = NULL;
	app.live = g;
	go(g, GENERATION_LIVE);
	if (old == NULL) {
		app.config.on_event(APP_READY);
		begin_if_wanted();
		return;
	}
	watchdog_follow(g);
	log_generation(&l, LOG_INFO, "generation.live", g);
	log_num(&l, "ms", (double)(clock_mono_us() - g->since_us) / 1000);
	log_end(&l);
	app.old = old;
	go(old, GENERATION_DRAINING);
	app.config.on_event(APP_RELOADED);
}

/* After the run in which the application's answer came. It may have been given up meanwhile. */
static void on_settled(struct loop_item *item)
{
	struct generation *g = container_of(item, struct generation, settled);

	if (g->state != GENERATION_LOADING)
		return;
	if (g->failed)
		fail(g);
	else
		take_over(g);
}

static void settle(bool failed)
{
	const struct task *t = sched_current();

	if (t == NULL || t->generation->state != GENERATION_LOADING)
		return;
	t->generation->failed = failed;
	loop_item_add(&app.loop->feed, &t->generation->settled);
}

void app_started(void)
{
	settle(false);
}

void app_start_failed(void)
{
	settle(true);
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
			go(g, GENERATION_ENDING);
	} else if (g->state == GENERATION_LEAVING) {
		if (generation_tasks(g) == 0)
			go(g, GENERATION_DEAD);
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
		go(t->generation, GENERATION_LEAVING);
}

static void enter_draining(struct generation *g)
{
	struct log_line l;

	if (!app.stopping) {
		log_generation(&l, LOG_INFO, "generation.draining", g);
		log_int(&l, "tasks", generation_work(g));
		log_end(&l);
	}
	g->until_us = clock_mono_us() + app.config.drain_timeout_us;
	within(g, app.config.drain_timeout_us);
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
		log_generation(&l, LOG_WARN, "generation.drain_timeout", g);
		log_int(&l, "cancelled", generation_work(g));
		log_end(&l);
	}
	if (g->state != GENERATION_CANCELLING) /* the last connection was what it waited for */
		return;
	within(g, APP_GRACE_US);
	app_cancel(g, false);
	look(g);
}

static void go(struct generation *g, enum generation_state to)
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
		within(g, MAX(time_left(g->until_us), APP_GRACE_US));
		task_new(g, TASK_SHUTDOWN, 0);
		break;
	case GENERATION_LEAVING:
		within(g, APP_GRACE_US);
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
		log_late(g);
		fail(g);
		return;
	}
	if (g->state == GENERATION_ENDING)
		log_event(LOG_WARN, "lifespan.timeout",
			"the application did not answer lifespan.shutdown");
	go(g, g->state + 1);
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
		log_end(log_generation(&l, LOG_INFO, "generation.ended", g));
	close_generation(g == app.live ? &app.live : g == app.old ? &app.old : &app.loading);
	if (!app.stopping)
		begin_if_wanted();
	else if (app.live == NULL && app.loading == NULL && app.old == NULL)
		app.config.on_event(APP_ENDED);
}

/* ---- the worker's wishes -----------------------------------------------------------------------
 */

static bool begin(void)
{
	struct generation *g = generation_new();
	struct task *boot;

	app.loading = g;
	g->since_us = clock_mono_us();
	g->until_us = UINT64_MAX;
	deadline_init(&g->clock, on_clock);
	loop_item_init(&g->settled, on_settled);
	loop_item_init(&g->reap, on_reap);
	watchdog_admit(g);
	if (!lua_boot_main(g))
		return false;
	boot = task_new(g, TASK_BOOT, 0);
	if (boot == NULL) {
		log_event(LOG_ERROR, "app.start_failed", "too many tasks");
		return false;
	}
	if (app.live != NULL) /* which serves, and would wait */
		boot->budget_us = app.config.cpu_budget_us;
	if (app.config.start_timeout_us != 0)
		within(g, app.config.start_timeout_us);
	return true;
}

static void on_begin(struct loop_item *item)
{
	struct log_line l;
	bool begun;

	if (app.stopping)
		return;
	app.again = false;
	begun = begin();
	log_generation(&l, LOG_INFO, "generation.loading", app.loading);
	log_cstr(&l, "reason", app.reason);
	log_end(&l);
	if (!begun)
		fail(app.loading);
}

bool app_boot(void)
{
	return begin();
}

void app_reload(const char *reason, uint64_t patience_us)
{
	if (app.stopping)
		return;
	app.again = true;
	app.reason = reason;
	for (size_t i = 0; i < ARRAY_LEN(in_the_way) && patience_us != APP_PATIENT; i++)
		if (*in_the_way[i] != NULL)
			hurry(*in_the_way[i], patience_us);
	begin_if_wanted();
}

void app_stop(void)
{
	app.stopping = true;
	if (app.loading != NULL)
		go(app.loading, GENERATION_LEAVING);
	if (app.live != NULL)
		go(app.live, GENERATION_DRAINING);
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
	loop_item_init(&app.begin, on_begin);
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
}
