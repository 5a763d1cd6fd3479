#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/base.h"

/*
 * Time, read once per tick and remembered. Tests replace the source with clock_set_source and so
 * make a day pass in no time. Microseconds everywhere. The cached values belong to the loop's
 * thread; clock_mono_us and clock_wall_us may be called by any.
 */
typedef uint64_t clock_source_fn(void);

#define CLOCK_SECOND 1000000ull

uint64_t clock_mono_us(void); /* asks the source: never jumps, starts anywhere */
uint64_t clock_wall_us(void); /* asks the system: since 1970, may jump */

void clock_set_source(clock_source_fn *mono); /* NULL: the system's own */

void clock_update(void);     /* once per tick */
uint64_t clock_now_us(void); /* the monotonic time of the last update */

/*
 * "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7) of the last update: 29 bytes, formatted once a
 * second, valid until the next update.
 */
#define CLOCK_HTTP_DATE_LEN 29
const char *clock_http_date(void);

/* The same of any time (Last-Modified) into out (at least 30 bytes). */
void clock_http_format(uint64_t wall_us, char *out);

/* "2026-11-23T07:40:38.123Z" into out (at least 25 bytes). */
void clock_iso8601(uint64_t wall_us, char *out);

#endif
