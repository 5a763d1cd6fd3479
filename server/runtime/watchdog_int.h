#ifndef RUNTIME_WATCHDOG_INT_H
#define RUNTIME_WATCHDOG_INT_H

#include "runtime/watchdog.h"

/* Private to watchdog.c, which stops tasks and samples them, and watchdog_report.c. */

/* L: where it was stopped, a coroutine of the task's or its own. */
void watchdog_report_budget(struct lua_State *L, const struct task *t, const char *message);

void watchdog_report_stall(const struct task *t, const char *where, uint64_t took_us);
void watchdog_report_afresh(void); /* each place may be named once more */

void watchdog_answer(int signum); /* a signal handler: writes into the pulse */

#endif
