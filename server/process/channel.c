#include "process/channel.h"

#include <errno.h>
#include <sys/socket.h>

int channel_open(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
}

bool channel_send(int fd, enum channel_message message)
{
	char byte = (char)message;

	return send(fd, &byte, 1, MSG_NOSIGNAL) == 1;
}

enum channel_message channel_receive(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	if (n == 1)
		return (enum channel_message)byte;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? CHANNEL_NONE : CHANNEL_GONE;
}
