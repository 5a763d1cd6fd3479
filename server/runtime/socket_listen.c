#include "runtime/socket_int.h"

#include "base/mem.h"
#include "net/listen.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_and_close(int fd, const char *path)
{
	int rc = socket_fail_errno(errno);

	if (path)
		(void)unlink(path);
	close(fd);
	return rc;
}

/* Where a unix socket is until it takes the place of the old one. False: too long. */
static bool name_new(struct sockaddr_un *made, const struct addr *a)
{
	char *path = mem_printf("%s.%06x", a->un.sun_path, (unsigned)getpid() & 0xffffff);
	size_t n = strlen(path) + 1;
	bool fits = n <= sizeof(made->sun_path);

	if (fits) {
		made->sun_family = AF_UNIX;
		memcpy(made->sun_path, path, n);
	}
	mem_free(path);
	return fits;
}

/* Nobody can connect before listen(2): the mode is right by then. */
static int put_in_place(
	int fd, const struct addr *a, const struct socket_listen *how, struct inode **file_r)
{
	struct sockaddr_un made;
	struct stat st;

	if (!name_new(&made, a)) {
		errno = ENAMETOOLONG;
		return fail_and_close(fd, NULL);
	}
	if (lstat(a->un.sun_path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		close(fd);
		return socket_fail(ERR_EXISTS, "a file that is no socket is in the way");
	}
	(void)unlink(made.sun_path);
	if (bind(fd, (struct sockaddr *)&made, sizeof(made)) != 0)
		return fail_and_close(fd, NULL);
	if (chmod(made.sun_path, (mode_t)how->mode) != 0 || listen(fd, how->backlog) != 0 ||
		stat(made.sun_path, &st) != 0 || rename(made.sun_path, a->un.sun_path) != 0)
		return fail_and_close(fd, made.sun_path);
	*file_r = mem_zalloc(sizeof(**file_r));
	(*file_r)->dev = st.st_dev;
	(*file_r)->ino = st.st_ino;
	memcpy((*file_r)->path, a->un.sun_path, sizeof((*file_r)->path));
	return fd;
}

static double listen_unix(const struct addr *a, const struct socket_listen *how)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct inode *file = NULL;
	double id;

	if (fd < 0)
		return socket_fail_open(errno);
	if (a->un.sun_path[0] != '\0') {
		fd = put_in_place(fd, a, how, &file);
		if (fd < 0)
			return fd;
	} else if (bind(fd, &a->sa, a->len) != 0 || listen(fd, how->backlog) != 0) {
		return fail_and_close(fd, NULL);
	}
	id = socket_new(fd, SOCKET_LISTENING);
	if (id > 0)
		socket_find(id)->file = file;
	else
		mem_free(file);
	return id;
}

void socket_remove_file(struct socket *s)
{
	struct stat st;

	if (!s->file)
		return;
	if (lstat(s->file->path, &st) == 0 && st.st_dev == s->file->dev &&
		st.st_ino == s->file->ino)
		(void)unlink(s->file->path);
	mem_free(s->file);
	s->file = NULL;
}

double socket_listen(struct span address, const struct socket_listen *how)
{
	struct addr a;
	int fd, rc = ERR_SHUTDOWN;

	if (sockets.loop)
		rc = socket_parse(&a, address);
	if (rc < 0)
		return rc;
	if (addr_is_unix(&a))
		return listen_unix(&a, how);
	fd = listen_open(&a, how->backlog, how->reuse_port, sockets.why, sizeof(sockets.why));
	return fd < 0 ? err_from_errno(errno) : socket_new(fd, SOCKET_LISTENING);
}

double socket_accept(struct socket *s, double task)
{
	int fd, rc;

	if (s->state != SOCKET_LISTENING)
		return socket_fail(ERR_STATE, "it does not listen");
	rc = socket_enter(s, SOCKET_READER, task);
	if (rc < 0)
		return rc;
	do
		fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd >= 0) {
		socket_done(s, SOCKET_READER, 0);
		return socket_new(fd, SOCKET_STREAM);
	}
	if (errno == EAGAIN)
		return socket_wait(s, SOCKET_READER, task, EV_READ);
	return socket_done(s, SOCKET_READER, socket_fail_open(errno));
}
