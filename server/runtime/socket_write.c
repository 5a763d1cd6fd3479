#include "runtime/socket_int.h"

#include <errno.h>
#include <sys/socket.h>

static ssize_t send_plain(struct socket *s, double task, const struct iovec *iov, int n)
{
	struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};
	ssize_t taken;

	do
		taken = n == 1 ? send(s->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL)
		               : sendmsg(s->fd, &message, MSG_NOSIGNAL);
	while (taken < 0 && errno == EINTR);
	if (taken >= 0)
		return taken;
	if (errno == EAGAIN)
		return socket_wait(s, SOCKET_WRITER, task, EV_WRITE);
	return socket_fail_errno(errno);
}

ssize_t socket_write(struct socket *s, double task, const struct iovec *iov, int n)
{
	ssize_t rc;

	if (s->state != SOCKET_STREAM)
		return socket_fail(ERR_STATE, "it is no connected stream");
	rc = socket_enter(s, SOCKET_WRITER, task);
	if (rc < 0)
		return rc;
	if (s->shut)
		return socket_done(s, SOCKET_WRITER,
			socket_fail(ERR_CLOSED, "its writing side was shut down"));
	rc = socket_secure(s, SOCKET_WRITER, task);
	if (rc < 0)
		return rc;
	if (s->tls) {
		rc = tls_write(s->tls, iov, n);
		if (rc < 0)
			return socket_tls_failed(s, SOCKET_WRITER, task, (int)rc);
	} else {
		rc = send_plain(s, task, iov, n);
	}
	if (rc != ERR_AGAIN)
		socket_done(s, SOCKET_WRITER, 0);
	return rc;
}

int socket_shutdown(struct socket *s, double task)
{
	int rc;

	if (s->state != SOCKET_STREAM)
		return socket_fail(ERR_STATE, "it is no connected stream");
	rc = socket_enter(s, SOCKET_WRITER, task);
	if (rc < 0 || s->shut)
		return rc;
	if (s->tls) {
		rc = socket_secure(s, SOCKET_WRITER, task);
		if (rc < 0)
			return rc;
		rc = tls_shut(s->tls);
		if (rc < 0)
			return socket_tls_failed(s, SOCKET_WRITER, task, rc);
	}
	s->shut = true;
	if (shutdown(s->fd, SHUT_WR) != 0 && errno != ENOTCONN)
		return socket_done(s, SOCKET_WRITER, socket_fail_errno(errno));
	return socket_done(s, SOCKET_WRITER, 0);
}
