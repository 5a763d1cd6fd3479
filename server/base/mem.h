#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/base.h"

/*
 * Allocate or die: no caller checks for NULL. The only file that calls malloc and friends, so
 * that the count of live blocks is exact: tests end by proving that it went back to where it was.
 * Thread-safe.
 */
void *mem_alloc(size_t n) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *p, size_t n) __attribute__((returns_nonnull));
void *mem_dup(const void *p, size_t n) __attribute__((malloc, returns_nonnull)); /* adds a NUL */
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((malloc, returns_nonnull));
void mem_free(void *p); /* NULL is fine */

/* Blocks that were allocated and not yet freed. */
long mem_live(void);

#endif
