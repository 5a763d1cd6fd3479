#include "process/master_int.h"

#include "base/ansi.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "net/stats.h"
#include "process/exits.h"
#include "process/log_file.h"
#include "process/pid_file.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the human who started us wants to know, once. */
void master_serve(struct master *m)
{
	char where[1024];

	m->state = MASTER_SERVING;
	if (!m->o->quiet)
		fprintf(stderr, "moonloop %s serving %s on %s (%d worker%s, pid %ld)\n",
			MOONLOOP_VERSION, m->o->app != NULL ? m->o->app : "-",
			listeners_print(&m->listeners, where, sizeof(where)), m->o->workers,
			m->o->workers == 1 ? "" : "s", (long)m->pid);
	reload_if_wanted(m);
}

void master_stop(struct master *m, int exit_code)
{
	ENSURE(m->state != MASTER_STOPPING);
	m->state = MASTER_STOPPING;
	m->exit_code = exit_code;
	for (int i = 0; i < m->o->workers; i++)
		m->slots[i].respawn_at_us = NEVER;
	for (struct list *l = m->workers.next; l != &m->workers; l = l->next)
		worker_stop(m, container_of(l, struct worker, node));
}

static void signal_all(struct master *m, int signum)
{
	for (struct list *l = m->workers.next; l != &m->workers; l = l->next)
		kill(container_of(l, struct worker, node)->pid, signum);
}

/*
 * timeout(1) and some service managers signal the process and then its whole group, so that one
 * wish arrives twice within a moment: not the impatience that a second signal stands for.
 */
static void end(struct master *m, int signum)
{
	if (m->state != MASTER_STOPPING) {
		log_event(LOG_INFO, "master.stopping", "SIG%s", sigabbrev_np(signum));
		m->stop_at_us = clock_mono_us();
		master_stop(m, EXIT_OK);
	} else if (clock_mono_us() - m->stop_at_us >= SIGNAL_ECHO_US) {
		log_event(
			LOG_WARN, "master.killing", "a second signal, SIG%s", sigabbrev_np(signum));
		signal_all(m, SIGKILL);
	}
}

static void reap(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		worker_exited(m, pid, status);
}

static void handle_signal(struct master *m, int signum)
{
	switch (signum) {
	case SIGCHLD:
		reap(m);
		break;
	case SIGHUP:
		reload_request(m, RELOAD_APP);
		break;
	case SIGUSR2:
		reload_request(m, RELOAD_WORKERS);
		break;
	case SIGUSR1:
		log_file_reopen(m->o->log);
		signal_all(m, SIGUSR1);
		break;
	default:
		end(m, signum);
		break;
	}
}

static void read_signals(struct master *m)
{
	struct signalfd_siginfo info;

	while (read(m->signal_fd, &info, sizeof(info)) == sizeof(info))
		handle_signal(m, (int)info.ssi_signo);
}

/* Milliseconds until the next deadline, rounded up so that it has passed then. */
static int poll_timeout(const struct master *m)
{
	uint64_t deadline = slots_deadline(m), now = clock_mono_us();

	if (deadline == NEVER)
		return -1;
	if (deadline <= now)
		return 0;
	return (int)MIN((deadline - now + 999) / 1000, 1000000);
}

static void wait_for_news(struct master *m)
{
	nfds_t n = 0;

	m->polls[n++] = (struct pollfd){.fd = m->signal_fd, .events = POLLIN};
	for (struct list *l = m->workers.next; l != &m->workers; l = l->next) {
		struct worker *w = container_of(l, struct worker, node);

		if (w->state != WORKER_STOPPING && w->channel_fd >= 0)
			m->polls[n++] = (struct pollfd){.fd = w->channel_fd, .events = POLLIN};
	}
	/* Who has news is found by looking everywhere: there are few, and seldom any. */
	if (poll(m->polls, n, poll_timeout(m)) < 0)
		ENSURE(errno == EINTR || errno == ENOMEM);
}

static void run(struct master *m)
{
	slots_boot(m);
	while (m->state != MASTER_STOPPING || !list_empty(&m->workers)) {
		slots_tick(m);
		wait_for_news(m);
		slots_poll(m);
		read_signals(m);
	}
}

/* Workers hold a descriptor for each connection. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_event(LOG_WARN, "master.file_limit", "%s", strerror(errno));
}

static int open_signals(struct master *m, char *err, size_t cap)
{
	static const int watched[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD};
	sigset_t set;

	/* An ignored SIGCHLD, inherited, would take the exit statuses away. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		sigaddset(&set, watched[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	m->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (m->signal_fd >= 0)
		return 0;
	snprintf(err, cap, "cannot watch signals: %s", strerror(errno));
	return -1;
}

static size_t stats_bytes(const struct master *m)
{
	return sizeof(*m->stats) * (size_t)m->o->workers;
}

static int open_stats(struct master *m, char *err, size_t cap)
{
	void *p = mmap(
		NULL, stats_bytes(m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		snprintf(err, cap, "cannot map the counters: %s", strerror(errno));
		return -1;
	}
	m->stats = p;
	return 0;
}

/* On failure a part is open; master_close takes that too. */
static int master_open(struct master *m, char *err, size_t cap)
{
	raise_file_limit();
	log_set_level((enum log_level)m->o->log_level);
	log_set_format((enum log_format)m->o->log_format);
	ansi_set(strcmp(m->o->log, "-") == 0 && ansi_wanted(STDERR_FILENO));
	sigprocmask(SIG_BLOCK, NULL, &m->old_mask);
	slots_init(m);
	m->polls = mem_alloc(sizeof(*m->polls) * (size_t)(1 + 2 * m->o->workers));
	if (log_file_open(m->o->log, err, cap) != 0 ||
		listeners_open(&m->listeners, m->o, err, cap) != 0 ||
		control_sockets_open(&m->control, m->o, err, cap) != 0 ||
		pid_file_write(m->o->pid_file, err, cap) != 0 || open_stats(m, err, cap) != 0)
		return -1;
	return open_signals(m, err, cap);
}

static void master_close(struct master *m)
{
	if (m->signal_fd >= 0)
		close(m->signal_fd);
	sigprocmask(SIG_SETMASK, &m->old_mask, NULL);
	if (m->stats != NULL)
		munmap(m->stats, stats_bytes(m));
	pid_file_remove(m->o->pid_file);
	control_sockets_close(&m->control);
	listeners_close(&m->listeners);
	log_file_close();
	mem_free(m->polls);
	slots_fini(m);
}

int master_run(const struct options *o, worker_main_fn *worker_main)
{
	struct master m = {.o = o, .worker_main = worker_main, .pid = getpid(), .signal_fd = -1};
	char err[512];

	if (master_open(&m, err, sizeof(err)) == 0) {
		run(&m);
	} else {
		fprintf(stderr, "moonloop: %s\n", err);
		m.exit_code = EXIT_ENVIRONMENT;
	}
	master_close(&m);
	return m.exit_code;
}
