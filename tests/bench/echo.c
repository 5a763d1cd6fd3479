/* What the socket scenario talks to: sends back what it reads, on every connection. Ends with its
 * standard input. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_MAX 65536
#define EVENTS   512

static int listen_on(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 4096) < 0) {
		perror("echo: listen");
		exit(1);
	}
	return fd;
}

static void accept_all(int epoll_fd, int listen_fd)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int one = 1;

	while ((ev.data.fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		setsockopt(ev.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ev.data.fd, &ev);
	}
}

/* Messages are small and answered before the next one: they fit the socket's buffer. */
static bool echo(int fd)
{
	static char bytes[READ_MAX];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	return n > 0 && write(fd, bytes, (size_t)n) == n;
}

int main(int argc, char **argv)
{
	int listen_fd = listen_on(argc > 1 ? atoi(argv[1]) : 0), epoll_fd = epoll_create1(0);
	struct epoll_event events[EVENTS], ev = {.events = EPOLLIN, .data.fd = listen_fd};

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &ev);
	ev.data.fd = STDIN_FILENO;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &ev);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == STDIN_FILENO)
				return 0;
			if (fd == listen_fd)
				accept_all(epoll_fd, listen_fd);
			else if (!echo(fd))
				close(fd);
		}
	}
}
