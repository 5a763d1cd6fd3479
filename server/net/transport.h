#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include "base/base.h"

#include <sys/types.h>
#include <sys/uio.h>

/*
 * How bytes leave and enter a connection: plain sockets, TLS, or a script in memory in the tests.
 * All calls are non-blocking and answer a count of bytes > 0, ERR_AGAIN, or ERR_CLOSED; read
 * answers 0 at the end of input.
 */
struct conn;

struct transport {
	const char *scheme; /* "http" or "https" */
	ssize_t (*read)(struct conn *c, void *p, size_t n);
	ssize_t (*write)(struct conn *c, const struct iovec *iov, int n, bool more);
	ssize_t (*send_file)(
		struct conn *c, int fd, off_t *offset, size_t n); /* ERR_IO: file ended */
	void (*watch)(struct conn *c, int events); /* EV_READ | EV_WRITE wanted from now on */
	void (*shut)(struct conn *c);              /* no more writing: FIN */
	bool (*hung_up)(struct conn *c);           /* both directions are gone, or reset */
	void (*close)(struct conn *c);
};

extern const struct transport transport_tcp; /* TCP and unix sockets */

#endif
