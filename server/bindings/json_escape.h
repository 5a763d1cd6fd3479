#ifndef BINDINGS_JSON_ESCAPE_H
#define BINDINGS_JSON_ESCAPE_H

#include "base/span.h"

/* What a byte of a string may become in JSON. */
#define JSON_ESCAPE_MAX 6

/*
 * Writes what stands from *at to `stop` as the inside of a string (RFC 8259 7): UTF-8 as it is, but
 * for `html` nothing that ends a <script> element. A character that begins before `stop` is written
 * whole; *at moves behind it. `out` has room for stop - *at + 1 times JSON_ESCAPE_MAX.
 *
 * The end of what was written; NULL: it is no UTF-8.
 */
char *json_escape(char *out, const char **at, const char *stop, const char *end, bool html);

#endif
