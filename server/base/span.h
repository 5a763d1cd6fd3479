#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include "base/base.h"

#include <string.h>

/* A stretch of bytes that belongs to somebody else; not NUL-terminated. */
struct span {
	const char *p;
	size_t n;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

static inline struct span span_of(const char *s)
{
	return (struct span){s, strlen(s)};
}

static inline bool span_eq(struct span a, struct span b)
{
	/* An empty span may point nowhere, and memcmp wants pointers even for no bytes. */
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool span_ieq(struct span a, struct span b); /* ASCII case does not count */
struct span span_trim(struct span s);        /* without SP and HTAB at both ends */

/*
 * Cuts the next element off a comma-separated list (RFC 9110 5.6.1), trimmed; empty elements are
 * skipped. False at the end. Knows no quoted strings: for token lists only.
 */
bool span_next_token(struct span *rest, struct span *token_r);

/* Decimal digits only, no sign, no blank; false when empty, not a number or over UINT64_MAX. */
bool span_to_u64(struct span s, uint64_t *value_r);

/* Writes the decimal digits, 20 at most, without a NUL; answers where they end. */
char *span_put_u64(char *to, uint64_t v);

#endif
