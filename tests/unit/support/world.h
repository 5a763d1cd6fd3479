#ifndef TESTS_SUPPORT_WORLD_H
#define TESTS_SUPPORT_WORLD_H

#include "http/limits.h"
#include "remote.h"

/*
 * A worker without sockets, Lua or time: the loop, a pool of connections, HTTP/1 and the scripted
 * application, under a clock that only the test moves. Each test opens it and ends with
 * world_close, which proves that nothing is left.
 */
struct world {
	struct loop loop;
	struct conn_pool pool;
	struct remote remotes[8];
	int remotes_n;
	long live_before;
	struct http_limits limits_before;
	size_t out_peak; /* the most bytes that one connection had queued at the end of a turn */
};

extern struct world world;

void world_open(void);
const char *world_close(void); /* NULL, or what was left over */

struct remote *world_remote(void); /* a new HTTP/1 connection */

void world_turn(void);        /* one tick */
void world_settle(void);      /* ticks until nothing moves */
void world_wait(uint64_t us); /* lets time pass, in small steps */
void world_drain(void);       /* the worker is asked to end */

#endif
