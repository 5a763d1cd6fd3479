#include "tls_pair.h"

#include "base/err.h"
#include "base/panic.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX    200000 /* byte by byte, a handshake has some thousand */
#define TURNS_OF_ONE 5000   /* more of the other side when one is at its end */

static void connect_pair(int *a, int *b)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		panic("socketpair");
	*a = fds[0];
	*b = fds[1];
}

void tls_pair_open(struct tls_pair *p, size_t step, struct tls_ctx *client, struct tls_ctx *server,
	const char *name)
{
	*p = (struct tls_pair){.relay = {-1, -1}, .step = step};
	if (step == 0) {
		connect_pair(&p->client_fd, &p->server_fd);
	} else {
		connect_pair(&p->client_fd, &p->relay[0]);
		connect_pair(&p->server_fd, &p->relay[1]);
	}
	p->client_rc = p->server_rc = ERR_AGAIN;
	p->client = tls_new(client, p->client_fd, name);
	p->server = tls_new(server, p->server_fd, NULL);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void tls_pair_close(struct tls_pair *p)
{
	tls_free(&p->client);
	tls_free(&p->server);
	close_fd(&p->client_fd);
	close_fd(&p->server_fd);
	close_fd(&p->relay[0]);
	close_fd(&p->relay[1]);
}

/* Looks before it takes: what the other side has no room for stays where it is. */
static void carry(struct tls_pair *p, int from, int to)
{
	char *bytes = malloc(p->step);
	ssize_t n = recv(from, bytes, p->step, MSG_PEEK);

	if (n > 0)
		n = send(to, bytes, (size_t)n, MSG_NOSIGNAL);
	if (n > 0)
		(void)!recv(from, bytes, (size_t)n, 0);
	else if (n == 0)
		shutdown(to, SHUT_WR);
	free(bytes);
}

void tls_pair_turn(struct tls_pair *p)
{
	if (p->step == 0)
		return;
	carry(p, p->relay[0], p->relay[1]);
	carry(p, p->relay[1], p->relay[0]);
}

void tls_pair_shake(struct tls_pair *p)
{
	int after = 0;

	for (int turn = 0; turn < TURNS_MAX && after < TURNS_OF_ONE; turn++) {
		if (p->client_rc == ERR_AGAIN)
			p->client_rc = tls_handshake(p->client);
		if (p->server_rc == ERR_AGAIN)
			p->server_rc = tls_handshake(p->server);
		if (p->client_rc != ERR_AGAIN && p->server_rc != ERR_AGAIN)
			return;
		if (p->client_rc != ERR_AGAIN || p->server_rc != ERR_AGAIN)
			after++;
		tls_pair_turn(p);
	}
}

bool tls_pair_ok(const struct tls_pair *p)
{
	return p->client_rc == 0 && p->server_rc == 0;
}

ssize_t tls_pair_read(struct tls_pair *p, struct tls *t, void *to, size_t n)
{
	ssize_t got = ERR_AGAIN;

	for (int turn = 0; turn < TURNS_OF_ONE && got == ERR_AGAIN; turn++) {
		got = tls_read(t, to, n);
		tls_pair_turn(p);
	}
	return got;
}

void tls_pair_write(struct tls *t, const void *bytes, size_t n)
{
	struct iovec iov = {(void *)(uintptr_t)bytes, n};

	if (tls_write(t, &iov, 1) != (ssize_t)n)
		panic("tls_pair_write: %zu bytes: %s", n, tls_reason(t));
}
