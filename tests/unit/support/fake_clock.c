#include "fake_clock.h"

static uint64_t now;

static uint64_t source(void)
{
	return now;
}

void fake_clock_start(void)
{
	now = 10000 * CLOCK_SECOND;
	clock_set_source(source);
	clock_update();
}

void fake_clock_advance(uint64_t us)
{
	now += us;
	clock_update();
}

void fake_clock_stop(void)
{
	clock_set_source(NULL);
	clock_update();
}
