#ifndef NET_STATS_H
#define NET_STATS_H

#include "base/base.h"

#include <stdatomic.h>

/*
 * What one worker slot did, one counter for each row of stats.tbl.h, in memory that the master
 * shares with its workers: the mapping is made before the fork and outlives each worker. During a
 * reload the old and the new worker of a slot count into the same block, hence atomics; relaxed
 * order is enough, these are figures. A gauge (…_now) of a worker that was killed stays too high.
 *
 * A process that was given no block (tests, check) counts into a private one.
 */
struct shared_stats {
	_Alignas(64) /* no cache line is shared with the next slot; applies to the first row */
#define STAT(name, what) _Atomic int64_t name;
#include "net/stats.tbl.h"
#undef STAT
};

extern struct shared_stats *stats; /* borrowed; where this process counts, never NULL */

void stats_use(struct shared_stats *s); /* NULL: the private block */

#define STATS_ADD(name, n) atomic_fetch_add_explicit(&stats->name, (n), memory_order_relaxed)
#define STATS_GET(name)    atomic_load_explicit(&stats->name, memory_order_relaxed)

/* By one thread of the process only: another worker's larger figure may be lost. */
#define STATS_MAX(name, value)                                                                     \
	do {                                                                                       \
		if ((value) > STATS_GET(name))                                                     \
			atomic_store_explicit(&stats->name, (value), memory_order_relaxed);        \
	} while (0)

#endif
