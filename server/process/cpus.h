#ifndef PROCESS_CPUS_H
#define PROCESS_CPUS_H

/*
 * How many CPUs this process can really use, for --workers auto: those of its affinity mask, cut
 * down to the quota of its control group, since a container with two CPUs' worth of time sees all
 * of the machine's. At least 1.
 */
int cpus_usable(void);

#endif
