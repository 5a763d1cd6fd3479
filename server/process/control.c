#include "process/control.h"

#include <errno.h>
#include <sys/socket.h>

int control_open(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
}

bool control_send(int fd, enum control_message message)
{
	char byte = (char)message;

	return send(fd, &byte, 1, MSG_NOSIGNAL) == 1;
}

enum control_message control_receive(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	if (n == 1)
		return (enum control_message)byte;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? CONTROL_NONE : CONTROL_GONE;
}
