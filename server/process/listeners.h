#ifndef PROCESS_LISTENERS_H
#define PROCESS_LISTENERS_H

#include "process/options.h"

/*
 * All listening sockets of the gateway: a table of worker slots by addresses. A TCP address has
 * one SO_REUSEPORT socket for each slot (a plain one when there is a single slot); a unix address
 * has one socket, which stands in every slot's row. Made by the master before the first fork and
 * held until it ends; a worker borrows its row and closes the rest.
 */
struct listeners {
	int slots;
	int n;              /* addresses */
	struct addr *addrs; /* owned; n, with the port that the kernel chose for port 0 */
	int *fds;           /* owned; slots * n, -1: not open */
};

/* 0, or -1 with one line in err; nothing is left open then. */
int listeners_open(struct listeners *l, const struct options *o, char *err, size_t cap);
void listeners_close(struct listeners *l); /* unlinks unix sockets, closes all, frees */

const int *listeners_slot(const struct listeners *l, int slot); /* n descriptors */

/* In a worker: closes the descriptors that are not of this slot. */
void listeners_keep(struct listeners *l, int slot);

/* "http://127.0.0.1:8000 and unix:/run/x.sock"; returns `out`. */
const char *listeners_print(const struct listeners *l, char *out, size_t cap);

#endif
