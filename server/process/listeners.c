#include "process/listeners.h"

#include "base/mem.h"
#include "net/listen.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int *fd_of(const struct listeners *l, int slot, int i)
{
	return &l->fds[slot * l->n + i];
}

const int *listeners_slot(const struct listeners *l, int slot)
{
	return fd_of(l, slot, 0);
}

static int open_unix(struct listeners *l, int i, const struct options *o, char *err, size_t cap)
{
	int fd = listen_open(&l->addrs[i], o->backlog, false, err, cap);

	for (int slot = 0; slot < l->slots; slot++)
		*fd_of(l, slot, i) = fd;
	if (fd < 0)
		return -1;
	return listen_set_mode(&l->addrs[i], o->unix_mode, err, cap);
}

static int open_tcp(struct listeners *l, int i, const struct options *o, char *err, size_t cap)
{
	struct addr *a = &l->addrs[i];
	bool several = l->slots > 1;

	/* SO_REUSEPORT would let us join a port that another gateway of this user serves. */
	if (several && !listen_probe(a, err, cap))
		return -1;
	for (int slot = 0; slot < l->slots; slot++) {
		int fd = listen_open(a, o->backlog, several, err, cap);

		*fd_of(l, slot, i) = fd;
		if (fd < 0)
			return -1;
		listen_fill_port(fd, a);
	}
	return 0;
}

int listeners_open(struct listeners *l, const struct options *o, char *err, size_t cap)
{
	size_t fds = (size_t)o->workers * (size_t)o->bind.n;

	l->slots = o->workers;
	l->n = o->bind.n;
	l->addrs = mem_dup(o->bind.v, sizeof(*l->addrs) * (size_t)l->n);
	l->fds = mem_alloc(sizeof(*l->fds) * fds);
	for (size_t i = 0; i < fds; i++)
		l->fds[i] = -1;
	for (int i = 0; i < l->n; i++) {
		int rc = addr_is_unix(&l->addrs[i]) ? open_unix(l, i, o, err, cap)
		                                    : open_tcp(l, i, o, err, cap);

		if (rc != 0) {
			listeners_close(l);
			return -1;
		}
	}
	return 0;
}

/* A unix socket stands in every row, and is to be closed once. */
static bool shared(const struct listeners *l, int slot, int i)
{
	return slot > 0 && addr_is_unix(&l->addrs[i]);
}

void listeners_close(struct listeners *l)
{
	for (int i = 0; i < l->n; i++) {
		if (*fd_of(l, 0, i) >= 0)
			listen_unlink(&l->addrs[i]);
		for (int slot = 0; slot < l->slots; slot++)
			if (*fd_of(l, slot, i) >= 0 && !shared(l, slot, i))
				close(*fd_of(l, slot, i));
	}
	mem_free(l->addrs);
	mem_free(l->fds);
	memset(l, 0, sizeof(*l));
}

void listeners_keep(struct listeners *l, int slot)
{
	for (int other = 0; other < l->slots; other++)
		for (int i = 0; i < l->n; i++)
			if (other != slot && !addr_is_unix(&l->addrs[i]))
				close(*fd_of(l, other, i));
}

const char *listeners_print(const struct listeners *l, char *out, size_t cap)
{
	char where[ADDR_TEXT_MAX];
	size_t n = 0;

	out[0] = '\0';
	for (int i = 0; i < l->n && n < cap; i++) {
		const struct addr *a = &l->addrs[i];
		const char *and = i > 0 ? " and " : "";

		if (addr_is_unix(a))
			n += (size_t)snprintf(
				out + n, cap - n, "%s%s", and, addr_print(a, where, sizeof(where)));
		else if (addr_is_any(a))
			n += (size_t)snprintf(out + n, cap - n,
				"%shttp://localhost:%d (every address)", and, addr_port(&a->sa));
		else
			n += (size_t)snprintf(out + n, cap - n, "%shttp://%s", and,
				addr_print(a, where, sizeof(where)));
	}
	return out;
}
