#ifndef HTTP_ACCESS_LOG_H
#define HTTP_ACCESS_LOG_H

#include "base/log.h"
#include "http/exchange.h"

/*
 * One line for each answered request. The format is compiled once into a list of steps, and a line
 * is put together in static memory and handed to the sink whole: no allocation, no system call
 * but what the sink makes. The names that a format may use are the rows of access_log.tbl.h.
 *
 * What a peer sent can forge neither a line nor a column: in text, quotes, backslashes, control
 * characters and what is not UTF-8 become \xNN, and outside of double quotes so does a space; in
 * JSON the result is always valid. A value is cut at ACCESS_VALUE_MAX bytes. A missing value is
 * "-" in text, null in JSON.
 *
 * The loop's thread only. A line belongs to the last moment of the wire end (exchange_set_done),
 * while ex->codec is still there.
 */
#define ACCESS_FORMAT_MAX 4096 /* bytes of a format string */
#define ACCESS_FIELDS_MAX 64   /* placeholders in it */

/*
 * "combined" (Apache's), "json", "pretty" (for people), or a format string: text with %{name},
 * %{header:NAME} and %%. 0, or ERR_INVALID with one line in err that names the culprit; the last
 * good format stays. It survives fork, so that a master may compile it to check it.
 */
int access_log_compile(const char *format, char *err, size_t cap);

/* What "pretty" marks: a response that took longer; a single stay in Lua that did. 0: nothing. */
void access_log_set_marks(uint64_t slow_us, uint64_t held_us);

/* No lines for paths with this in them; NULL: for all. A string that lives on. */
void access_log_hide(const char *part);

/* NULL: no access log, which is how it starts. To be called in the process that logs. */
void access_log_set_sink(log_sink_fn *fn, void *arg);

void access_log_write(const struct exchange *ex); /* an exchange_done_fn */

#endif
