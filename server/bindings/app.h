#ifndef BINDINGS_APP_H
#define BINDINGS_APP_H

#include "base/clock.h"
#include "http/app_port.h"
#include "net/loop.h"

/*
 * The application as the worker sees it: loaded, started, loaded anew, told of a drain, ended.
 * Joins http and runtime, which do not know each other: an exchange that opens becomes a task, a
 * change of the exchange wakes it, its end settles the exchange.
 *
 * Generations (runtime/generation.h; app_life.c): the first is loaded by app_boot. A reload loads
 * the next one beside it, while it serves on; when that has started, new exchanges are its own, and
 * the older one is told of a drain, has the drain time-out to end what it began, ends its lifespan
 * and is closed. A new one that fails is closed instead, and nothing has changed. At most two are
 * alive: while one loads or drains, a reload waits for its end. However many were asked for
 * meanwhile, one is done.
 */
enum app_event {
	APP_READY,         /* the first start is complete: requests may come */
	APP_START_FAILED,  /* it was logged why; nothing will be served */
	APP_RELOADED,      /* the new generation serves */
	APP_RELOAD_FAILED, /* it was logged why; the old one serves on */
	APP_OVERDUE,       /* after app_stop: the drain time-out is over, connections must go */
	APP_ENDED,         /* after app_stop: nothing is left of any */
	APP_TOOL_DONE,     /* see app_tool_code */
};

/* Called outside of Lua. */
typedef void app_event_fn(enum app_event event);

struct app_texts {
	char *const *v; /* borrowed */
	int n;
};

struct app_config {
	const char *file;   /* the application's file; NULL when `module` is given */
	const char *module; /* or its module name */
	const char *tool;   /* runs moonloop.tools.TOOL in the application's place; NULL: none */
	char *const *words; /* its arguments; borrowed */
	int words_n;
	const char *root_path; /* scope.root_path */
	int worker_index;
	bool control; /* there is a control socket: tools/control.lua serves it */
	uint64_t cpu_budget_us, stall_report_us; /* runtime/watchdog.h */
	bool blocking_warnings;                  /* core/blocking.lua */
	uint64_t start_timeout_us;               /* from loading to the answer; 0: any */
	uint64_t drain_timeout_us;
	bool dev;    /* lua/moonloop/dev: pages for who develops */
	bool reload; /* lua/moonloop/core/reload.lua watches files */
	struct app_texts reload_dirs, reload_ignore;
	bool only_worker; /* reloads by itself when files change; else the master has all do it */
	app_event_fn *on_event;
	bool (*connected)(void); /* whether a connection may bring one more request */
};

extern const struct app_port app_port;

/* An exchange_done_fn: one line in the access log. Needs sched_set_timing(true). */
void app_exchange_done(struct exchange *ex);

void app_setup(struct loop *loop, const struct app_config *config);
void app_teardown(void); /* closes every generation, whatever it does */

/* Begins the first generation; false: it was logged why (our bug, or a broken build). */
bool app_boot(void);

/*
 * Asks for a new generation; APP_RELOADED or APP_RELOAD_FAILED follows, for one or more such
 * wishes together. What stands in its way, a generation that drains or one whose start hangs, is
 * left alone for `patience_us` from now (it has its own time-outs), then it has to go.
 */
void app_reload(const char *reason, uint64_t patience_us);
#define APP_PATIENT UINT64_MAX

bool app_reload_wanted(void); /* one more was asked for than has begun */

/*
 * After the drain time-out: what cancelled tasks, the lifespan's end and its tasks may take, each.
 * Together less than the second after which the master kills.
 */
#define APP_GRACE_US (CLOCK_SECOND / 5)

/* The end: all generations drain; APP_ENDED follows. */
void app_stop(void);

unsigned app_tasks(void);       /* requests, their tasks and background tasks alive */
void app_connection_gone(void); /* `connected` may have changed */
int app_tool_code(void);        /* the exit code that the tool answered */

#endif
