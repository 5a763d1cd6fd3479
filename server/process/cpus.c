#include "process/cpus.h"

#include "base/base.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* The cgroup v2 quota in whole CPUs, rounded up; 0 when there is none. */
static int cpus_of_cgroup(void)
{
	FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
	long long quota, period;
	int cpus = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0)
		cpus = (int)((quota + period - 1) / period);
	fclose(f);
	return cpus;
}

int cpus_usable(void)
{
	cpu_set_t set;
	long cpus;
	int quota = cpus_of_cgroup();

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cpus = CPU_COUNT(&set);
	else
		cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (quota > 0)
		cpus = MIN(cpus, quota);
	return (int)MAX(cpus, 1);
}
