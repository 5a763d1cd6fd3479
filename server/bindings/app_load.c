/*
 * Loading the application, for the first time and anew: from the wish to the moment when the new
 * generation takes over, or is given up.
 */
#include "bindings/app_int.h"
#include "bindings/dev_news.h"

#include "runtime/sched.h"
#include "runtime/watchdog.h"

/* The two of whom a third one has to wait. */
static struct generation *const *const in_the_way[] = {&app.loading, &app.old};

static void fail(struct generation *g)
{
	app_go(g, GENERATION_LEAVING);
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
	app_log(&l, LOG_ERROR, "app.start_failed", g);
	log_num(&l, "seconds", (double)(clock_mono_us() - g->since_us) / CLOCK_SECOND);
	if (s.place[0] != '\0')
		log_cstr(&l, "place", s.place);
	log_cstr(&l, "message", "the application has not answered lifespan.startup in time");
	log_end(&l);
}

void app_load_if_wanted(void)
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
	app_go(g, GENERATION_LIVE);
	if (old == NULL) {
		app.config.on_event(APP_READY);
		app_load_if_wanted();
		return;
	}
	watchdog_follow(g);
	app_log(&l, LOG_INFO, "generation.live", g);
	log_num(&l, "ms", (double)(clock_mono_us() - g->since_us) / 1000);
	log_end(&l);
	app.old = old;
	if (app.config.dev || app.config.reload)
		dev_news_post(DEV_SWAPPED, SPAN("{}"));
	app_go(old, GENERATION_DRAINING);
	app.config.on_event(APP_RELOADED);
}

/* After the run in which the application's answer came. It may have been given up meanwhile. */
static void on_settled(struct loop_item *item)
{
	struct generation *g = container_of(item, struct generation, settled);

	if (g->state != GENERATION_LOADING)
		return;
	if (app.config.tool != NULL)
		app.config.on_event(APP_TOOL_DONE);
	else if (g->failed)
		fail(g);
	else
		take_over(g);
}

/* NULL: it was given up. */
static struct generation *settle(void)
{
	const struct task *t = sched_current();

	if (t == NULL || t->generation->state != GENERATION_LOADING)
		return NULL;
	deadline_clear(&t->generation->clock);
	loop_item_add(&app.loop->feed, &t->generation->settled);
	return t->generation;
}

void app_started(bool stands_in)
{
	struct generation *g = settle();

	if (g != NULL)
		g->stands_in = stands_in;
}

void app_start_failed(void)
{
	struct generation *g = settle();

	if (g != NULL)
		g->failed = true;
}

void app_tool_done(int exit_code)
{
	app.tool_code = exit_code;
	settle();
}

int app_tool_code(void)
{
	return app.tool_code;
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
	app_within(g, us);
}

static bool begin(void)
{
	struct generation *g = generation_new();
	struct task *boot;

	app.loading = g;
	g->since_us = clock_mono_us();
	app_life_init(g);
	loop_item_init(&g->settled, on_settled);
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
		app_within(g, app.config.start_timeout_us);
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
	app_log(&l, LOG_INFO, "generation.loading", app.loading);
	log_cstr(&l, "reason", app.reason);
	log_end(&l);
	if (!begun)
		fail(app.loading);
}

void app_load_init(void)
{
	loop_item_init(&app.begin, on_begin);
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
	app_load_if_wanted();
}

bool app_reload_wanted(void)
{
	return app.again;
}

void app_start_late(struct generation *g)
{
	log_late(g);
	fail(g);
}
