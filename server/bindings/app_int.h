#ifndef BINDINGS_APP_INT_H
#define BINDINGS_APP_INT_H

#include "base/log.h"
#include "bindings/app.h"
#include "runtime/generation.h"

/* Private to bindings/. */
struct exchange;
struct lua_State;
struct watchdog_subject;

struct app {
	struct app_config config;
	struct loop *loop; /* borrowed */
	uint64_t started_us;
	struct generation *live;    /* owned; takes new exchanges, to its own end; NULL before */
	struct generation *loading; /* owned; to follow it, until it does or is closed; or NULL */
	struct generation *old;     /* owned; was the live one, until it is closed; or NULL */
	bool again;                 /* a reload is wanted when neither of these two is left */
	const char *reason;         /* for the log; borrowed for ever */
	struct loop_item begin;     /* it is */
	bool stopping;
	int tool_code;
};

extern struct app app;

/* The running task's generation tells, from Lua; app_load.c, app_life.c. */
void app_started(bool stands_in); /* for code that does not start: it only shows why */
void app_start_failed(void);
void app_tool_done(int exit_code);
void app_lifespan_over(void);

/* app_load.c */
void app_load_init(void);
void app_load_if_wanted(void);             /* when nothing is in the way */
void app_start_late(struct generation *g); /* its start has taken too long */

/* app_life.c */
void app_life_init(struct generation *g);
void app_go(struct generation *g, enum generation_state to); /* forward only: else nothing */
void app_within(struct generation *g, uint64_t us);          /* the present state's time */
void app_task_gone(struct generation *g);                    /* one of its tasks ended */

/* Begins a line about it; the same line. */
struct log_line *app_log(
	struct log_line *l, enum log_level level, const char *event, const struct generation *g);

/* app_bridge.c */
void app_task_done(struct task *t, bool failed); /* a sched_done_fn */
void app_describe(const struct task *t, struct watchdog_subject *out);
void app_drain_exchanges(struct generation *g); /* tells its streams that a drain began */
/* Its requests, which are answered for it, and background tasks; or every task that it has. */
void app_cancel(struct generation *g, bool all);

bool lua_boot_main(struct generation *g); /* loads core.boot, which gives task_main */
/*
 * The running task was answered ERR_AGAIN by the exchange. A request's own task needs no more; one
 * that it spawned is entered to be woken too.
 */
void app_wait_for(struct exchange *ex);

/* lua_fields.c: nil, "closed" for the world's refusals; a text to be raised for the application's.
 */
int lua_refused(struct lua_State *L, const struct exchange *ex, int rc);

/* Adds the table at an index as fields; 0, or as lua_refused. */
typedef int lua_field_fn(struct exchange *ex, struct span name, struct span value);
int lua_put_fields(struct lua_State *L, struct exchange *ex, int headers, lua_field_fn *add);

/* lua_exchange.c: sets the hot verbs in the table on the top. */
void lua_exchange_open(struct lua_State *L);

/* lua_task.c: sets the verbs that tasks are made of, for code that is not compiled. */
void lua_task_open(struct lua_State *L);

/* lua_socket.c: sets `socket`, a table of the verbs that can wait. */
void lua_socket_open(struct lua_State *L);

/* lua_job.c: sets the verbs of the thread pool. */
void lua_job_open(struct lua_State *L);

int lua_scope_headers(struct lua_State *L); /* lua_scope.c: (exchange) → the headers table */
int lua_scope_address(
	struct lua_State *L); /* (exchange, "client" | "server") → {host, port} or nil */

#endif
