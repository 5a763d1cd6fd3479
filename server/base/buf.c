#include "base/buf.h"
#include "base/mem.h"

#include <stdio.h>

#define FIRST_BYTES 64

void buf_fini(struct buf *b)
{
	mem_free(b->p);
	*b = (struct buf){0};
}

char *buf_reserve(struct buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : FIRST_BYTES;

	if (LIKELY(b->p && b->cap - b->n >= more))
		return b->p + b->n;
	ENSURE(more <= SIZE_MAX / 4 && b->n <= SIZE_MAX / 4);
	while (cap - b->n < more)
		cap *= 2;
	b->p = mem_realloc(b->p, cap);
	b->cap = cap;
	return b->p + b->n;
}

void buf_append(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_reserve(b, n), p, n);
	b->n += n;
}

void buf_puts(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	*buf_reserve(b, 1) = c;
	b->n++;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

/* Twice only when the first try did not fit; the NUL of vsnprintf needs its byte too. */
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	char *at = buf_reserve(b, 1);
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(at, b->cap - b->n, fmt, ap);
	ENSURE(n >= 0);
	if ((size_t)n >= b->cap - b->n) {
		at = buf_reserve(b, (size_t)n + 1);
		vsnprintf(at, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	b->n += (size_t)n;
}

void buf_consume(struct buf *b, size_t n)
{
	ENSURE(n <= b->n);
	b->n -= n;
	if (n && b->n)
		memmove(b->p, b->p + n, b->n);
}

const char *buf_cstr(struct buf *b)
{
	*buf_reserve(b, 1) = '\0';
	return b->p;
}
