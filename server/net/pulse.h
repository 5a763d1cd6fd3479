#ifndef NET_PULSE_H
#define NET_PULSE_H

#include "base/base.h"

#include <stdatomic.h>

/*
 * The heartbeat of one worker process, in memory that it shares with its master: a mapping made
 * before the fork and freed when the worker was waited for. The loop beats once a tick, after the
 * poll, and marks when it goes into the poll: who is in there is idle, not stuck.
 *
 * A worker whose last beat is long ago is asked, by SIGUSR2, what it is doing. Its handler
 * (runtime/watchdog.c) writes that into `serving`, so that nothing is written per request.
 *
 * A process that was given none (tests, check) beats into a private one.
 */
struct pulse {
	_Atomic uint64_t beat_us; /* clock_mono_us of the last return from poll */
	_Atomic bool polling;     /* in the poll, before the first one, or after the last */
	_Atomic bool answered;    /* `serving` is complete */
	char serving[512];        /* "GET /path at app.lua:12"; the worker's, until `answered` */
};

extern struct pulse *pulse; /* borrowed; never NULL */

void pulse_use(struct pulse *p); /* NULL: the private one */

/* For the master: NULL when there is no memory. */
struct pulse *pulse_map(void);
void pulse_unmap(struct pulse **p);

static inline void pulse_beat(uint64_t now_us)
{
	atomic_store_explicit(&pulse->beat_us, now_us, memory_order_relaxed);
	atomic_store_explicit(&pulse->polling, false, memory_order_release);
}

static inline void pulse_rest(void)
{
	atomic_store_explicit(&pulse->polling, true, memory_order_relaxed);
}

/* The master's question. How long the worker has been in its tick; 0 while it is idle. */
static inline uint64_t pulse_age_us(const struct pulse *p, uint64_t now_us)
{
	uint64_t beat_us;

	if (atomic_load_explicit(&p->polling, memory_order_acquire))
		return 0;
	beat_us = atomic_load_explicit(&p->beat_us, memory_order_relaxed);
	return now_us > beat_us ? now_us - beat_us : 0;
}

#endif
