#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include "base/arena.h"

/*
 * A list of header or trailer fields in wire order, duplicates kept (RFC 9110 5). Names and
 * values are copied into one block of the exchange's arena, which may move while it grows; the
 * spans handed out are valid until the next append.
 *
 * A field is built piece by piece by the parser (name, value, end) or at once by fields_add.
 */
struct field {
	uint32_t name, value; /* offsets into bytes */
	uint32_t name_n, value_n;
};

struct fields {
	struct arena *arena; /* borrowed */
	struct field *list;  /* in the arena */
	char *bytes;         /* in the arena */
	uint32_t n, cap;
	uint32_t bytes_n, bytes_cap;
	uint32_t lengths; /* bit n: a name of n bytes is there (31: or longer): most look-ups end
	                     here */
};

static inline void fields_init(struct fields *f, struct arena *a)
{
	*f = (struct fields){.arena = a};
}

/*
 * Piece by piece. A name is lower-cased as it is appended; false when a byte of it is no tchar
 * (the field is of no use then). Whether a name is empty is for the caller to see.
 */
void fields_open(struct fields *f);                           /* a new, empty field */
bool fields_name(struct fields *f, const char *p, size_t n);  /* more of its name */
void fields_value(struct fields *f, const char *p, size_t n); /* more of its value */
void fields_close(struct fields *f);                          /* its value is trimmed */

void fields_add(struct fields *f, struct span name, struct span value); /* as it is */

static inline struct span field_name(const struct fields *f, uint32_t i)
{
	return (struct span){f->bytes + f->list[i].name, f->list[i].name_n};
}

static inline struct span field_value(const struct fields *f, uint32_t i)
{
	return (struct span){f->bytes + f->list[i].value, f->list[i].value_n};
}

/* The first field of that (lower-case) name from index *i on; *i is set behind it. */
bool fields_find(const struct fields *f, struct span name, uint32_t *i, struct span *value_r);

unsigned fields_count(const struct fields *f, struct span name);

/* Whether a token is in the comma-separated lists of all fields of that name, ASCII case apart. */
bool fields_has_token(const struct fields *f, struct span name, struct span token);

/* RFC 9110 5.6.2: one or more tchar. */
bool field_name_ok(struct span name);

/* No CR, LF or NUL, nor another control character but HTAB (RFC 9110 5.5). */
bool field_value_ok(struct span value);

#endif
