#include "base/mem.h"
#include "base/panic.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Relaxed: a count, which orders nothing. */
static atomic_long live;

static void *count(void *p, size_t n)
{
	if (UNLIKELY(!p))
		panic("out of memory: %zu bytes", n);
	atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
	return p;
}

/* malloc(0) may answer NULL, which here means no memory: so nothing is asked for zero bytes. */
void *mem_alloc(size_t n)
{
	return count(malloc(n ? n : 1), n);
}

void *mem_zalloc(size_t n)
{
	return count(calloc(1, n ? n : 1), n);
}

void *mem_realloc(void *p, size_t n)
{
	void *moved;

	if (!p)
		return mem_alloc(n);
	moved = realloc(p, n ? n : 1);
	if (UNLIKELY(!moved))
		panic("out of memory: %zu bytes", n);
	return moved;
}

void *mem_dup(const void *p, size_t n)
{
	char *copy;

	ENSURE(n < SIZE_MAX);
	copy = mem_alloc(n + 1);
	if (n)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

char *mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s));
}

char *mem_printf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return count(n < 0 ? NULL : s, 0);
}

void mem_free(void *p)
{
	if (!p)
		return;
	atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
	free(p);
}

long mem_live(void)
{
	return atomic_load_explicit(&live, memory_order_relaxed);
}
