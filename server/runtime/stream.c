#include "runtime/stream.h"

#include "base/err.h"
#include "base/slab.h"
#include "net/fd_watch.h"
#include "runtime/files.h"
#include "runtime/task.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_BYTES 65536

struct stream {
	struct fd_watch ready;
	int fd;      /* owned; non-blocking if a pipe */
	double task; /* who is woken; 0: nobody */
	bool ended;  /* a process that was waited for */
	int status, signalled;
};

static struct {
	struct loop *loop; /* borrowed; NULL: not set up */
	struct slab slab;
	char bytes[READ_BYTES];
} streams;

/* Feed phase. */
static void on_ready(struct fd_watch *ready)
{
	struct stream *s = container_of(ready, struct stream, ready);
	struct task *t = task_find(s->task);

	s->task = 0;
	if (t)
		task_wake(t);
}

static struct stream *find(double id)
{
	return streams.loop ? slab_find(&streams.slab, id) : NULL;
}

double stream_open(double file)
{
	struct stream *s;
	int fd;

	if (!streams.loop)
		return ERR_SHUTDOWN;
	fd = files_duplicate(file);
	if (fd < 0)
		return fd;
	s = slab_alloc(&streams.slab);
	if (!s) {
		close(fd);
		return ERR_QUEUE_FULL;
	}
	*s = (struct stream){.fd = fd};
	fd_watch_init(&s->ready, fd, on_ready);
	return slab_id(s);
}

static int wait_to_read(struct stream *s, double task)
{
	s->task = task;
	fd_watch_start(streams.loop, &s->ready);
	return ERR_AGAIN;
}

int stream_read(double id, double task, struct span *out_r)
{
	struct stream *s = find(id);
	ssize_t n;

	*out_r = (struct span){streams.bytes, 0};
	if (!s)
		return ERR_GONE;
	n = read(s->fd, streams.bytes, sizeof(streams.bytes));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return wait_to_read(s, task);
	if (n < 0)
		return err_from_errno(errno);
	out_r->n = (size_t)n;
	return 0;
}

double stream_write(double id, double task, struct span bytes)
{
	struct stream *s = find(id);
	ssize_t n;

	if (!s)
		return ERR_GONE;
	n = write(s->fd, bytes.p, bytes.n);
	if (n >= 0)
		return (double)n;
	if (errno == EPIPE)
		return ERR_CLOSED;
	if (errno != EAGAIN && errno != EINTR)
		return err_from_errno(errno);
	s->task = task;
	fd_watch_start_write(streams.loop, &s->ready);
	return ERR_AGAIN;
}

int stream_exit(double id, double task, int *signalled_r)
{
	struct stream *s = find(id);
	siginfo_t info = {0};

	*signalled_r = 0;
	if (!s)
		return ERR_GONE;
	if (!s->ended) {
		if (waitid((idtype_t)P_PIDFD, (id_t)s->fd, &info, WEXITED | WNOHANG) != 0)
			return err_from_errno(errno);
		if (info.si_pid == 0)
			return wait_to_read(s, task);
		s->ended = true;
		s->status = info.si_status;
		s->signalled = info.si_code != CLD_EXITED;
	}
	*signalled_r = s->signalled;
	return s->status;
}

int stream_kill(double id, int signal)
{
	const struct stream *s = find(id);

	if (!s)
		return ERR_GONE;
	if (syscall(SYS_pidfd_send_signal, s->fd, signal, NULL, 0) != 0 && errno != ESRCH)
		return err_from_errno(errno);
	return 0;
}

static void close_one(void *object, void *arg)
{
	struct stream *s = object;
	struct task *t = task_find(s->task);

	fd_watch_stop(streams.loop, &s->ready);
	close(s->fd);
	slab_free(&streams.slab, s);
	if (t)
		task_wake(t);
}

void stream_close(double id)
{
	struct stream *s = find(id);

	if (s)
		close_one(s, NULL);
}

unsigned stream_live(void)
{
	return streams.slab.live;
}

void stream_setup(struct loop *loop)
{
	ENSURE(!streams.loop);
	streams.loop = loop;
	slab_init(&streams.slab, "stream", sizeof(struct stream));
}

void stream_teardown(void)
{
	if (!streams.loop)
		return;
	slab_each(&streams.slab, close_one, NULL);
	slab_fini(&streams.slab);
	streams.loop = NULL;
}
