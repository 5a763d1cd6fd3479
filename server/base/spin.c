#include "base/spin.h"

#include <sched.h>

bool spin_pays(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}
