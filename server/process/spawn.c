#include "process/master_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/pulse.h"
#include "net/stats.h"
#include "process/channel.h"
#include "process/exits.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* There in a build with AddressSanitizer: _exit would pass its look for leaks by. */
void __lsan_do_leak_check(void) __attribute__((weak));

/* What a worker must not hold: it would keep a socket alive that is not its own. */
static void close_inherited(struct master *m, int slot)
{
	listeners_keep(&m->listeners, slot);
	control_sockets_keep(&m->control, slot);
	close(m->signal_fd);
	for (struct list *l = m->workers.next; l != &m->workers; l = l->next) {
		struct worker *w = container_of(l, struct worker, node);

		if (w->channel_fd >= 0)
			close(w->channel_fd);
	}
}

static void reset_signals(struct master *m)
{
	static const int ignored[] = {SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE};

	signal(SIGTERM, SIG_DFL);
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigprocmask(SIG_SETMASK, &m->old_mask, NULL);
}

/* The child's whole life. The master may have died before prctl: then nobody will tell us. */
static NORETURN void live(struct master *m, int slot, int channel_fd, struct pulse *p)
{
	struct worker_env env = {
		.index = slot,
		.round = m->round,
		.listen_fds = listeners_slot(&m->listeners, slot),
		.addrs = m->listeners.addrs,
		.listen_count = m->listeners.n,
		.control_fd = control_sockets_slot(&m->control, slot),
		.channel_fd = channel_fd,
		.pulse = p,
		.stats = &m->stats[slot],
	};
	int exit_code;

	close_inherited(m, slot);
	reset_signals(m);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != m->pid)
		_exit(EXIT_OK);
	exit_code = m->worker_main(m->o, &env);
	if (__lsan_do_leak_check != NULL)
		__lsan_do_leak_check();
	fflush(NULL);
	_exit(exit_code);
}

static struct worker *adopt(struct master *m, int slot, pid_t pid, int channel_fd, struct pulse *p)
{
	struct worker *w = mem_zalloc(sizeof(*w));

	w->pid = pid;
	w->slot = slot;
	w->state = WORKER_STARTING;
	w->channel_fd = channel_fd;
	w->started_us = clock_mono_us();
	w->kill_at_us = NEVER;
	w->pulse = p;
	w->look_at_us = NEVER;
	list_add(&m->workers, &w->node);
	return w;
}

struct worker *worker_spawn(struct master *m, int slot)
{
	int channel[2] = {-1, -1};
	struct pulse *p = pulse_map();
	pid_t pid = -1;

	fflush(NULL);
	if (p != NULL && channel_open(channel) == 0)
		pid = fork();
	if (pid == 0) {
		close(channel[0]);
		live(m, slot, channel[1], p);
	}
	if (pid < 0) {
		log_event(LOG_ERROR, "worker.fork_failed", "slot %d: %s", slot, strerror(errno));
		if (channel[0] >= 0) {
			close(channel[0]);
			close(channel[1]);
		}
		pulse_unmap(&p);
		return NULL;
	}
	close(channel[1]);
	return adopt(m, slot, pid, channel[0], p);
}
