#ifndef NET_ADDR_H
#define NET_ADDR_H

#include "base/base.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

/*
 * Addresses: where the gateway listens, who its peers are, and which peers are trusted.
 *
 * A written address is one of
 *     127.0.0.1:8000   [::1]:8000   localhost:8000   :8000   unix:/run/moonloop.sock
 * ":8000" means every address of the machine, IPv4 and IPv6 through one dual-stack socket;
 * "[::]:8000" is IPv6 alone, so that it can stand beside "0.0.0.0:8000". A host name is looked up
 * (IPv4 first, where it has both): that may block, so addr_parse is for start-up only. Port 0 lets
 * the kernel choose.
 *
 * addr_parse_literal knows no host names but "localhost" (127.0.0.1), never blocks, and takes the
 * abstract unix sockets of Linux, too: "unix:@name".
 *
 * The functions on a plain `struct sockaddr` are for peers and never block. An IPv4 peer of a
 * dual-stack socket (::ffff:192.0.2.1) is shown and compared as the IPv4 address that it is.
 * A struct addr owns nothing and may be copied.
 */
#define ADDR_TEXT_MAX 128 /* of a written or printed address, with its NUL */
#define ADDR_HOST_MAX 64  /* of a printed IP address, with its NUL */

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t len;
	bool dual;                /* ":PORT": the IPv6 socket takes IPv4 too */
	char text[ADDR_TEXT_MAX]; /* as it was written */
};

/* A network of trusted peers; family AF_UNIX: every peer of a unix socket. */
struct cidr {
	int family; /* AF_INET, AF_INET6, AF_UNIX */
	int bits;
	unsigned char net[16]; /* network byte order, host bits zero */
};

/* 0, or ERR_INVALID / ERR_NOT_FOUND with one line in err that quotes the text. */
int addr_parse(struct addr *a, const char *text, char *err, size_t cap);
int addr_parse_literal(struct addr *a, const char *text, char *err, size_t cap);

/* An IP address, with a port or without: "192.0.2.1", "192.0.2.1:53", "::1", "[::1]:53". */
int addr_parse_ip(struct addr *a, const char *text, int port, char *err, size_t cap);

/* "127.0.0.1:8000", "[::1]:8000", "unix:/path": the address itself, not what was written. */
const char *addr_print(const struct addr *a, char *out, size_t cap);

/*
 * "127.0.0.1", "::1", the path of a unix socket; returns `out`. The peer of a unix socket has no
 * path and is "", provided that the storage was zeroed before accept(2).
 */
const char *addr_host(const struct sockaddr *sa, char *out, size_t cap);
int addr_port(const struct sockaddr *sa); /* 0 for a unix socket */
void addr_set_port(struct addr *a, int port);

bool addr_is_unix(const struct addr *a);
bool addr_is_any(const struct addr *a); /* 0.0.0.0, [::] */

/* "192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "unix"; errors as addr_parse. Looks nothing up. */
int cidr_parse(struct cidr *c, const char *text, char *err, size_t cap);
bool cidr_contains(const struct cidr *c, const struct sockaddr *peer);

#endif
