#include "runtime/dns_int.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <ares.h>

/* RFC 1035 4.1. The message is a stranger's: nothing in it is taken for granted. */

#define CLASS_IN 1
#define TYPE_SOA 6
#define POINTER  0xc0

struct cursor {
	const unsigned char *p, *end;
	struct span message; /* names point anywhere into it */
};

struct rr {
	unsigned type, class;
	uint32_t ttl;
	struct cursor data;
};

static size_t left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

static bool take16(struct cursor *c, unsigned *v_r)
{
	if (left(c) < 2)
		return false;
	*v_r = (unsigned)(c->p[0] << 8 | c->p[1]);
	c->p += 2;
	return true;
}

static bool take32(struct cursor *c, uint32_t *v_r)
{
	unsigned high, low;

	if (!take16(c, &high) || !take16(c, &low))
		return false;
	*v_r = (uint32_t)high << 16 | low;
	return true;
}

static bool skip_name(struct cursor *c)
{
	while (c->p < c->end) {
		unsigned n = *c->p++;

		if (n == 0)
			return true;
		if (n >= POINTER)
			return c->p++ < c->end;
		if (n > left(c))
			return false;
		c->p += n;
	}
	return false;
}

static bool take_rr(struct cursor *c, struct rr *rr_r)
{
	unsigned n;

	if (!skip_name(c) || !take16(c, &rr_r->type) || !take16(c, &rr_r->class) ||
		!take32(c, &rr_r->ttl) || !take16(c, &n) || n > left(c))
		return false;
	if (rr_r->ttl > INT32_MAX) /* RFC 2181 8 */
		rr_r->ttl = 0;
	rr_r->data = (struct cursor){c->p, c->p + n, c->message};
	c->p += n;
	return true;
}

void dns_records_add(struct dns_records *rs, struct dns_record r, struct span text)
{
	if (rs->n == DNS_RECORDS_MAX)
		return;
	if ((rs->n & (rs->n - 1)) == 0) /* 0, 1, 2, 4: full */
		rs->v = mem_realloc(rs->v, MAX(2 * rs->n, 1) * sizeof(r));
	r.at = (uint32_t)rs->text.n;
	r.n = (uint32_t)text.n;
	buf_append(&rs->text, text.p, text.n);
	rs->v[rs->n++] = r;
}

void dns_records_fini(struct dns_records *rs)
{
	mem_free(rs->v);
	buf_fini(&rs->text);
	*rs = (struct dns_records){0};
}

static bool add_address(struct dns_records *rs, int family, const struct cursor *c)
{
	char text[INET6_ADDRSTRLEN];

	if (left(c) != (family == AF_INET ? 4 : 16))
		return false;
	inet_ntop(family, c->p, text, sizeof(text));
	dns_records_add(
		rs, (struct dns_record){.family = family == AF_INET ? 4 : 6}, span_of(text));
	return true;
}

static bool add_name(struct dns_records *rs, struct dns_record r, const struct cursor *c)
{
	char *name;
	long n;

	if (ares_expand_name(c->p, (const unsigned char *)c->message.p, (int)c->message.n, &name,
		    &n) != ARES_SUCCESS)
		return false;
	dns_records_add(rs, r, span_of(name));
	ares_free_string(name);
	return true;
}

static bool add_service(struct dns_records *rs, struct cursor c, bool srv)
{
	unsigned priority, weight = 0, port = 0;

	if (!take16(&c, &priority) || (srv && (!take16(&c, &weight) || !take16(&c, &port))))
		return false;
	return add_name(rs,
		(struct dns_record){.priority = (uint16_t)priority,
			.weight = (uint16_t)weight,
			.port = (uint16_t)port},
		&c);
}

/* The strings of one record are one text (as of RFC 7208 3.3): they are cut at 255 bytes only. */
static bool add_text(struct dns_records *rs, struct cursor c)
{
	struct buf joined = {0};
	bool ok = true;

	while (ok && c.p < c.end) {
		unsigned n = *c.p++;

		ok = n <= left(&c);
		if (ok)
			buf_append(&joined, c.p, n);
		c.p += n;
	}
	if (ok)
		dns_records_add(rs, (struct dns_record){0}, buf_span(&joined));
	buf_fini(&joined);
	return ok;
}

static bool add(struct dns_records *rs, const struct rr *rr)
{
	switch ((enum dns_kind)rr->type) {
	case DNS_A:
		return add_address(rs, AF_INET, &rr->data);
	case DNS_AAAA:
		return add_address(rs, AF_INET6, &rr->data);
	case DNS_SRV:
	case DNS_MX:
		return add_service(rs, rr->data, rr->type == DNS_SRV);
	case DNS_TXT:
		return add_text(rs, rr->data);
	case DNS_ANY:
		break;
	}
	return false;
}

/* RFC 2308 5: the lesser of the record's own and its last field. */
static void read_soa(struct dns_records *rs, const struct rr *rr)
{
	struct cursor last = rr->data;
	uint32_t minimum;

	if (left(&last) < 4)
		return;
	last.p = last.end - 4;
	take32(&last, &minimum);
	rs->ttl = MIN(rr->ttl, minimum);
	rs->has_ttl = true;
}

static void lower_ttl(struct dns_records *rs, uint32_t ttl)
{
	rs->ttl = rs->has_ttl ? MIN(rs->ttl, ttl) : ttl;
	rs->has_ttl = true;
}

static bool read_answers(struct dns_records *rs, struct cursor *c, enum dns_kind kind, unsigned n)
{
	struct rr rr;

	while (n-- > 0) {
		if (!take_rr(c, &rr))
			return false;
		lower_ttl(rs, rr.ttl); /* the aliases' too */
		if (rr.type == (unsigned)kind && rr.class == CLASS_IN && !add(rs, &rr))
			return false;
	}
	return true;
}

bool dns_message_read(struct dns_records *rs, enum dns_kind kind, struct span message)
{
	const unsigned char *p = (const unsigned char *)message.p;
	struct cursor c = {p, p + message.n, message};
	unsigned id_and_flags, counts[4];
	struct rr rr;

	for (int i = 0; i < 2; i++)
		if (!take16(&c, &id_and_flags))
			return false;
	for (int i = 0; i < 4; i++)
		if (!take16(&c, &counts[i]))
			return false;
	while (counts[0]-- > 0) {
		if (!skip_name(&c) || left(&c) < 4)
			return false;
		c.p += 4;
	}
	if (!read_answers(rs, &c, kind, counts[1]))
		return false;
	while (rs->n == 0 && counts[2]-- > 0) {
		if (!take_rr(&c, &rr))
			return false;
		if (rr.type == TYPE_SOA && rr.class == CLASS_IN)
			read_soa(rs, &rr);
	}
	return true;
}
