#ifndef PROCESS_MASTER_H
#define PROCESS_MASTER_H

#include "process/options.h"

struct pulse;
struct shared_stats;

/*
 * The master process: owns the listening sockets and the pid file, starts the workers and replaces
 * those that die. It serves nothing, runs no Lua and has no event library: one poll over
 * a signalfd, one socket for each worker (channel.h), and two kinds of deadline.
 *
 * Sockets: TCP, one SO_REUSEPORT socket for each worker slot and address (without SO_REUSEPORT
 * when there is one worker); unix, one socket shared by all. They stay open until the master
 * ends, so that what waits in a backlog is not lost with a worker.
 *
 * Boot: slot 0 starts first and the others follow when it is ready, so that an application that
 * does not start says so once. A worker that ends with EXIT_ENVIRONMENT, _USAGE or _APP before it
 * is ready stops the boot, and the master ends with that code.
 *
 * Death: logged and replaced, at once the first time, then after 0.1 s doubling to 5 s while the
 * slot's workers keep dying within 10 s of their start.
 *
 * Stuck: a worker that is ready and has not come back to its loop for --stall-kill is asked by
 * SIGUSR2 what it is doing, logged, killed and replaced.
 *
 * SIGHUP: the workers, one after the other, load the application anew, beside what serves. A
 * failure ends the reload, and the old code stays.
 *
 * SIGUSR2: slot by slot a new worker on the same sockets; when it is ready the old one gets
 * SIGTERM. A new one that fails ends the reload, and the old ones stay.
 *
 * However many of these come during boot or a reload, one more is done afterwards.
 *
 * SIGTERM, SIGINT: SIGTERM to all workers, SIGKILL to those left 1 s after drain-timeout; a second
 * signal (0.2 s later at least) is SIGKILL at once. The exit code is 0, or 1 when a worker was
 * killed or failed. SIGUSR1: the master opens its log again and tells the workers to.
 */

/*
 * What a worker is given. It starts with the signal mask that the master was started with, SIGTERM
 * at its default, and SIGINT, SIGHUP, SIGUSR1, SIGUSR2 and SIGPIPE ignored: the first two reach the
 * whole foreground process group of a terminal, but stopping and reloading are the master's to
 * order. It gets SIGTERM when the master dies.
 *
 * It must bear SIGTERM more than once and drain all the same: a service manager may signal every
 * process of the group, and the second signal is the master's to act on. It stops accepting by
 * closing its descriptors; shutdown(2) would end the sockets for all.
 */
struct worker_env {
	int index;                /* slot, 0.. */
	unsigned round;           /* counts reloads: 0 at boot */
	const int *listen_fds;    /* to accept from; borrowed */
	const struct addr *addrs; /* of each descriptor, ports filled in; borrowed */
	int listen_count;
	int control_fd;             /* of --control, to accept from; borrowed; -1: none */
	int channel_fd;             /* channel.h; borrowed; -1: nobody is there */
	struct pulse *pulse;        /* the worker's own, or NULL; borrowed */
	struct shared_stats *stats; /* this slot's block of the shared mapping, or NULL; borrowed */
};

/* Runs in the child; the result is its exit code. */
typedef int worker_main_fn(const struct options *o, const struct worker_env *env);

/* Returns the exit code (process/exits.h) when all is over. */
int master_run(const struct options *o, worker_main_fn *worker_main);

#endif
