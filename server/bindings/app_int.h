#ifndef BINDINGS_APP_INT_H
#define BINDINGS_APP_INT_H

#include "bindings/app.h"

/* Private to bindings/. */
struct lua_State;

struct app {
	struct app_config config;
	struct lua_State *L; /* owned */
	uint64_t started_us;
	unsigned tasks; /* requests, spawned and background tasks alive: not the lifespan's */
};

extern struct app app;

bool lua_boot_main(struct lua_State *L);  /* loads core.boot, hands task_main to the scheduler */
/* lua_exchange.c: sets the hot verbs in the table on the top. */
void lua_exchange_open(struct lua_State *L);

int lua_scope_headers(struct lua_State *L); /* lua_scope.c: (exchange) → the headers table */
int lua_scope_address(struct lua_State *L); /* (exchange, "client" | "server") → {host, port} or nil */

#endif
