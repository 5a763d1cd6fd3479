#ifndef HTTP_LIMITS_H
#define HTTP_LIMITS_H

#include "base/base.h"

/*
 * What a peer may cost us. Every field is an option of the command line (server/process/
 * options.tbl.h holds names and defaults); the worker copies them here before the first request.
 */
struct http_limits {
	size_t head_max;          /* bytes of request line and fields together, else 431 */
	size_t target_max;        /* bytes of the request target, else 414 */
	unsigned fields_max;      /* fields in a head or in trailers, else 431 */
	uint64_t body_max;        /* bytes of a request body, else 413 */
	size_t high_water;        /* bytes queued in one direction before the other end waits */
	uint64_t head_timeout_us; /* for a whole head, from its first byte, else 408 */
	uint64_t body_timeout_us; /* without a byte of an awaited body, else 408 */
	uint64_t idle_timeout_us; /* between requests */
};

extern struct http_limits http_limits;

/* The largest piece of a body that is handed to an application at once (LASGI 3). */
#define HTTP_PIECE_MAX 65536

/* What an application may give in a head or in trailers: names and values together. */
#define HTTP_FIELDS_BYTES_MAX (64 * 1024 * 1024)

/* An unread rest of a request body up to this size is read and dropped; a larger one costs the
 * connection. */
#define HTTP_DROP_MAX 65536

#endif
