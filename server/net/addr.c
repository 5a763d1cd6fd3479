#include "net/addr.h"

#include "base/err.h"
#include "base/span.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

#define UNIX_PREFIX "unix:"

/* The part of `text` up to `end`, as a string; false when it does not fit. */
static bool cut(char *out, size_t cap, const char *text, const char *end)
{
	size_t n = (size_t)(end - text);

	if (n >= cap)
		return false;
	memcpy(out, text, n);
	out[n] = '\0';
	return true;
}

static int refuse(char *err, size_t cap, const char *text, const char *why)
{
	snprintf(err, cap, "\"%.200s\" %s", text, why);
	return ERR_INVALID;
}

static int parse_unix(struct addr *a, const char *path, bool literal, char *err, size_t cap)
{
	size_t n = strlen(path);

	if (n == 0)
		return refuse(err, cap, a->text, "has no path behind unix:");
	if (n >= sizeof(a->un.sun_path))
		return refuse(err, cap, a->text, "is too long for a unix socket (107 bytes)");
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, path, n + 1);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	if (literal && path[0] == '@') { /* the name ends where the address ends (unix(7)) */
		a->un.sun_path[0] = '\0';
		a->len--;
	}
	return 0;
}

static int parse_port(const char *text, int *port_r)
{
	uint64_t port;

	if (!span_to_u64(span_of(text), &port) || port > 65535)
		return ERR_INVALID;
	*port_r = (int)port;
	return 0;
}

static void set_v4(struct addr *a, const struct in_addr *host)
{
	a->in.sin_family = AF_INET;
	a->in.sin_addr = *host;
	a->len = sizeof(a->in);
}

static void set_v6(struct addr *a, const struct in6_addr *host)
{
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_addr = *host;
	a->len = sizeof(a->in6);
}

/* IPv4 first: who writes "localhost" most often means 127.0.0.1. */
static int look_up(struct addr *a, const char *host, char *err, size_t cap)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		hints.ai_family = families[i];
		rc = getaddrinfo(host, NULL, &hints, &found);
		if (rc != 0)
			continue;
		memcpy(&a->storage, found->ai_addr, found->ai_addrlen);
		a->len = found->ai_addrlen;
		freeaddrinfo(found);
		return 0;
	}
	snprintf(err, cap, "\"%s\": cannot look up \"%s\": %s", a->text, host, gai_strerror(rc));
	return ERR_NOT_FOUND;
}

/* "[::1%eth0]:80": the scope may be needed, so getaddrinfo reads it; numeric, hence no look-up. */
static int parse_v6(struct addr *a, const char *host, char *err, size_t cap)
{
	struct addrinfo hints = {
		.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *found;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return refuse(err, cap, a->text, "has no IPv6 address between [ and ]");
	memcpy(&a->storage, found->ai_addr, found->ai_addrlen);
	a->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int no_address(struct addr *a, char *err, size_t cap)
{
	snprintf(err, cap, "\"%s\" has no IP address in front of the port", a->text);
	return ERR_NOT_FOUND;
}

static int parse_host(struct addr *a, const char *host, bool literal, char *err, size_t cap)
{
	struct in_addr v4;
	size_t n = strlen(host);

	if (n == 0) {
		a->dual = true;
		set_v6(a, &in6addr_any);
		return 0;
	}
	if (host[0] == '[' && host[n - 1] == ']') {
		char inner[ADDR_TEXT_MAX];

		cut(inner, sizeof(inner), host + 1, host + n - 1);
		return parse_v6(a, inner, err, cap);
	}
	if (strchr(host, ':') != NULL)
		return refuse(err, cap, a->text, "has an IPv6 address that is not in [ ]");
	if (inet_pton(AF_INET, host, &v4) == 1) {
		set_v4(a, &v4);
		return 0;
	}
	/* getaddrinfo would read "127.1" and "1" as addresses, which nobody means here. */
	if (strspn(host, "0123456789.") == n)
		return refuse(err, cap, a->text, "has no valid IPv4 address");
	if (literal && strcasecmp(host, "localhost") == 0)
		return parse_host(a, "127.0.0.1", literal, err, cap);
	return literal ? no_address(a, err, cap) : look_up(a, host, err, cap);
}

static int parse(struct addr *a, const char *text, bool literal, char *err, size_t cap)
{
	char host[ADDR_TEXT_MAX];
	const char *colon;
	int port, rc;

	memset(a, 0, sizeof(*a));
	if (text[0] == '\0')
		return refuse(err, cap, text, "is no address: want HOST:PORT, :PORT or unix:PATH");
	if (!cut(a->text, sizeof(a->text), text, text + strlen(text)))
		return refuse(err, cap, text, "is too long for an address");
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return parse_unix(a, text + strlen(UNIX_PREFIX), literal, err, cap);

	colon = strrchr(text, ':');
	if (colon == NULL || (text[0] == '[' && colon[-1] != ']'))
		return refuse(err, cap, text, "has no port: want HOST:PORT, :PORT or unix:PATH");
	if (parse_port(colon + 1, &port) != 0)
		return refuse(err, cap, text, "has no port from 0 to 65535 behind the last colon");
	cut(host, sizeof(host), text, colon);
	rc = parse_host(a, host, literal, err, cap);
	if (rc == 0)
		addr_set_port(a, port);
	return rc;
}

int addr_parse(struct addr *a, const char *text, char *err, size_t cap)
{
	return parse(a, text, false, err, cap);
}

int addr_parse_literal(struct addr *a, const char *text, char *err, size_t cap)
{
	return parse(a, text, true, err, cap);
}

int addr_parse_ip(struct addr *a, const char *text, int port, char *err, size_t cap)
{
	struct in_addr v4;
	struct in6_addr v6;
	int rc = 0;

	*a = (struct addr){.len = 0};
	if (inet_pton(AF_INET, text, &v4) == 1)
		set_v4(a, &v4);
	else if (inet_pton(AF_INET6, text, &v6) == 1)
		set_v6(a, &v6);
	else
		rc = addr_parse_literal(a, text, err, cap);
	if (rc != 0 || a->dual || addr_is_unix(a))
		return refuse(err, cap, text, "is no IP address, with or without :PORT");
	if (a->text[0] == '\0') {
		cut(a->text, sizeof(a->text), text, text + strlen(text));
		addr_set_port(a, port);
	}
	return rc;
}

/* The IPv4 address inside ::ffff:a.b.c.d, or NULL. */
static const unsigned char *mapped_v4(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (sa->sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return NULL;
	return in6->sin6_addr.s6_addr + 12;
}

const char *addr_host(const struct sockaddr *sa, char *out, size_t cap)
{
	const unsigned char *v4 = mapped_v4(sa);
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const struct sockaddr_un *un = (const void *)sa;

	out[0] = '\0';
	if (v4 != NULL)
		inet_ntop(AF_INET, v4, out, (socklen_t)cap);
	else if (sa->sa_family == AF_INET)
		inet_ntop(AF_INET, &in->sin_addr, out, (socklen_t)cap);
	else if (sa->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &in6->sin6_addr, out, (socklen_t)cap);
	else if (sa->sa_family == AF_UNIX)
		snprintf(out, cap, "%.*s", (int)sizeof(un->sun_path), un->sun_path);
	return out;
}

int addr_port(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
	if (sa->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
	return 0;
}

void addr_set_port(struct addr *a, int port)
{
	ENSURE(a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6);
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons((uint16_t)port);
	else
		a->in6.sin6_port = htons((uint16_t)port);
}

const char *addr_print(const struct addr *a, char *out, size_t cap)
{
	char host[ADDR_TEXT_MAX];

	addr_host(&a->sa, host, sizeof(host));
	if (addr_is_unix(a))
		snprintf(out, cap, UNIX_PREFIX "%s", host);
	else if (strchr(host, ':') != NULL)
		snprintf(out, cap, "[%s]:%d", host, addr_port(&a->sa));
	else
		snprintf(out, cap, "%s:%d", host, addr_port(&a->sa));
	return out;
}

bool addr_is_unix(const struct addr *a)
{
	return a->sa.sa_family == AF_UNIX;
}

bool addr_is_any(const struct addr *a)
{
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == htonl(INADDR_ANY);
	return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

/* Clears the bits behind the first `bits`. */
static void mask_net(unsigned char *net, int bits)
{
	for (int i = 0; i < 16; i++, bits -= 8) {
		if (bits <= 0)
			net[i] = 0;
		else if (bits < 8)
			net[i] &= (unsigned char)(0xff << (8 - bits));
	}
}

int cidr_parse(struct cidr *c, const char *text, char *err, size_t cap)
{
	const char *slash = strchr(text, '/');
	char host[ADDR_HOST_MAX];
	uint64_t bits;
	int max;

	memset(c, 0, sizeof(*c));
	if (strcmp(text, "unix") == 0) {
		c->family = AF_UNIX;
		return 0;
	}
	if (!cut(host, sizeof(host), text, slash != NULL ? slash : text + strlen(text)))
		return refuse(err, cap, text, "is no address");
	if (inet_pton(AF_INET, host, c->net) == 1)
		c->family = AF_INET;
	else if (inet_pton(AF_INET6, host, c->net) == 1)
		c->family = AF_INET6;
	else
		return refuse(
			err, cap, text, "is neither an address, a network (10.0.0.0/8) nor unix");

	max = c->family == AF_INET ? 32 : 128;
	bits = (uint64_t)max;
	if (slash != NULL && (!span_to_u64(span_of(slash + 1), &bits) || bits > (uint64_t)max))
		return refuse(err, cap, text, "has no valid length of the network behind /");
	c->bits = (int)bits;
	mask_net(c->net, c->bits);
	return 0;
}

bool cidr_contains(const struct cidr *c, const struct sockaddr *peer)
{
	const unsigned char *v4 = mapped_v4(peer);
	int family = v4 != NULL ? AF_INET : peer->sa_family;
	const struct sockaddr_in *in = (const void *)peer;
	const struct sockaddr_in6 *in6 = (const void *)peer;
	unsigned char host[16] = {0};

	if (family != c->family)
		return false;
	if (family == AF_UNIX)
		return true;
	if (v4 != NULL)
		memcpy(host, v4, 4);
	else if (family == AF_INET)
		memcpy(host, &in->sin_addr, 4);
	else
		memcpy(host, &in6->sin6_addr, 16);
	mask_net(host, c->bits);
	return memcmp(host, c->net, sizeof(host)) == 0;
}
