#ifndef BASE_PANIC_H
#define BASE_PANIC_H

#include "base/base.h"

/*
 * The end of the process on a bug of ours. Whoever is about to do work sets the breadcrumb
 * (which connection, which exchange); ENSURE prints it before abort(), so that a core or a
 * log line says what was being served. The master replaces the worker.
 */

/* Called by panic to describe what is being served; writes at most `cap` bytes, NUL-terminated. */
typedef void panic_describe_fn(char *out, size_t cap);

/* Sets the describer; NULL takes it away. */
void panic_set_describer(panic_describe_fn *fn);

/* Prints "panic: " + message + breadcrumb to stderr, then aborts. */
NORETURN void panic(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
