#ifndef TESTS_SUPPORT_APP_H
#define TESTS_SUPPORT_APP_H

#include "base/buf.h"
#include "http/exchange.h"

/*
 * An application written in C: the path of a request chooses one of the small behaviours in
 * app.c. Each runs as a task that takes a step when it is made runnable, like a coroutine would,
 * and like one it is the last to let go of its exchange.
 */
struct app_seen {
	unsigned opened; /* requests handed over */
	bool refuse;     /* answers 500 at once, as when there can be no further task */
	unsigned live;   /* tasks not yet ended */
	unsigned failed; /* tasks that ended by failing */
	unsigned hints;  /* EXCHANGE_DRAIN told */
	int gone;        /* enum gone_why of the last exchange that went */
	int error;       /* the last error code that a call answered, ERR_AGAIN apart */
	uint64_t took;   /* body bytes read */
	size_t in_peak;  /* the most body bytes that one exchange held */
	struct buf log;  /* "METHOD target\n" of each request */
};

extern struct app_seen app_seen;
extern const struct app_port app_port;

void app_setup(struct loop *loop); /* becomes the runner of the loop */
void app_teardown(void);

void app_go(void); /* what waits for the test goes on */
bool app_runnable(void);

#endif
