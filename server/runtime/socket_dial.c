#include "runtime/socket_int.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* Bound, if a source is wanted. */
static int open_from(const struct addr *to, struct span source)
{
	struct addr from;
	int fd, rc;

	if (source.n > 0) {
		rc = socket_parse(&from, source);
		if (rc < 0)
			return rc;
		if (from.sa.sa_family != to->sa.sa_family)
			return socket_fail(
				ERR_INVALID, "bind: another kind of address than that of the peer");
	}
	fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return socket_fail_open(errno);
	if (!addr_is_unix(to))
		set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	/* The port is chosen when the peer is known, so that each of them serves many peers. */
	if (!addr_is_unix(to) && source.n > 0)
		set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (source.n > 0 && bind(fd, &from.sa, from.len) != 0) {
		rc = socket_fail_errno(errno);
		close(fd);
		return rc;
	}
	return fd;
}

double socket_dial(struct span address, struct span source)
{
	struct addr to;
	int fd, rc;

	if (!sockets.loop)
		return ERR_SHUTDOWN;
	rc = socket_parse(&to, address);
	if (rc < 0)
		return rc;
	fd = open_from(&to, source);
	if (fd < 0)
		return fd;
	if (connect(fd, &to.sa, to.len) == 0)
		return socket_new(fd, SOCKET_STREAM);
	if (errno == EINPROGRESS)
		return socket_new(fd, SOCKET_DIALING);
	rc = errno == EAGAIN ? socket_fail(ERR_BUSY, "the server's backlog is full")
	                     : socket_fail_errno(errno);
	close(fd);
	return rc;
}

int socket_dialed(struct socket *s, double task)
{
	struct sockaddr_storage peer;
	int error = 0, rc;
	socklen_t n = sizeof(error);

	if (s->state != SOCKET_DIALING)
		return s->state == SOCKET_STREAM ? 0 : ERR_STATE;
	rc = socket_enter(s, SOCKET_WRITER, task);
	if (rc < 0)
		return rc;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error != 0)
		return socket_done(s, SOCKET_WRITER, socket_fail_errno(error));
	n = sizeof(peer);
	if (getpeername(s->fd, (struct sockaddr *)&peer, &n) != 0)
		return socket_wait(s, SOCKET_WRITER, task, EV_WRITE);
	s->state = SOCKET_STREAM;
	s->drained = true; /* it is early for an answer */
	return socket_done(s, SOCKET_WRITER, 0);
}

int socket_pair(double ids[2])
{
	int fds[2];

	if (!sockets.loop)
		return ERR_SHUTDOWN;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		return socket_fail_open(errno);
	ids[0] = socket_new(fds[0], SOCKET_STREAM);
	ids[1] = socket_new(fds[1], SOCKET_STREAM);
	for (int i = 0; i < 2; i++) {
		if (ids[i] > 0)
			continue;
		if (ids[1 - i] > 0)
			socket_close(socket_find(ids[1 - i]));
		return (int)ids[i];
	}
	return 0;
}

int socket_set(struct socket *s, enum socket_option option, int value)
{
	int rc = 0;

	if (option == SOCKET_NODELAY) {
		rc = set_int(s->fd, IPPROTO_TCP, TCP_NODELAY, value != 0);
	} else {
		rc = set_int(s->fd, SOL_SOCKET, SO_KEEPALIVE, value > 0);
		if (rc == 0 && value > 0)
			rc = set_int(s->fd, IPPROTO_TCP, TCP_KEEPIDLE, value);
		if (rc == 0 && value > 0)
			rc = set_int(s->fd, IPPROTO_TCP, TCP_KEEPINTVL, MAX(value / 4, 1));
	}
	/* A unix socket has neither, and needs neither. */
	if (rc == 0 || errno == EOPNOTSUPP || errno == ENOPROTOOPT)
		return 0;
	return socket_fail_errno(errno);
}

const char *socket_name(struct socket *s, bool peer)
{
	struct addr a = {.len = sizeof(a.storage)};
	char *out = sockets.name;
	const size_t cap = sizeof(sockets.name), head = offsetof(struct sockaddr_un, sun_path);
	int rc = peer ? getpeername(s->fd, &a.sa, &a.len) : getsockname(s->fd, &a.sa, &a.len);

	out[0] = '\0';
	if (rc == 0 && addr_is_unix(&a) && a.len > head && a.un.sun_path[0] == '\0')
		snprintf(out, cap, "unix:@%.*s", (int)(a.len - head - 1), a.un.sun_path + 1);
	else if (rc == 0)
		addr_print(&a, out, cap);
	return out;
}
