#ifndef HTTP_ACCESS_ESCAPE_H
#define HTTP_ACCESS_ESCAPE_H

#include "base/span.h"

/*
 * Bytes of a peer on their way into a line of the access log, made harmless and cut. Knows
 * characters, not lines or formats. Valid UTF-8 stays readable; its control characters (C0, DEL
 * and C1, which some terminals obey) do not. Text is escaped as \xNN throughout, so that a reader
 * which knows nothing of escapes still finds the closing quote.
 */
enum access_style {
	ACCESS_BARE,   /* text outside of quotes: a space is escaped too */
	ACCESS_QUOTED, /* text between double quotes */
	ACCESS_JSON,   /* inside a JSON string; a byte that is not UTF-8 becomes U+FFFD */
};

#define ACCESS_VALUE_MAX 2048 /* escaped bytes of a value; what is longer ends in ACCESS_MARK */
#define ACCESS_MARK      "...[cut]"

/* Writes at most ACCESS_VALUE_MAX bytes and the mark; returns where they end. */
char *access_escape(char *out, struct span s, enum access_style style);

#endif
