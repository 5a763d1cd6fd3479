#include "net/stats.h"

static struct shared_stats private_stats;

struct shared_stats *stats = &private_stats;

void stats_use(struct shared_stats *s)
{
	stats = s != NULL ? s : &private_stats;
}
