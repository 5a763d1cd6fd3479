#ifndef BASE_BASE_H
#define BASE_BASE_H

/*
 * The dozen macros that every file may use. Gnu dialect is confined to this header: elsewhere the
 * code reads as C11.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN               __attribute__((noreturn))
#define MUST_CHECK             __attribute__((warn_unused_result))

/* A broken invariant of ours: stays on in production, reports the breadcrumb and aborts. */
#define ENSURE(cond) (LIKELY(cond) ? (void)0 : panic_ensure(#cond, __FILE__, __LINE__))

NORETURN void panic_ensure(const char *cond, const char *file, int line);

#endif
