#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/span.h"

#include <stdarg.h>

/* A contiguous growable byte buffer. A zeroed struct is an empty one. */
struct buf {
	char *p; /* owned; NULL while empty and never used */
	size_t n, cap;
};

void buf_fini(struct buf *b);                  /* frees and zeroes */
char *buf_reserve(struct buf *b, size_t more); /* room for `more` bytes; where they go */
void buf_append(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
void buf_consume(struct buf *b, size_t n); /* drops the first n bytes */
const char *buf_cstr(struct buf *b);       /* NUL-terminated; the NUL is not counted */

static inline void buf_clear(struct buf *b)
{
	b->n = 0;
}

static inline struct span buf_span(const struct buf *b)
{
	return (struct span){b->p, b->n};
}

#endif
