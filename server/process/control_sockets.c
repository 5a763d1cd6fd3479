#include "process/control_sockets.h"

#include "base/mem.h"
#include "net/listen.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 8

static int open_one(struct control_sockets *c, const struct options *o, char *err, size_t cap)
{
	char *text = mem_printf("unix:%s.%d", o->control, c->n);
	struct addr *a = &c->addrs[c->n];
	int rc = addr_parse(a, text, err, cap);

	mem_free(text);
	if (rc != 0)
		return -1;
	c->fds[c->n] = listen_open(a, BACKLOG, false, err, cap);
	if (c->fds[c->n] < 0)
		return -1;
	c->n++;
	return 0;
}

int control_sockets_open(struct control_sockets *c, const struct options *o, char *err, size_t cap)
{
	memset(c, 0, sizeof(*c));
	if (o->control[0] == '\0')
		return 0;
	c->addrs = mem_zalloc(sizeof(*c->addrs) * (size_t)o->workers);
	c->fds = mem_zalloc(sizeof(*c->fds) * (size_t)o->workers);
	while (c->n < o->workers)
		if (open_one(c, o, err, cap) != 0) {
			control_sockets_close(c);
			return -1;
		}
	return 0;
}

void control_sockets_close(struct control_sockets *c)
{
	for (int i = 0; i < c->n; i++) {
		listen_unlink(&c->addrs[i]);
		close(c->fds[i]);
	}
	mem_free(c->addrs);
	mem_free(c->fds);
	memset(c, 0, sizeof(*c));
}

int control_sockets_slot(const struct control_sockets *c, int slot)
{
	return slot < c->n ? c->fds[slot] : -1;
}

void control_sockets_keep(struct control_sockets *c, int slot)
{
	for (int i = 0; i < c->n; i++)
		if (i != slot)
			close(c->fds[i]);
}
