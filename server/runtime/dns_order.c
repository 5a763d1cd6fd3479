#include "runtime/dns_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCOPE_LINK   2
#define SCOPE_SITE   5
#define SCOPE_GLOBAL 14

/* RFC 6724 2.1; the longest prefix that fits counts. */
static const struct policy {
	unsigned char prefix[16];
	int bits, precedence, label;
} policies[] = {
	{{[15] = 1}, 128, 50, 0},
	{{[10] = 0xff, 0xff}, 96, 35, 4},
	{{0}, 96, 1, 3},
	{{0x20, 0x01}, 32, 5, 5},
	{{0x20, 0x02}, 16, 30, 2},
	{{0x3f, 0xfe}, 16, 1, 12},
	{{0xfe, 0xc0}, 10, 1, 11},
	{{0xfc}, 7, 3, 13},
	{{0}, 0, 40, 1},
};

/* An address as RFC 6724 sees it: IPv4 is ::ffff:a.b.c.d. */
typedef unsigned char address[16];

struct rank {
	struct dns_pick pick;
	bool usable;     /* rule 1: there is a way to it */
	bool same_scope; /* 2: as that of the source address that we would have */
	bool same_label; /* 5 */
	int precedence;  /* 6 */
	int scope;       /* 8 */
	int common_bits; /* 9: with the source address */
	unsigned place;  /* 10: as the server said */
};

struct span dns_pick_text(const struct dns_pick *p)
{
	return (struct span){p->from->records.text.p + p->record->at, p->record->n};
}

static int common_bits(const unsigned char *a, const unsigned char *b)
{
	for (int i = 0; i < 16; i++)
		if (a[i] != b[i])
			return i * 8 + __builtin_clz((unsigned)(a[i] ^ b[i])) - 24;
	return 128;
}

static const struct policy *policy_of(const unsigned char *a)
{
	size_t i = 0;

	while (common_bits(a, policies[i].prefix) < policies[i].bits)
		i++;
	return &policies[i];
}

/* RFC 6724 3.1 and 3.2. */
static int scope_of(const unsigned char *a)
{
	if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)a))
		return a[12] == 127 || (a[12] == 169 && a[13] == 254) ? SCOPE_LINK : SCOPE_GLOBAL;
	if (a[0] == 0xff)
		return a[1] & 0x0f;
	if (IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)a) ||
		IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)a))
		return SCOPE_LINK;
	return IN6_IS_ADDR_SITELOCAL((const struct in6_addr *)a) ? SCOPE_SITE : SCOPE_GLOBAL;
}

static void map_v4(unsigned char *out, const void *v4)
{
	memset(out, 0, 16);
	out[10] = out[11] = 0xff;
	memcpy(out + 12, v4, 4);
}

/* The address that we would have when we speak to `to`. No packet is sent. */
static bool source_of(unsigned char *out, const unsigned char *to, int family)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	struct sockaddr *sa = family == 4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6;
	socklen_t n = family == 4 ? sizeof(in) : sizeof(in6);
	int fd = socket(sa->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	memcpy(&in.sin_addr, to + 12, 4);
	memcpy(&in6.sin6_addr, to, 16);
	ok = connect(fd, sa, n) == 0 && getsockname(fd, sa, &n) == 0;
	close(fd);
	if (family == 4)
		map_v4(out, &in.sin_addr);
	else
		memcpy(out, &in6.sin6_addr, 16);
	return ok;
}

static void parse(unsigned char *out, const struct dns_pick *pick)
{
	struct span text = dns_pick_text(pick);
	char host[INET6_ADDRSTRLEN];
	size_t n = 0;
	struct in_addr v4;

	while (n < text.n && n < sizeof(host) - 1 && text.p[n] != '%') {
		host[n] = text.p[n];
		n++;
	}
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &v4) == 1)
		map_v4(out, &v4);
	else if (inet_pton(AF_INET6, host, out) != 1)
		memset(out, 0, 16);
}

static void rank_one(struct rank *r, const struct dns_pick *pick, unsigned place)
{
	address to, from;
	const struct policy *policy;

	parse(to, pick);
	policy = policy_of(to);
	*r = (struct rank){.pick = *pick, .place = place};
	r->usable = source_of(from, to, pick->record->family);
	r->precedence = policy->precedence;
	r->scope = scope_of(to);
	if (!r->usable)
		return;
	r->same_scope = scope_of(from) == r->scope;
	r->same_label = policy_of(from)->label == policy->label;
	/* Not of IPv4: it says nothing there, and would undo the servers' taking of turns. */
	r->common_bits = pick->record->family == 6 ? MIN(common_bits(from, to), 64) : 0;
}

static int compare(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->usable != y->usable)
		return y->usable - x->usable;
	if (x->same_scope != y->same_scope)
		return y->same_scope - x->same_scope;
	if (x->same_label != y->same_label)
		return y->same_label - x->same_label;
	if (x->precedence != y->precedence)
		return y->precedence - x->precedence;
	if (x->scope != y->scope)
		return x->scope - y->scope;
	if (x->pick.record->family == y->pick.record->family && x->common_bits != y->common_bits)
		return y->common_bits - x->common_bits;
	return x->place < y->place ? -1 : 1;
}

void dns_order_addresses(struct dns_pick *v, unsigned n)
{
	struct rank ranks[2 * DNS_RECORDS_MAX];

	ENSURE(n <= ARRAY_LEN(ranks));
	if (n < 2)
		return;
	for (unsigned i = 0; i < n; i++)
		rank_one(&ranks[i], &v[i], i);
	qsort(ranks, n, sizeof(*ranks), compare);
	for (unsigned i = 0; i < n; i++)
		v[i] = ranks[i].pick;
}

/* By priority; those without weight before the others (RFC 2782, "Weight"). */
static bool comes_before(const struct dns_record *a, const struct dns_record *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->weight == 0 && b->weight != 0;
}

static uint32_t random_up_to(uint32_t max)
{
	uint64_t r = 0;

	/* Fails only before the kernel has any randomness: then the order is the server's. */
	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		return 0;
	return (uint32_t)(r % ((uint64_t)max + 1));
}

/* Of v[0] to v[n - 1], all of one priority: which is to be the first. */
static unsigned choose(const struct dns_pick *v, unsigned n)
{
	uint32_t sum = 0, at, running = 0;
	unsigned i = 0;

	for (unsigned k = 0; k < n; k++)
		sum += v[k].record->weight;
	at = random_up_to(sum);
	for (;; i++) {
		running += v[i].record->weight;
		if (running >= at)
			return i;
	}
}

static void move(struct dns_pick *v, unsigned from, unsigned to)
{
	struct dns_pick moved = v[from];

	memmove(v + to + 1, v + to, (from - to) * sizeof(*v));
	v[to] = moved;
}

void dns_order_services(struct dns_pick *v, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		unsigned to = i;

		while (to > 0 && comes_before(v[i].record, v[to - 1].record))
			to--;
		move(v, i, to);
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned end = i + 1;

		while (end < n && v[end].record->priority == v[i].record->priority)
			end++;
		move(v, i + choose(v + i, end - i), i);
	}
}
