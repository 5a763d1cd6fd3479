#ifndef PROCESS_CONTROL_SOCKETS_H
#define PROCESS_CONTROL_SOCKETS_H

#include "process/options.h"

/*
 * The sockets of --control: a unix socket for each worker slot, PATH.0, PATH.1, ... with mode 0600.
 * As the listeners they are made by the master before the first fork, held until it ends, and
 * borrowed by the workers of the slot one after the other. None without --control.
 */
struct control_sockets {
	int n;              /* slots; 0: no --control */
	struct addr *addrs; /* owned */
	int *fds;           /* owned */
};

/* 0, or -1 with one line in err; nothing is left open then. */
int control_sockets_open(struct control_sockets *c, const struct options *o, char *err, size_t cap);
void control_sockets_close(struct control_sockets *c);

int control_sockets_slot(const struct control_sockets *c, int slot); /* -1: none */

/* In a worker: closes those of the others. */
void control_sockets_keep(struct control_sockets *c, int slot);

#endif
