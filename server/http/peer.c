#include "http/peer.h"

#include "base/mem.h"
#include "http/codec.h"
#include "http/proxy_fields.h"
#include "net/acceptor.h"

static struct {
	struct cidr *nets; /* owned */
	size_t n;
} trusted;

/* Trust. */

int peer_trust_add(const char *address_or_cidr, char *err, size_t cap)
{
	struct cidr net;
	int rc = cidr_parse(&net, address_or_cidr, err, cap);

	if (rc == 0)
		peer_trust_net(&net);
	return rc;
}

/* ::ffff:10.0.0.0/104 is 10.0.0.0/8: peers are compared as IPv4, so must networks be. */
static void unmap(struct cidr *net)
{
	static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};

	if (net->family != AF_INET6 || net->bits < 96 || memcmp(net->net, prefix, 12) != 0)
		return;
	net->family = AF_INET;
	net->bits -= 96;
	memmove(net->net, net->net + 12, 4);
	memset(net->net + 4, 0, 12);
}

void peer_trust_net(const struct cidr *net)
{
	trusted.nets = mem_realloc(trusted.nets, (trusted.n + 1) * sizeof(*net));
	trusted.nets[trusted.n] = *net;
	unmap(&trusted.nets[trusted.n++]);
}

void peer_trust_clear(void)
{
	mem_free(trusted.nets);
	trusted.nets = NULL;
	trusted.n = 0;
}

static bool is_trusted(const struct sockaddr *sa)
{
	for (size_t i = 0; i < trusted.n; i++)
		if (cidr_contains(&trusted.nets[i], sa))
			return true;
	return false;
}

/* The walk. */

/* "ws" and "wss" are what some proxies write for WebSocket handshakes. NULL: none that we know. */
static const char *find_scheme(struct span s)
{
	if (span_ieq(s, SPAN("https")) || span_ieq(s, SPAN("wss")))
		return "https";
	if (span_ieq(s, SPAN("http")) || span_ieq(s, SPAN("ws")))
		return "http";
	return NULL;
}

/* *a: a trusted peer, replaced by whom it names in `node`. False: the walk is over. */
static bool walk_on(struct addr *a, struct span node)
{
	struct addr next;

	if (!proxy_node_parse(node, &next))
		return false;
	*a = next;
	return is_trusted(&a->sa);
}

/* False: there is no list. */
static bool walk_x_forwarded(const struct exchange *ex, struct addr *a)
{
	struct proxy_list l = proxy_list(&ex->head.fields, SPAN("x-forwarded-for"));
	struct span element;
	bool any = false;

	while (proxy_list_next(&l, &element)) {
		any = true;
		if (!walk_on(a, element))
			break;
	}
	return any;
}

/*
 * The scheme, or NULL when none is given. An element was written by a trusted peer even when its
 * "for" is hidden ("unknown", "_x") or missing, so its proto counts.
 */
static const char *walk_forwarded(const struct exchange *ex, struct addr *a)
{
	struct proxy_list l = proxy_list(&ex->head.fields, SPAN("forwarded"));
	const char *scheme = NULL;
	struct span element;
	struct forwarded f;

	while (proxy_list_next(&l, &element) && forwarded_parse(element, &f)) {
		const char *given = f.proto.p != NULL ? find_scheme(f.proto) : NULL;

		if (given != NULL)
			scheme = given;
		if (f.node.p == NULL || !walk_on(a, f.node))
			break;
	}
	return scheme;
}

/* What the trusted peer in *a says; the scheme that it names, or NULL. */
static const char *ask_proxy(const struct exchange *ex, struct addr *a)
{
	struct proxy_list l = proxy_list(&ex->head.fields, SPAN("x-forwarded-proto"));
	const char *scheme = NULL;
	struct span last;

	if (!walk_x_forwarded(ex, a))
		scheme = walk_forwarded(ex, a);
	if (scheme == NULL && proxy_list_next(&l, &last))
		scheme = find_scheme(last);
	return scheme;
}

static char *put_octet(char *out, unsigned v)
{
	if (v >= 100)
		*out++ = (char)('0' + v / 100);
	if (v >= 10)
		*out++ = (char)('0' + v / 10 % 10);
	*out++ = (char)('0' + v % 10);
	return out;
}

/* As addr_host. IPv4 by hand, since each line of the access log has one: inet_ntop takes 200 ns. */
static void print_host(const struct sockaddr *sa, char *out, size_t cap)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const unsigned char *octet;

	if (sa->sa_family == AF_INET) {
		octet = (const unsigned char *)&in->sin_addr;
	} else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		octet = in6->sin6_addr.s6_addr + 12;
	} else {
		addr_host(sa, out, cap);
		return;
	}
	for (int i = 0; i < 4; i++) {
		out = put_octet(out, octet[i]);
		*out++ = i < 3 ? '.' : '\0';
	}
}

void peer_of(const struct exchange *ex, struct peer *out)
{
	const struct conn *c = ex->codec != NULL ? ex->codec->conn(ex) : NULL;
	const char *scheme = NULL;
	const struct sockaddr *sa;
	struct addr client;

	*out = (struct peer){.scheme = "http"};
	if (c == NULL)
		return;
	sa = &c->peer.sa;
	if (trusted.n > 0 && is_trusted(sa)) {
		memcpy(&client.storage, &c->peer, sizeof(c->peer));
		scheme = ask_proxy(ex, &client);
		sa = &client.sa;
	}
	if (scheme == NULL && c->transport != NULL)
		scheme = c->transport->scheme;
	if (scheme != NULL)
		out->scheme = scheme;
	out->is_unix = sa->sa_family == AF_UNIX;
	if (!out->is_unix)
		print_host(sa, out->host, sizeof(out->host));
	out->port = addr_port(sa);
}

/* The other side. */

void peer_server(const struct exchange *ex, char *host, size_t cap, int *port_r)
{
	const struct conn *c = ex->codec != NULL ? ex->codec->conn(ex) : NULL;
	struct addr local = {.len = sizeof(local.storage)};
	const struct sockaddr *sa = &local.sa;

	host[0] = '\0';
	*port_r = 0;
	if (c == NULL)
		return;
	/* The listener knows no more than its wildcard, so a TCP socket is asked itself. */
	if (c->peer.sa.sa_family == AF_UNIX || getsockname(c->fd, &local.sa, &local.len) != 0) {
		if (c->listener == NULL)
			return;
		sa = (const struct sockaddr *)&c->listener->address;
	}
	addr_host(sa, host, cap);
	*port_r = addr_port(sa);
}
