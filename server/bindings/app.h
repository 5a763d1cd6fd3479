#ifndef BINDINGS_APP_H
#define BINDINGS_APP_H

#include "http/app_port.h"
#include "net/loop.h"

/*
 * The application in its VM, as the worker sees it: loaded, started, told of a drain, ended. Joins
 * http and runtime, which do not know each other: an exchange that opens becomes a task, a change
 * of the exchange wakes it, its end settles the exchange.
 */
enum app_event {
	APP_READY,        /* lifespan startup is complete: requests may come */
	APP_START_FAILED, /* it was logged why; nothing will be served */
	APP_ENDED,        /* lifespan shutdown is complete */
	APP_IDLE,         /* the last task ended */
	APP_TOOL_DONE,    /* see app_tool_code */
};

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
	bool dev;                                /* lua/moonloop/dev: pages for who develops */
	bool reload;                             /* lua/moonloop/core/reload.lua watches files */
	struct app_texts reload_dirs, reload_ignore;
	app_event_fn *on_event;
};

extern const struct app_port app_port;

/* An exchange_done_fn: one line in the access log. Needs sched_set_timing(true). */
void app_exchange_done(struct exchange *ex);

/* Makes the VM and loads the runtime's own Lua; false: it was logged why (our bug, or a broken
 * build). */
bool app_setup(struct loop *loop, const struct app_config *config);
void app_teardown(void);

unsigned app_tasks(void);       /* requests, their tasks and background tasks alive */
void app_boot(void);            /* → APP_READY or APP_START_FAILED, in a later tick */
void app_notice(void);          /* lifespan.shutdown.notice */
void app_shutdown(void);        /* → APP_ENDED */
int app_tool_code(void);        /* the exit code that the tool answered */
void app_cancel(bool services); /* all requests and background tasks; or the lifespan's too */

#endif
