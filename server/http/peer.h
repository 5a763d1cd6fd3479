#ifndef HTTP_PEER_H
#define HTTP_PEER_H

#include "http/exchange.h"
#include "net/addr.h"

/*
 * Who sent a request. That is the socket's peer, unless it is a proxy that was declared trusted:
 * then X-Forwarded-For is read from its right end, where each proxy put the address that it saw.
 * Trusted addresses are walked past, the first other one is the client; something that is no
 * address ends the walk at the last good one, so that what a client wrote itself is never
 * believed. Without X-Forwarded-For the same is done with Forwarded (RFC 7239). The scheme is the
 * last X-Forwarded-Proto, or the proto of the element of Forwarded that named the client.
 *
 * A trusted proxy must set these fields or remove them: what it passes on unread is the client's.
 *
 * An IPv4 address in an IPv6 one (::ffff:192.0.2.1) is that IPv4 address here. The list of
 * trusted networks is the process's, made before the first request. Nothing here allocates but
 * the list. The loop's thread only; while the wire end is there (ex->codec).
 */
struct peer {
	char host[ADDR_HOST_MAX]; /* "" of a unix socket, or when nobody knows */
	int port;                 /* 0: unknown, as proxies seldom tell it */
	bool is_unix;
	const char *scheme; /* "http" or "https"; static */
};

void peer_of(const struct exchange *ex, struct peer *out);

/*
 * Where the request arrived: the local address of a TCP connection, or the path of the unix
 * socket with port 0; "" when nobody knows. ADDR_TEXT_MAX bytes are enough for each.
 */
void peer_server(const struct exchange *ex, char *host, size_t cap, int *port_r);

/* "192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "unix"; 0, or cidr_parse's code and line. */
int peer_trust_add(const char *address_or_cidr, char *err, size_t cap);
void peer_trust_net(const struct cidr *net); /* the same, already parsed; copied */
void peer_trust_clear(void);                 /* frees the list: nobody is trusted */

#endif
