/* The load generator: N keep-alive connections over HTTP/1.1, each of which sends D requests in one
 * write and waits for D answers before the next write. One thread, one epoll set.
 *
 * Opening: every connection sends its first batch and has it answered, at most CONNECT_WINDOW of
 * them at a time; then "ready" is printed and everything is at rest. End of file on the standard
 * input ends the program (that is how idle connections are held); a byte starts the run. A run
 * sends until its time is over, then waits for what is still owed: so each request that the server
 * worked for between "ready" and the result was counted, and the server's CPU time may be divided
 * by it. With --spin it polls without sleeping while it runs, so that the server never pays for
 * waking it (only of use on a core of its own).
 *
 * Answers are framed by Content-Length only; another status than 200 or another body length than
 * --body-bytes is counted as bad. Latencies are from the write of a batch to the arrival of each
 * answer. The result is one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_WINDOW      64
#define CONNECTS_PER_SOURCE 8000 /* per source address 127.0.0.x, to have ports enough */
#define HEAD_MAX            8192
#define READ_MAX            (256 * 1024)
#define STALL_NS            5000000000ull
#define EVENTS              256

/* Latency classes: 32 to each power of two of nanoseconds, an error of at most 3 %. */
#define CLASS_BITS 5
#define CLASSES    (60 << CLASS_BITS)

struct conn {
	int fd;
	unsigned owed;    /* answers still to come for the batch sent last */
	size_t unsent;    /* bytes of the batch that the socket has not taken */
	size_t body_left; /* bytes of the body being received */
	uint64_t sent_ns;
	char *carry; /* owned; the beginning of a head cut by a read, or NULL */
	size_t carry_n;
};

static struct {
	int port, connections, depth, seconds_ms;
	size_t body_bytes;
	bool spin;
	const char *request_path;
} opt = {.connections = 1, .depth = 1, .seconds_ms = 1000};

static struct {
	uint64_t answers, bad_status, bad_length, closed, stalled;
	uint64_t classes[CLASSES];
	uint64_t max_ns;
} count;

static struct conn *conns; /* owned; opt.connections of them */
static char *batch;        /* owned; opt.depth requests */
static size_t batch_n;
static char input[HEAD_MAX + READ_MAX]; /* a carry is put before what is read at HEAD_MAX */
static int epoll_fd, opened, active;    /* active: connections that are owed something */
static bool running;
static uint64_t deadline_ns;

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- latency ---- */

static void latency_add(uint64_t ns)
{
	unsigned shift = 0;

	if (ns > count.max_ns)
		count.max_ns = ns;
	if (ns >= 1u << (CLASS_BITS + 1))
		shift = 63 - (unsigned)__builtin_clzll(ns) - CLASS_BITS;
	count.classes[(shift << CLASS_BITS) + (ns >> shift)]++;
}

static double latency_ms(double share)
{
	uint64_t target = (uint64_t)((double)count.answers * share), seen = 0;

	for (unsigned i = 0; i < CLASSES; i++) {
		seen += count.classes[i];
		if (seen > target) {
			unsigned shift = i < 2u << CLASS_BITS ? 0 : (i >> CLASS_BITS) - 1;
			uint64_t low = i - ((uint64_t)shift << CLASS_BITS);

			return (double)(low << shift) / 1e6;
		}
	}
	return 0;
}

/* ---- connections ---- */

static void conn_close(struct conn *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	count.closed++;
	if (c->owed > 0)
		active--;
	c->owed = 0;
}

static void conn_flush(struct conn *c)
{
	while (c->unsent > 0) {
		ssize_t n = write(c->fd, batch + batch_n - c->unsent, c->unsent);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			conn_close(c);
			return;
		}
		c->unsent -= (size_t)n;
	}
}

static void conn_send(struct conn *c, uint64_t now)
{
	c->owed = (unsigned)opt.depth;
	c->unsent = batch_n;
	c->sent_ns = now;
	active++;
	conn_flush(c);
}

static void conn_open(struct conn *c, int index)
{
	struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
	int one = 1;

	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (unsigned)(index / CONNECTS_PER_SOURCE));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)opt.port);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(c->fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		die("bind");
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		die("epoll_ctl");
	/* The first batch leaves when the socket becomes writable. */
	c->owed = (unsigned)opt.depth;
	c->unsent = batch_n;
	active++;
}

static void open_next(void)
{
	if (opened < opt.connections) {
		conn_open(&conns[opened], opened);
		opened++;
	}
}

/* ---- answers ---- */

/* The length of the head at p, 0 when it is not whole yet. */
static size_t head_parse(const char *p, size_t n, bool *ok, size_t *body)
{
	static const char name[] = "content-length:";
	const char *end = memmem(p, n, "\r\n\r\n", 4), *line = p;

	if (end == NULL)
		return 0;
	*ok = memcmp(p, "HTTP/1.1 200", 12) == 0;
	*body = 0;
	while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		line++;
		if ((*line | 0x20) == 'c' && strncasecmp(line, name, sizeof(name) - 1) == 0)
			*body = strtoul(line + sizeof(name) - 1, NULL, 10);
	}
	return (size_t)(end - p) + 4;
}

static void answer_done(struct conn *c, uint64_t now)
{
	if (running) {
		count.answers++;
		latency_add(now - c->sent_ns);
	}
	if (--c->owed > 0)
		return;
	active--;
	if (!running)
		open_next();
	else if (now < deadline_ns)
		conn_send(c, now);
}

static void answers_take(struct conn *c, const char *p, size_t n, uint64_t now)
{
	while (n > 0 && c->owed > 0) {
		bool ok;
		size_t take = c->body_left < n ? c->body_left : n;

		if (take == 0) {
			take = head_parse(p, n, &ok, &c->body_left);
			if (take == 0)
				break;
			count.bad_status += !ok;
			count.bad_length += c->body_left != opt.body_bytes;
		} else {
			c->body_left -= take;
		}
		p += take;
		n -= take;
		if (c->body_left == 0)
			answer_done(c, now);
	}
	if (n > HEAD_MAX || (n > 0 && c->owed == 0)) {
		conn_close(c);
		return;
	}
	if (n > 0 && c->carry == NULL && (c->carry = malloc(HEAD_MAX)) == NULL)
		die("malloc");
	if (n > 0)
		memcpy(c->carry, p, n);
	c->carry_n = n;
}

/* Edge-triggered: a short read says that the socket is empty. */
static void conn_read(struct conn *c)
{
	ssize_t n;

	do {
		size_t kept = c->carry_n;
		char *start = input + HEAD_MAX - kept;

		n = read(c->fd, input + HEAD_MAX, READ_MAX);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			conn_close(c);
			return;
		}
		if (kept > 0)
			memcpy(start, c->carry, kept);
		c->carry_n = 0;
		answers_take(c, start, kept + (size_t)n, now_ns());
	} while (n == READ_MAX && c->fd >= 0);
}

/* Works until no connection is owed anything. */
static void work(bool spin)
{
	struct epoll_event events[EVENTS];
	uint64_t heard_ns = now_ns();

	while (active > 0) {
		int n = epoll_wait(epoll_fd, events, EVENTS, spin ? 0 : 1000);

		if (n <= 0) {
			if (now_ns() - heard_ns < STALL_NS)
				continue;
			count.stalled = (uint64_t)active;
			return;
		}
		heard_ns = now_ns();
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (c->fd >= 0 && c->unsent > 0 && (events[i].events & EPOLLOUT))
				conn_flush(c);
			if (c->fd >= 0 && (events[i].events & ~(unsigned)EPOLLOUT))
				conn_read(c);
		}
	}
}

/* ---- beginning and end ---- */

static void batch_load(void)
{
	char one[16384];
	size_t n;
	FILE *f = fopen(opt.request_path, "rb");

	if (f == NULL)
		die(opt.request_path);
	n = fread(one, 1, sizeof(one), f);
	fclose(f);
	batch_n = n * (size_t)opt.depth;
	batch = malloc(batch_n);
	if (batch == NULL)
		die("malloc");
	for (int i = 0; i < opt.depth; i++)
		memcpy(batch + (size_t)i * n, one, n);
}

static void options_parse(int argc, char **argv)
{
	static const struct option table[] = {
		{"port", required_argument, NULL, 'p'},
		{"connections", required_argument, NULL, 'c'},
		{"depth", required_argument, NULL, 'd'},
		{"seconds", required_argument, NULL, 's'},
		{"body-bytes", required_argument, NULL, 'b'},
		{"request", required_argument, NULL, 'r'},
		{"spin", no_argument, NULL, 'S'},
		{0},
	};
	int o;

	while ((o = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (o) {
		case 'p':
			opt.port = atoi(optarg);
			break;
		case 'c':
			opt.connections = atoi(optarg);
			break;
		case 'd':
			opt.depth = atoi(optarg);
			break;
		case 's':
			opt.seconds_ms = (int)(atof(optarg) * 1000);
			break;
		case 'b':
			opt.body_bytes = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			opt.request_path = optarg;
			break;
		case 'S':
			opt.spin = true;
			break;
		default:
			exit(2);
		}
	}
	if (opt.request_path == NULL || opt.connections < 1 || opt.depth < 1) {
		fprintf(stderr, "usage: load --port N --request FILE --body-bytes N "
				"[--connections N] [--depth N] [--seconds S] [--spin]\n");
		exit(2);
	}
}

static void result_print(double seconds)
{
	printf("{\"seconds\": %.6f, \"requests\": %llu, \"bad_status\": %llu, \"bad_length\": "
	       "%llu, "
	       "\"closed\": %llu, \"stalled\": %llu, \"p50_ms\": %.4f, \"p99_ms\": %.4f, "
	       "\"max_ms\": %.4f}\n",
		seconds, (unsigned long long)count.answers, (unsigned long long)count.bad_status,
		(unsigned long long)count.bad_length, (unsigned long long)count.closed,
		(unsigned long long)count.stalled, latency_ms(0.50), latency_ms(0.99),
		(double)count.max_ns / 1e6);
}

int main(int argc, char **argv)
{
	struct rlimit files;
	uint64_t start_ns;
	char go;

	options_parse(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	batch_load();
	conns = calloc((size_t)opt.connections, sizeof(*conns));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (conns == NULL || epoll_fd < 0)
		die("setup");
	for (int i = 0; i < CONNECT_WINDOW; i++)
		open_next();
	work(false);
	printf("ready %d\n", opened - (int)count.closed - (int)count.stalled);
	if (read(STDIN_FILENO, &go, 1) != 1)
		return 0;

	running = true;
	start_ns = now_ns();
	deadline_ns = start_ns + (uint64_t)opt.seconds_ms * 1000000u;
	for (int i = 0; i < opt.connections; i++)
		if (conns[i].fd >= 0)
			conn_send(&conns[i], now_ns());
	work(opt.spin);
	result_print((double)(now_ns() - start_ns) / 1e9);
	return 0;
}
