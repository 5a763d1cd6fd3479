#include "base/log_writer.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * Two halves: callers fill one while the thread writes the other; together they are the bound of
 * 1 MiB. Their pages are touched only as far as lines come.
 *
 * The first line after a quiet time is written at once. After each write the thread lingers, so
 * that a busy log costs its callers a hundred wake-ups a second and not one per line.
 */
#define HALF_BYTES   (512 * 1024)
#define LINGER_BYTES (HALF_BYTES / 4) /* this much ends the lingering */
#define LINGER_MS    10
#define STUCK_MS     1000 /* a non-blocking pipe that nobody reads that long is an error */

struct half {
	char *p; /* owned, HALF_BYTES */
	size_t n;
};

struct log_writer {
	char *path;      /* owned; NULL: the descriptor is the caller's */
	char *drop_line; /* owned; may be NULL */
	int fd; /* owned when there is a path; reopening puts another file behind the number */

	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;

	/* below the mutex */
	struct half fill;
	unsigned long long dropped; /* lines that found no room since the last swap */
	bool idle;                  /* the thread sleeps until told */
	bool closing;

	/* the thread's own */
	struct half drain;
	unsigned long long lost; /* lines dropped or not written, and not yet told */
	bool torn;               /* the file ends within a line */
};

static unsigned long long count_lines(const char *p, size_t n)
{
	unsigned long long lines = 0;

	for (const char *end = p + n; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		lines++;
	return lines;
}

/* The thread. */

static bool may_go_on(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};

	if (errno == EINTR)
		return true;
	return errno == EAGAIN && poll(&pfd, 1, STUCK_MS) > 0;
}

/* How many bytes were written: less than n when the file takes no more (ENOSPC). */
static size_t write_all(struct log_writer *w, const char *p, size_t n)
{
	size_t sum = 0;

	while (sum < n) {
		ssize_t done = write(w->fd, p + sum, n - sum);

		if (done > 0)
			sum += (size_t)done;
		else if (done == 0 || !may_go_on(w->fd))
			break;
	}
	if (sum > 0)
		w->torn = p[sum - 1] != '\n';
	return sum;
}

/* Whole or not at all as far as the reader can tell: a torn line is closed before the next. */
static bool write_lines(struct log_writer *w, const char *p, size_t n)
{
	size_t done = 0;

	if (!w->torn || write_all(w, "\n", 1) == 1)
		done = write_all(w, p, n);
	w->lost += count_lines(p + done, n - done);
	return done == n;
}

/* The format is the caller's, so its one %llu is replaced by hand rather than by printf. */
static void write_drop_line(struct log_writer *w)
{
	const char *mark = strstr(w->drop_line, "%llu");
	unsigned long long lost = w->lost;
	char *line;

	if (mark)
		line = mem_printf(
			"%.*s%llu%s", (int)(mark - w->drop_line), w->drop_line, lost, mark + 4);
	else
		line = mem_strdup(w->drop_line);
	w->lost = 0;
	if (!write_lines(w, line, strlen(line)))
		w->lost = lost;
	mem_free(line);
}

/* Sleeps until there is something to do; false when there is nothing left and it is time to go. */
static bool wait_for_lines(struct log_writer *w)
{
	while (w->fill.n == 0 && w->dropped == 0 && !w->closing) {
		w->idle = true;
		pthread_cond_wait(&w->cond, &w->mutex);
	}
	w->idle = false;
	return w->fill.n > 0 || w->dropped > 0;
}

static void linger(struct log_writer *w)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LINGER_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	while (!w->closing && w->fill.n < LINGER_BYTES)
		if (pthread_cond_timedwait(&w->cond, &w->mutex, &until) == ETIMEDOUT)
			return;
}

static void swap_halves(struct log_writer *w)
{
	struct half full = w->fill;

	w->fill = w->drain;
	w->fill.n = 0;
	w->drain = full;
	w->lost += w->dropped;
	w->dropped = 0;
}

static void *run(void *arg)
{
	struct log_writer *w = arg;

	pthread_mutex_lock(&w->mutex);
	while (wait_for_lines(w)) {
		swap_halves(w);
		pthread_mutex_unlock(&w->mutex);
		/* After an error the count waits for the next lines: no second try at once. */
		if (write_lines(w, w->drain.p, w->drain.n) && w->lost > 0 && w->drop_line)
			write_drop_line(w);
		pthread_mutex_lock(&w->mutex);
		linger(w);
	}
	pthread_mutex_unlock(&w->mutex);
	if (w->lost > 0 && w->drop_line)
		write_drop_line(w); /* the last chance */
	return NULL;
}

/* The callers. */

static int open_path(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
}

/* The thread inherits the mask of its maker: signals are for the loop. */
static int start_thread(struct log_writer *w)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

static void init_locks(struct log_writer *w)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&w->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->cond, &attr);
	pthread_condattr_destroy(&attr);
}

/* Of a writer whose thread does not run (any more). */
static void destroy(struct log_writer *w)
{
	if (w->path && w->fd >= 0)
		close(w->fd);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->mutex);
	mem_free(w->fill.p);
	mem_free(w->drain.p);
	mem_free(w->path);
	mem_free(w->drop_line);
	mem_free(w);
}

static char *end_with_newline(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && s[n - 1] == '\n' ? mem_strdup(s) : mem_printf("%s\n", s);
}

struct log_writer *log_writer_open(const char *path, int fd, const char *drop_line)
{
	struct log_writer *w = mem_zalloc(sizeof(*w));
	int err;

	init_locks(w);
	w->path = strcmp(path, "-") == 0 ? NULL : mem_strdup(path);
	w->drop_line = drop_line ? end_with_newline(drop_line) : NULL;
	w->fill.p = mem_alloc(HALF_BYTES);
	w->drain.p = mem_alloc(HALF_BYTES);
	w->fd = w->path ? open_path(path) : fd;
	if (w->fd < 0) {
		err = w->path ? errno : EBADF;
		goto fail;
	}
	err = start_thread(w);
	if (err)
		goto fail;
	return w;
fail:
	destroy(w);
	errno = err;
	return NULL;
}

void log_writer_close(struct log_writer **wp)
{
	struct log_writer *w = *wp;

	*wp = NULL;
	if (!w)
		return;
	pthread_mutex_lock(&w->mutex);
	w->closing = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(w->thread, NULL);
	destroy(w);
}

void log_writer_write(void *writer, const char *bytes, size_t n)
{
	struct log_writer *w = writer;
	size_t before;
	bool wake;

	pthread_mutex_lock(&w->mutex);
	before = w->fill.n;
	if (LIKELY(n <= HALF_BYTES - before)) {
		memcpy(w->fill.p + before, bytes, n);
		w->fill.n += n;
	} else {
		w->dropped += count_lines(bytes, n);
	}
	wake = w->idle || (before < LINGER_BYTES && w->fill.n >= LINGER_BYTES);
	w->idle = false; /* one signal is enough */
	pthread_mutex_unlock(&w->mutex);
	if (wake)
		pthread_cond_signal(&w->cond);
}

/*
 * dup3 puts the new file behind the number that the thread writes to, in one step; a write under
 * way ends in the old file, which is closed by its end.
 */
int log_writer_reopen(struct log_writer *w)
{
	int fd, result, err;

	if (!w->path)
		return 0;
	fd = open_path(w->path);
	if (fd < 0)
		return -1;
	result = dup3(fd, w->fd, O_CLOEXEC);
	err = errno;
	close(fd);
	errno = err;
	return result < 0 ? -1 : 0;
}
