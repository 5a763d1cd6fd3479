#include "runtime/socket_int.h"

#include <errno.h>
#include <unistd.h>

/* An address of the kind that the peer has, or the socket's own: any IPv4 and IPv6 one. */
static int parse_both(struct span source, struct span peer, struct addr *from, struct addr *to)
{
	int rc = 0;

	if (source.n > 0)
		rc = socket_parse(from, source);
	if (rc == 0 && peer.n > 0)
		rc = socket_parse(to, peer);
	if (rc < 0)
		return rc;
	if ((source.n > 0 && addr_is_unix(from)) || (peer.n > 0 && addr_is_unix(to)))
		return socket_fail(ERR_INVALID, "a unix address has no datagrams here");
	return 0;
}

static int configure(int fd, const struct addr *from, bool bound, int family, bool reuse_port)
{
	int on = 1, v6only = bound && !from->dual;

	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
	if (bound && reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
		return -1;
	return bound ? bind(fd, &from->sa, from->len) : 0;
}

double socket_udp(struct span source, struct span peer, bool reuse_port)
{
	struct addr from = {.len = 0}, to = {.len = 0};
	int family, fd, rc = ERR_SHUTDOWN;

	if (sockets.loop)
		rc = parse_both(source, peer, &from, &to);
	if (rc < 0)
		return rc;
	family = source.n > 0 ? from.sa.sa_family : peer.n > 0 ? to.sa.sa_family : AF_INET6;
	fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 && source.n == 0 && peer.n == 0 && errno == EAFNOSUPPORT) {
		family = AF_INET; /* a kernel without IPv6 */
		fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	}
	if (fd < 0)
		return socket_fail_open(errno);
	if (configure(fd, &from, source.n > 0, family, reuse_port) != 0 ||
		(peer.n > 0 && connect(fd, &to.sa, to.len) != 0)) {
		rc = socket_fail_errno(errno);
		close(fd);
		return rc;
	}
	return socket_new(fd, SOCKET_DATAGRAMS);
}

/* An IPv6 socket reaches IPv4 peers by ::ffff:a.b.c.d. */
static void map_for(int fd, struct addr *to)
{
	struct sockaddr_in in = to->in;
	int family = AF_INET;
	socklen_t n = sizeof(family);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &n);
	if (family != AF_INET6 || to->sa.sa_family != AF_INET)
		return;
	to->in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = in.sin_port};
	to->in6.sin6_addr.s6_addr[10] = to->in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(to->in6.sin6_addr.s6_addr + 12, &in.sin_addr, 4);
	to->len = sizeof(to->in6);
}

int socket_send(struct socket *s, double task, struct span bytes, struct span to)
{
	struct addr a;
	ssize_t n;
	int rc;

	if (s->state != SOCKET_DATAGRAMS)
		return socket_fail(ERR_STATE, "it is no UDP socket");
	rc = socket_enter(s, SOCKET_WRITER, task);
	if (rc == 0 && to.n > 0)
		rc = socket_parse(&a, to);
	if (rc < 0)
		return rc;
	if (to.n > 0)
		map_for(s->fd, &a);
	do
		n = sendto(s->fd, bytes.p, bytes.n, MSG_NOSIGNAL, to.n > 0 ? &a.sa : NULL,
			to.n > 0 ? a.len : 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return socket_wait(s, SOCKET_WRITER, task, EV_WRITE);
	return socket_done(s, SOCKET_WRITER, n < 0 ? socket_fail_errno(errno) : 0);
}

int socket_receive(struct socket *s, double task, struct span *out_r, const char **from_r)
{
	struct addr from = {.len = sizeof(from.storage)};
	ssize_t n;
	int rc;

	*out_r = (struct span){"", 0};
	*from_r = "";
	if (s->state != SOCKET_DATAGRAMS)
		return socket_fail(ERR_STATE, "it is no UDP socket");
	rc = socket_enter(s, SOCKET_READER, task);
	if (rc < 0)
		return rc;
	do
		n = recvfrom(
			s->fd, sockets.scratch, sizeof(sockets.scratch), 0, &from.sa, &from.len);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return socket_wait(s, SOCKET_READER, task, EV_READ);
	if (n < 0)
		return socket_done(s, SOCKET_READER, socket_fail_errno(errno));
	*out_r = (struct span){sockets.scratch, (size_t)n};
	*from_r = addr_print(&from, sockets.name, sizeof(sockets.name));
	return socket_done(s, SOCKET_READER, 0);
}
