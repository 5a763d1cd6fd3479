#include "net/listen.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const struct addr *a, const char *why, char *err, size_t cap)
{
	char where[ADDR_TEXT_MAX];

	snprintf(err, cap, "cannot listen on %s: %s", addr_print(a, where, sizeof(where)), why);
	return -1;
}

static int set_on(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on));
}

static int open_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int set_tcp_options(int fd, const struct addr *a, bool reuse_port)
{
	int v6only = !a->dual;

	if (set_on(fd, SOL_SOCKET, SO_REUSEADDR) != 0 || set_on(fd, IPPROTO_TCP, TCP_NODELAY) != 0)
		return -1;
	if (reuse_port && set_on(fd, SOL_SOCKET, SO_REUSEPORT) != 0)
		return -1;
	if (a->sa.sa_family != AF_INET6)
		return 0;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
}

/* Bound, not yet listening; -1 and errno. */
static int bind_tcp(const struct addr *a, bool reuse_port)
{
	struct addr any4;
	int fd = open_socket(a->sa.sa_family);

	if (fd < 0 && errno == EAFNOSUPPORT && a->dual) {
		/* A kernel without IPv6: every address is every IPv4 address. */
		any4 = *a;
		memset(&any4.storage, 0, sizeof(any4.storage));
		any4.in.sin_family = AF_INET;
		any4.in.sin_port = a->in6.sin6_port;
		any4.len = sizeof(any4.in);
		any4.dual = false;
		return bind_tcp(&any4, reuse_port);
	}
	if (fd < 0)
		return -1;
	if (set_tcp_options(fd, a, reuse_port) != 0 || bind(fd, &a->sa, a->len) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

bool listen_probe(const struct addr *a, char *err, size_t cap)
{
	int fd = bind_tcp(a, false);

	if (fd < 0) {
		fail(a, strerror(errno), err, cap);
		return false;
	}
	close(fd);
	return true;
}

static int bind_private(int fd, const struct addr *a)
{
	mode_t old = umask(0177);
	int rc = bind(fd, &a->sa, a->len);
	int saved = errno;

	umask(old);
	errno = saved;
	return rc;
}

/* NULL when the file was a dead server's socket and is gone now; else why it must stay. */
static const char *remove_stale(const struct addr *a)
{
	struct stat st;
	int fd, rc;

	if (lstat(a->un.sun_path, &st) != 0)
		return errno == ENOENT ? NULL : strerror(errno);
	if (!S_ISSOCK(st.st_mode))
		return "a file that is no socket is in the way";
	fd = open_socket(AF_UNIX);
	if (fd < 0)
		return strerror(errno);
	rc = connect(fd, &a->sa, a->len) == 0 ? 0 : errno;
	close(fd);
	if (rc == 0 || rc == EAGAIN)
		return "another server listens there";
	if (rc != ECONNREFUSED)
		return strerror(rc);
	return unlink(a->un.sun_path) == 0 ? NULL : strerror(errno);
}

static int bind_unix(const struct addr *a, char *err, size_t cap)
{
	const char *why = NULL;
	int fd = open_socket(AF_UNIX);

	if (fd < 0)
		return fail(a, strerror(errno), err, cap);
	if (bind_private(fd, a) == 0)
		return fd;
	if (errno != EADDRINUSE)
		why = strerror(errno);
	if (why == NULL)
		why = remove_stale(a);
	if (why == NULL && bind_private(fd, a) != 0)
		why = strerror(errno);
	if (why == NULL)
		return fd;
	close(fd);
	return fail(a, why, err, cap);
}

int listen_set_mode(const struct addr *a, unsigned mode, char *err, size_t cap)
{
	char where[ADDR_TEXT_MAX];

	if (!addr_is_unix(a) || chmod(a->un.sun_path, (mode_t)mode) == 0)
		return 0;
	snprintf(err, cap, "cannot set the mode of %s: %s", addr_print(a, where, sizeof(where)),
		strerror(errno));
	return -1;
}

void listen_unlink(const struct addr *a)
{
	/* Somebody may have tidied up before us, and nobody waits for the answer. */
	if (addr_is_unix(a))
		(void)unlink(a->un.sun_path);
}

int listen_open(const struct addr *a, int backlog, bool reuse_port, char *err, size_t cap)
{
	int fd;

	if (addr_is_unix(a)) {
		fd = bind_unix(a, err, cap);
	} else {
		fd = bind_tcp(a, reuse_port);
		if (fd < 0)
			fail(a, strerror(errno), err, cap);
	}
	if (fd < 0 || listen(fd, backlog) == 0)
		return fd;
	fail(a, strerror(errno), err, cap);
	close(fd);
	listen_unlink(a);
	return -1;
}

void listen_fill_port(int fd, struct addr *a)
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);

	if (addr_is_unix(a) || getsockname(fd, (void *)&bound, &len) != 0)
		return;
	addr_set_port(a, addr_port((const void *)&bound));
}
