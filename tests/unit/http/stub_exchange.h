#ifndef TESTS_UNIT_HTTP_STUB_EXCHANGE_H
#define TESTS_UNIT_HTTP_STUB_EXCHANGE_H

/*
 * An exchange as its last moment sees it, for tests of what only reads one: built by hand over a
 * codec that does nothing but name its connection. No loop, no sockets.
 */

#include "../base/check.h"

#include "http/codec.h"

#include <arpa/inet.h>

struct stub {
	struct conn conn;
	struct exchange ex;
};

static inline const struct conn *stub_conn(const struct exchange *ex)
{
	return ex->wire;
}

static const struct codec stub_codec = {.name = "stub", .conn = stub_conn};

static inline void stub_init(struct stub *s)
{
	memset(s, 0, sizeof(*s));
	s->conn.fd = -1;
	s->conn.transport = &transport_tcp;
	arena_init(&s->ex.arena);
	fields_init(&s->ex.head.fields, &s->ex.arena);
	s->ex.codec = &stub_codec;
	s->ex.wire = &s->conn;
}

static inline void stub_fini(struct stub *s)
{
	arena_fini(&s->ex.arena);
}

/* "192.0.2.1", "2001:db8::1", "unix", or "" for a connection that knows nothing. */
static inline void stub_peer(struct stub *s, const char *host, int port)
{
	memset(&s->conn.peer, 0, sizeof(s->conn.peer));
	if (strcmp(host, "unix") == 0) {
		s->conn.peer.sa.sa_family = AF_UNIX;
	} else if (inet_pton(AF_INET, host, &s->conn.peer.in4.sin_addr) == 1) {
		s->conn.peer.in4.sin_family = AF_INET;
		s->conn.peer.in4.sin_port = htons((uint16_t)port);
	} else if (inet_pton(AF_INET6, host, &s->conn.peer.in6.sin6_addr) == 1) {
		s->conn.peer.in6.sin6_family = AF_INET6;
		s->conn.peer.in6.sin6_port = htons((uint16_t)port);
	} else {
		assert_string_equal(host, "");
	}
}

static inline void stub_field(struct stub *s, const char *name, struct span value)
{
	fields_add(&s->ex.head.fields, span_of(name), value);
}

#endif
