#ifndef HTTP_PROXY_FIELDS_H
#define HTTP_PROXY_FIELDS_H

#include "http/fields.h"
#include "net/addr.h"

/*
 * How proxies write down who they speak for: X-Forwarded-For, a list of addresses, and Forwarded
 * (RFC 7239), a list of "for=...;proto=...". Each proxy appends its element at the right end, so
 * that is where reading begins: what a client wrote stands at the left and cannot disturb it.
 *
 * Syntax only. Whom to believe is the business of peer.c. Nothing is copied or allocated: spans
 * point into the fields, which must not change meanwhile.
 */
struct proxy_list {
	const struct fields *fields; /* borrowed */
	struct span name;
	uint32_t left;    /* fields not looked at yet */
	struct span rest; /* of the current field's value */
};

/* The elements of all fields of that (lower-case) name, as if they were one list. */
struct proxy_list proxy_list(const struct fields *f, struct span name);

/* The next one to the left, trimmed; empty ones are skipped. False at the end. */
bool proxy_list_next(struct proxy_list *l, struct span *element_r);

/* 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1], [2001:db8::1]:80; false for all else. */
bool proxy_node_parse(struct span s, struct addr *a);

/* An element of Forwarded; a p of NULL: not given. Only what peer.c asks for is kept. */
struct forwarded {
	struct span node; /* "for", without its quotes */
	struct span proto;
};

bool forwarded_parse(struct span element, struct forwarded *out); /* false: malformed */

#endif
