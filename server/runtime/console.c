#include "runtime/console.h"

#include "base/err.h"
#include "net/fd_watch.h"
#include "runtime/sched.h"
#include "runtime/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct {
	struct loop *loop; /* borrowed; NULL: not set up */
	struct fd_watch input, interrupts;
	double reader, listener; /* tasks that are woken; 0: nobody */
	volatile double job;
	int event_fd; /* owned; counts interruptions; -1: not open */
	struct sigaction old;
	char bytes[4096];
} console = {.event_fd = -1};

static void wake(double *id)
{
	struct task *t = task_find(*id);

	*id = 0;
	if (t != NULL)
		task_wake(t);
}

/* Feed phase. */
static void on_input(struct fd_watch *w)
{
	wake(&console.reader);
}

/* Feed phase. */
static void on_interrupt(struct fd_watch *w)
{
	wake(&console.listener);
}

static void on_sigint(int signum)
{
	int saved = errno;
	struct task *t = sched_current();
	uint64_t one = 1;

	if (t != NULL && console.job != 0 && task_id(t) == console.job)
		watchdog_interrupt(t);
	if (write(console.event_fd, &one, sizeof(one)) < 0)
		errno = saved; /* it counts too many already */
	errno = saved;
}

bool console_open(void)
{
	struct sigaction ours = {.sa_handler = on_sigint, .sa_flags = SA_RESTART};

	ENSURE(console.loop != NULL);
	if (console.event_fd < 0) {
		console.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		ENSURE(console.event_fd >= 0);
		fd_watch_init(&console.interrupts, console.event_fd, on_interrupt);
		fd_watch_init(&console.input, STDIN_FILENO, on_input);
		ENSURE(sigaction(SIGINT, &ours, &console.old) == 0);
	}
	return isatty(STDIN_FILENO);
}

int console_wait(double task)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	if (poll(&p, 1, 0) != 0)
		return 0;
	console.reader = task;
	fd_watch_start(console.loop, &console.input);
	return ERR_AGAIN;
}

int console_read(struct span *out_r)
{
	ssize_t n = read(STDIN_FILENO, console.bytes, sizeof(console.bytes));

	*out_r = (struct span){console.bytes, n > 0 ? (size_t)n : 0};
	return n < 0 ? err_from_errno(errno) : 0;
}

void console_job(double task)
{
	console.job = task;
}

int console_interrupted(double task)
{
	uint64_t count;

	if (console.event_fd < 0)
		return ERR_GONE;
	if (read(console.event_fd, &count, sizeof(count)) == sizeof(count))
		return 0;
	console.listener = task;
	fd_watch_start(console.loop, &console.interrupts);
	return ERR_AGAIN;
}

void console_setup(struct loop *loop)
{
	console.loop = loop;
}

void console_teardown(void)
{
	if (console.event_fd >= 0) {
		ENSURE(sigaction(SIGINT, &console.old, NULL) == 0);
		fd_watch_stop(console.loop, &console.input);
		fd_watch_stop(console.loop, &console.interrupts);
		close(console.event_fd);
		console.event_fd = -1;
	}
	console.loop = NULL;
	console.reader = console.listener = console.job = 0;
}
