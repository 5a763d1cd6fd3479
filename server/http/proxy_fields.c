#include "http/proxy_fields.h"

#include <arpa/inet.h>

/* A list in one or more fields, from its right end. */

struct proxy_list proxy_list(const struct fields *f, struct span name)
{
	return (struct proxy_list){.fields = f, .name = name, .left = f->n};
}

/* A quote that is no part of what it quotes: with an even number of backslashes before it. */
static bool is_quote(const char *p, size_t at)
{
	size_t slashes = 0;

	if (p[at] != '"')
		return false;
	while (slashes < at && p[at - slashes - 1] == '\\')
		slashes++;
	return slashes % 2 == 0;
}

/*
 * The last element of `rest`, cut off. Read from the right, so that an open quote that the client
 * wrote at the left cannot swallow what the proxies appended.
 */
static struct span cut_last(struct span *rest)
{
	size_t at = rest->n;
	bool quoted = false;
	struct span last;

	while (at > 0 && (quoted || rest->p[at - 1] != ',')) {
		at--;
		if (is_quote(rest->p, at))
			quoted = !quoted;
	}
	last = (struct span){rest->p + at, rest->n - at};
	rest->n = at > 0 ? at - 1 : 0;
	return span_trim(last);
}

bool proxy_list_next(struct proxy_list *l, struct span *element_r)
{
	for (;;) {
		while (l->rest.n > 0) {
			*element_r = cut_last(&l->rest);
			if (element_r->n > 0)
				return true;
		}
		do {
			if (l->left == 0)
				return false;
			l->left--;
		} while (!span_eq(field_name(l->fields, l->left), l->name));
		l->rest = field_value(l->fields, l->left);
	}
}

/* An address that a proxy wrote. */

static bool parse_port(struct span s, in_port_t *port_r)
{
	uint64_t port;

	if (s.n > 5 || !span_to_u64(s, &port) || port > 65535)
		return false;
	*port_r = htons((uint16_t)port);
	return true;
}

/* An address without port or brackets; a longer one than any, or one with a NUL, is none. */
static bool parse_ip(struct span s, struct addr *a)
{
	char text[INET6_ADDRSTRLEN];

	if (s.n >= sizeof(text) || memchr(s.p, '\0', s.n) != NULL)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET, text, &a->in.sin_addr) == 1)
		a->in.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &a->in6.sin6_addr) == 1)
		a->in6.sin6_family = AF_INET6;
	else
		return false;
	return true;
}

/* [2001:db8::1], [2001:db8::1]:80 */
static bool parse_bracketed(struct span s, struct addr *a)
{
	const char *end = memchr(s.p, ']', s.n);
	size_t n = end != NULL ? (size_t)(end - s.p) : 0;
	struct span after = {s.p + n + 1, s.n - n - 1};
	in_port_t port = 0;

	if (n == 0 || !parse_ip((struct span){s.p + 1, n - 1}, a) || a->sa.sa_family != AF_INET6)
		return false;
	if (after.n > 0 &&
		(after.p[0] != ':' || !parse_port((struct span){after.p + 1, after.n - 1}, &port)))
		return false;
	a->in6.sin6_port = port;
	return true;
}

bool proxy_node_parse(struct span s, struct addr *a)
{
	const char *colon = memchr(s.p, ':', s.n);
	in_port_t port = 0;
	size_t n;

	memset(&a->in6, 0, sizeof(a->in6));
	if (s.n > 0 && s.p[0] == '[')
		return parse_bracketed(s, a);
	n = colon != NULL ? (size_t)(colon - s.p) : s.n;
	if (n == s.n || memchr(colon + 1, ':', s.n - n - 1) != NULL) /* none, or a bare IPv6 */
		return parse_ip(s, a);
	if (!parse_port((struct span){colon + 1, s.n - n - 1}, &port) ||
		!parse_ip((struct span){s.p, n}, a))
		return false;
	a->in.sin_port = port;
	return true;
}

/* An element of Forwarded (RFC 7239 4). */

/*
 * A token or a quoted string at the start of `s`, cut off. Neither addresses nor schemes need a
 * backslash, so a value with one stays as it is and is taken for garbage later. An address that
 * should stand in quotes for its colons is taken without: many write it so.
 */
static bool cut_value(struct span *s, struct span *value_r)
{
	size_t n = 0;

	if (s->n == 0 || s->p[0] != '"') {
		while (n < s->n && s->p[n] != ';')
			n++;
		*value_r = span_trim((struct span){s->p, n});
		*s = (struct span){s->p + n, s->n - n};
		return value_r->n > 0 && memchr(value_r->p, '"', value_r->n) == NULL;
	}
	for (n = 1; n < s->n && s->p[n] != '"'; n++)
		if (s->p[n] == '\\')
			n++;
	if (n >= s->n)
		return false;
	*value_r = (struct span){s->p + 1, n - 1};
	*s = span_trim((struct span){s->p + n + 1, s->n - n - 1});
	return s->n == 0 || s->p[0] == ';';
}

/* One "name=value" and the ';' behind it, cut off. */
static bool cut_pair(struct span *s, struct forwarded *out)
{
	const char *equals = memchr(s->p, '=', s->n);
	struct span name, value, *slot = NULL;

	if (equals == NULL)
		return false;
	name = (struct span){s->p, (size_t)(equals - s->p)};
	*s = (struct span){equals + 1, s->n - name.n - 1};
	if (!field_name_ok(name) || !cut_value(s, &value))
		return false;
	if (span_ieq(name, SPAN("for")))
		slot = &out->node;
	else if (span_ieq(name, SPAN("proto")))
		slot = &out->proto;
	if (slot != NULL && slot->p != NULL)
		return false; /* each at most once */
	if (slot != NULL)
		*slot = value;
	if (s->n > 0) /* the ';' */
		*s = (struct span){s->p + 1, s->n - 1};
	return true;
}

bool forwarded_parse(struct span element, struct forwarded *out)
{
	*out = (struct forwarded){.node = {NULL, 0}};
	for (;;) {
		element = span_trim(element);
		if (element.n == 0)
			return true;
		if (element.p[0] == ';') /* empty pairs are allowed */
			element = (struct span){element.p + 1, element.n - 1};
		else if (!cut_pair(&element, out))
			return false;
	}
}
