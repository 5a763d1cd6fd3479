#include "world.h"

#include "app.h"
#include "base/log.h"
#include "base/mem.h"
#include "fake_clock.h"
#include "http/exchange.h"
#include "http/h1.h"

/* More turns than any test needs: who gets here moves in circles. */
#define TURNS_MAX 4000000

#define WAIT_STEP_US (CLOCK_SECOND / 20)

struct world world;

static void drop_log(void *arg, const char *bytes, size_t n)
{
}

void world_open(void)
{
	arena_drop_cache();
	chunkq_drop_cache();
	world.live_before = mem_live();
	world.limits_before = http_limits;
	world.remotes_n = 0;
	world.out_peak = 0;
	log_set_sink(drop_log, NULL);
	fake_clock_start();
	loop_init(&world.loop);
	conn_pool_init(&world.pool, &world.loop);
	h1_setup();
	app_setup(&world.loop);
	exchange_setup(&world.loop, &app_port);
}

const char *world_close(void)
{
	const char *left = NULL;

	conn_pool_close_all(&world.pool, CLOSE_DRAIN);
	world_settle();
	for (int i = 0; i < world.remotes_n; i++)
		remote_fini(&world.remotes[i]);
	if (world.pool.count != 0)
		left = "a connection";
	else if (exchange_live() != 0)
		left = "an exchange";
	else if (app_seen.live != 0)
		left = "a task of the application";
	if (left != NULL)
		return left;
	app_teardown();
	exchange_teardown();
	h1_teardown();
	conn_pool_fini(&world.pool);
	loop_fini(&world.loop);
	http_limits = world.limits_before;
	fake_clock_stop();
	log_set_sink(NULL, NULL);
	arena_drop_cache();
	chunkq_drop_cache();
	return mem_live() == world.live_before ? NULL : "memory";
}

struct remote *world_remote(void)
{
	struct remote *p = &world.remotes[world.remotes_n++];

	ENSURE(world.remotes_n <= (int)ARRAY_LEN(world.remotes));
	world.pool.high_water = http_limits.high_water;
	remote_open(p, &world.pool, h1_accept);
	return p;
}

void world_turn(void)
{
	for (int i = 0; i < world.remotes_n; i++)
		remote_poll(&world.remotes[i]);
	loop_turn(&world.loop);
	for (int i = 0; i < world.remotes_n; i++)
		if (!world.remotes[i].closed)
			world.out_peak = MAX(world.out_peak, world.remotes[i].conn->out.total);
}

static bool moving(void)
{
	for (int i = 0; i < world.remotes_n; i++)
		if (remote_ready(&world.remotes[i]))
			return true;
	return app_runnable() || !list_empty(&world.loop.feed) || !list_empty(&world.loop.flush) ||
	       !list_empty(&world.loop.reap);
}

void world_settle(void)
{
	int turns = 0;

	while (moving()) {
		world_turn();
		ENSURE(++turns < TURNS_MAX);
	}
}

void world_wait(uint64_t us)
{
	world_settle();
	while (us > 0) {
		uint64_t step = MIN(us, WAIT_STEP_US);

		fake_clock_advance(step);
		us -= step;
		world_turn();
		world_settle();
	}
}

void world_drain(void)
{
	h1_set_draining(true);
	conn_pool_drain(&world.pool);
	world_settle();
}
