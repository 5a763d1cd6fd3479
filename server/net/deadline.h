#ifndef NET_DEADLINE_H
#define NET_DEADLINE_H

#include "base/base.h"

/*
 * Thousands of points in time over one libev timer. A deadline is embedded in its owner (a
 * connection, a sleeping task); the heap below holds a key and a pointer to it.
 *
 * Moving a deadline later, which a keep-alive connection does at each request, only stores the
 * new time: the heap finds out when the old key comes up. Moving it earlier sifts.
 *
 * Times are those of clock_now_us. Callbacks run in the feed phase.
 */
struct deadline {
	uint64_t at_us;                 /* 0: not armed */
	uint32_t pos;                   /* place in the heap + 1; 0: in no heap */
	void (*fn)(struct deadline *d); /* set by deadline_init */
};

struct deadlines {
	struct deadline_entry *heap; /* owned */
	uint32_t n, cap;
};

void deadlines_init(struct deadlines *ds);
void deadlines_fini(struct deadlines *ds);

void deadline_init(struct deadline *d, void (*fn)(struct deadline *d));
void deadline_set_slow(struct deadlines *ds, struct deadline *d, uint64_t at_us);

/* Arms or moves it; at_us > 0. */
static inline void deadline_set(struct deadlines *ds, struct deadline *d, uint64_t at_us)
{
	if (LIKELY(d->pos != 0 && at_us >= d->at_us && d->at_us != 0))
		d->at_us = at_us;
	else
		deadline_set_slow(ds, d, at_us);
}

/* Disarms it; cheap, the heap drops it later. The memory must stay until deadline_remove. */
static inline void deadline_clear(struct deadline *d)
{
	d->at_us = 0;
}

static inline bool deadline_armed(const struct deadline *d)
{
	return d->at_us != 0;
}

/* Disarms it and takes it out of the heap: before its owner is freed. */
void deadline_remove(struct deadlines *ds, struct deadline *d);

/* Calls what is due at now_us; each is disarmed before its callback. */
void deadlines_run(struct deadlines *ds, uint64_t now_us);

/* When deadlines_run should next be called, 0 = never. May be earlier than the first real one. */
uint64_t deadlines_next(const struct deadlines *ds);

#endif
