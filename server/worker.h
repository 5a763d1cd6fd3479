#ifndef WORKER_H
#define WORKER_H

#include "process/master.h"

/*
 * One worker process: joins the loop, the protocols, the Lua runtime and the bindings, serves from
 * the sockets of its slot, loads the application anew when the master says so, and drains on
 * SIGTERM. With main.c the only code that knows everybody. Exit codes are those of process/exits.h.
 */

/* A worker_main_fn: serves until SIGTERM; runs in the child. */
int worker_main(const struct options *o, const struct worker_env *env);

/* Loads the application and runs its lifespan once, without listening; runs in the first process.
 */
int worker_check(const struct options *o);

/* Runs moonloop.tools.NAME, without listening; its answer is the exit code. */
int worker_tool(const struct options *o, const char *name, char *const *words, int words_n);

#endif
