#include "runtime/watch.h"

#include "base/err.h"
#include "base/slab.h"
#include "net/fd_watch.h"
#include "runtime/files.h"
#include "runtime/task.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* A few events: the kernel's queue is the queue. */
#define EVENT_BYTES (4 * (sizeof(struct inotify_event) + NAME_MAX + 1))

struct watch {
	struct fd_watch ready;
	int fd;      /* owned */
	double task; /* who is woken; 0: nobody */
	unsigned from, n;
	char events[EVENT_BYTES] __attribute__((aligned(8)));
};

static struct {
	struct loop *loop; /* borrowed; NULL: not set up */
	struct slab slab;
} watches;

/* Feed phase. */
static void on_ready(struct fd_watch *ready)
{
	struct watch *w = container_of(ready, struct watch, ready);
	struct task *t = task_find(w->task);

	w->task = 0;
	if (t)
		task_wake(t);
}

double watch_open(double file)
{
	struct watch *w;
	int fd;

	if (!watches.loop)
		return ERR_SHUTDOWN;
	fd = files_duplicate(file);
	if (fd < 0)
		return fd;
	w = slab_alloc(&watches.slab);
	if (!w) {
		close(fd);
		return ERR_QUEUE_FULL;
	}
	w->fd = fd;
	w->task = 0;
	w->from = w->n = 0;
	fd_watch_init(&w->ready, fd, on_ready);
	return slab_id(w);
}

static void take_event(struct watch *w, struct watch_event *e_r)
{
	struct inotify_event e;
	const char *name = w->events + w->from + sizeof(e);

	memcpy(&e, w->events + w->from, sizeof(e));
	w->from += (unsigned)sizeof(e) + e.len;
	*e_r = (struct watch_event){e.wd, e.mask, {name, strnlen(name, e.len)}};
}

int watch_next(double id, double task, struct watch_event *e_r)
{
	struct watch *w = watches.loop ? slab_find(&watches.slab, id) : NULL;
	ssize_t n;

	*e_r = (struct watch_event){0};
	if (!w)
		return ERR_GONE;
	if (w->from == w->n) {
		n = read(w->fd, w->events, sizeof(w->events));
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			w->task = task;
			fd_watch_start(watches.loop, &w->ready);
			return ERR_AGAIN;
		}
		if (n <= 0)
			return ERR_IO;
		w->from = 0;
		w->n = (unsigned)n;
	}
	take_event(w, e_r);
	return 0;
}

static void close_one(void *object, void *arg)
{
	struct watch *w = object;
	struct task *t = task_find(w->task);

	fd_watch_stop(watches.loop, &w->ready);
	close(w->fd);
	slab_free(&watches.slab, w);
	if (t)
		task_wake(t);
}

void watch_close(double id)
{
	struct watch *w = watches.loop ? slab_find(&watches.slab, id) : NULL;

	if (w)
		close_one(w, NULL);
}

unsigned watch_live(void)
{
	return watches.slab.live;
}

void watch_setup(struct loop *loop)
{
	ENSURE(!watches.loop);
	watches.loop = loop;
	slab_init(&watches.slab, "watch", sizeof(struct watch));
}

void watch_teardown(void)
{
	if (!watches.loop)
		return;
	slab_each(&watches.slab, close_one, NULL);
	slab_fini(&watches.slab);
	watches.loop = NULL;
}
