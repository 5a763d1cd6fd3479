#ifndef BASE_LOG_INT_H
#define BASE_LOG_INT_H

#include "base/ansi.h"
#include "base/log.h"

/*
 * The lower half of log.c: bytes on their way into a record, made harmless. The upper half knows
 * what a record looks like, this one knows characters and room, and nothing about levels or sinks.
 *
 * A buffer of LOG_LINE_MAX bytes is filled up to LOG_ROOM. Behind it there is always space for
 * what closes it: the mark of a cut value, its quote, `,"cut":true`, the brace and the newline.
 */
#define LOG_ROOM (LOG_LINE_MAX - 64)

struct log_out {
	char *p; /* borrowed from the record: its line or its text */
	size_t n;
	bool json; /* the format of the record */
	bool cut;  /* something had no room */
	bool pretty;
	bool bare; /* the value that comes now is a sentence */
};

enum log_style {
	LOG_STYLE_QUOTED, /* a value in quotes, text format */
	LOG_STYLE_JSON,   /* a string of JSON, always valid UTF-8 */
	LOG_STYLE_PLAIN,  /* a line of a text, which nothing ends but its newline: quotes stay */
};

static inline bool log_out_fits(const struct log_out *o, size_t n)
{
	return o->n + n <= LOG_ROOM;
}

/* These three do not look for room: the caller did. */
void log_out_put(struct log_out *o, const char *p, size_t n);
void log_out_puts(struct log_out *o, const char *s);
void log_out_word(struct log_out *o, const char *s); /* what is no word character becomes '_' */

/* As much of `s` as there is room for, never half a character; false when it was cut. */
bool log_out_escaped(struct log_out *o, enum log_style style, struct span s);

/* log_pretty.c: what is other in the format for people. */
#define LOG_TIME_MAX   16                 /* "23:59:59" */
#define LOG_PRETTY_KEY (2 * ANSI_MAX + 3) /* bytes around a key */
void log_pretty_begin(struct log_out *o, enum log_level level, const char *event);
bool log_pretty_key(struct log_out *o, const char *key);   /* false: the value goes unquoted */
const char *log_pretty_line(struct span line, bool first); /* the colour of a text's line */

/* Whether a value of the text format cannot stand without quotes. */
bool log_needs_quotes(struct span s);

#endif
