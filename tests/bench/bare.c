/* The floor that the machine sets: an epoll loop that reads, counts blank lines and answers a fixed
 * string for each, one write per read. It parses nothing and is no HTTP server. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILES     65536
#define READ_MAX  65536
#define TAIL_MAX  3 /* bytes of a blank line that a read may have cut off */
#define BATCH_MAX 256
#define EVENTS    512

static const char answer[] = "HTTP/1.1 200 OK\r\n"
			     "Server: bare\r\n"
			     "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
			     "Content-Type: text/plain\r\n"
			     "Content-Length: 13\r\n\r\n"
			     "Hello, World!";

static char answers[BATCH_MAX * (sizeof(answer) - 1)];
static struct tail {
	uint8_t n;
	char bytes[TAIL_MAX];
} tails[FILES]; /* by descriptor */

static int listen_on(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 4096) < 0) {
		perror("bare: listen");
		exit(1);
	}
	return fd;
}

static void accept_all(int epoll_fd, int listen_fd)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int one = 1;

	while ((ev.data.fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if (ev.data.fd >= FILES) {
			close(ev.data.fd);
			continue;
		}
		tails[ev.data.fd].n = 0;
		setsockopt(ev.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ev.data.fd, &ev);
	}
}

/* How many heads end in the n bytes at p; what may be the beginning of an end goes to the tail. */
static unsigned heads_count(struct tail *tail, const char *p, size_t n)
{
	const char *end = p + n, *found;
	unsigned heads = 0;

	while ((found = memmem(p, (size_t)(end - p), "\r\n\r\n", 4)) != NULL) {
		heads++;
		p = found + 4;
	}
	tail->n = (uint8_t)(end - p < TAIL_MAX ? end - p : TAIL_MAX);
	memcpy(tail->bytes, end - tail->n, tail->n);
	return heads;
}

static void serve(int fd)
{
	static char in[TAIL_MAX + READ_MAX];
	struct tail *tail = &tails[fd];
	ssize_t n = read(fd, in + TAIL_MAX, READ_MAX);
	size_t out, kept = tail->n;
	unsigned heads;

	if (n <= 0) {
		close(fd);
		return;
	}
	memcpy(in + TAIL_MAX - kept, tail->bytes, kept);
	heads = heads_count(tail, in + TAIL_MAX - kept, kept + (size_t)n);
	out = heads * (sizeof(answer) - 1);
	/* A client that does not read its answers is not worth a queue here. */
	if (heads > BATCH_MAX || (out > 0 && write(fd, answers, out) != (ssize_t)out))
		close(fd);
}

int main(int argc, char **argv)
{
	struct rlimit files;
	struct epoll_event events[EVENTS], ev = {.events = EPOLLIN};
	int epoll_fd = epoll_create1(0);
	int listen_fd = listen_on(argc > 1 ? atoi(argv[1]) : 8080);

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	for (size_t i = 0; i < BATCH_MAX; i++)
		memcpy(answers + i * (sizeof(answer) - 1), answer, sizeof(answer) - 1);
	ev.data.fd = listen_fd;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &ev);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listen_fd)
				accept_all(epoll_fd, listen_fd);
			else
				serve(events[i].data.fd);
		}
	}
}
