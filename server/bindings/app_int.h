#ifndef BINDINGS_APP_INT_H
#define BINDINGS_APP_INT_H

#include "base/span.h"
#include "bindings/app.h"

/* Private to bindings/. */
struct exchange;
struct lua_State;

struct app {
	struct app_config config;
	struct lua_State *L; /* owned */
	uint64_t started_us;
	int tool_code;
	unsigned tasks; /* requests, spawned and background tasks alive: not the lifespan's */
};

extern struct app app;

bool lua_boot_main(struct lua_State *L); /* loads core.boot, hands task_main to the scheduler */
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

int lua_scope_headers(struct lua_State *L); /* lua_scope.c: (exchange) → the headers table */
int lua_scope_address(
	struct lua_State *L); /* (exchange, "client" | "server") → {host, port} or nil */

#endif
