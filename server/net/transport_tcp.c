#include "net/transport.h"

#include "base/err.h"
#include "net/conn.h"

#include <errno.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t answer(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_CLOSED;
}

static ssize_t tcp_read(struct conn *c, void *p, size_t n)
{
	return answer(recv(c->fd, p, n, 0));
}

static ssize_t tcp_write(struct conn *c, const struct iovec *iov, int n, bool more)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};

	if (n == 1)
		return answer(send(
			c->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | (more ? MSG_MORE : 0)));
	return answer(sendmsg(c->fd, &msg, MSG_NOSIGNAL | (more ? MSG_MORE : 0)));
}

static ssize_t tcp_send_file(struct conn *c, int fd, off_t *offset, size_t n)
{
	ssize_t sent = sendfile(c->fd, fd, offset, n);

	return sent == 0 ? ERR_IO : answer(sent);
}

static void tcp_watch(struct conn *c, int events)
{
	struct ev_loop *ev = c->pool->loop->ev;

	ev_io_stop(ev, &c->io);
	if (events == 0)
		return;
	ev_io_set(&c->io, c->fd, events);
	ev_io_start(ev, &c->io);
}

static void tcp_shut(struct conn *c)
{
	shutdown(c->fd, SHUT_WR); /* fails only when the peer is gone, which the next read tells */
}

static bool tcp_hung_up(struct conn *c)
{
	struct pollfd p = {.fd = c->fd};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static void tcp_close(struct conn *c)
{
	ev_io_stop(c->pool->loop->ev, &c->io);
	close(c->fd);
	c->fd = -1;
}

const struct transport transport_tcp = {
	.scheme = "http",
	.read = tcp_read,
	.write = tcp_write,
	.send_file = tcp_send_file,
	.watch = tcp_watch,
	.shut = tcp_shut,
	.hung_up = tcp_hung_up,
	.close = tcp_close,
};
