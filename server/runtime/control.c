#include "runtime/control.h"

#include "base/err.h"
#include "base/log.h"
#include "net/fd_watch.h"
#include "runtime/files.h"
#include "runtime/task.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
	struct loop *loop; /* borrowed */
	int fd;            /* owned; -1: none */
	struct fd_watch ready;
	double task; /* who is woken; 0: nobody */
} control = {.fd = -1};

static void wake(void)
{
	struct task *t = task_find(control.task);

	control.task = 0;
	if (t != NULL)
		task_wake(t);
}

/* Feed phase. */
static void on_ready(struct fd_watch *ready)
{
	wake();
}

/* The file's mode says it, too; but a directory may be shared, and root may change modes. */
static bool may(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	log_event(LOG_WARN, "control.refused", "user %u", (unsigned)peer.uid);
	return false;
}

static double add_file(int fd)
{
	const struct open_file f = {.fd = fd};
	double id = files_add(&f);

	return id != 0 ? id : ERR_QUEUE_FULL;
}

double control_accept(double task)
{
	int fd;

	if (control.fd < 0)
		return ERR_GONE;
	while ((fd = accept4(control.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (may(fd))
			return add_file(fd);
		close(fd);
	}
	if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		return err_from_errno(errno);
	control.task = task;
	fd_watch_start(control.loop, &control.ready);
	return ERR_AGAIN;
}

double control_connect(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, saved;

	if (strlen(path) >= sizeof(to.sun_path))
		return ERR_INVALID;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_from_errno(errno);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return add_file(fd);
	saved = errno;
	close(fd);
	return saved == ECONNREFUSED ? ERR_CLOSED : err_from_errno(saved);
}

void control_stop(void)
{
	if (control.fd < 0)
		return;
	fd_watch_stop(control.loop, &control.ready);
	close(control.fd);
	control.fd = -1;
	wake();
}

void control_setup(struct loop *loop, int listen_fd)
{
	control.loop = loop;
	control.fd = listen_fd;
	if (listen_fd >= 0)
		fd_watch_init(&control.ready, listen_fd, on_ready);
}

void control_teardown(void)
{
	control_stop();
	control.loop = NULL;
	control.task = 0;
}
