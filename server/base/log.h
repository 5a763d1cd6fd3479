#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/span.h"

#include <sys/types.h>

/*
 * The error log: `time level event key=value …`, or one JSON object a line. The event is a fixed
 * word ("app.error"), values are escaped and cut, so that bytes of a peer cannot forge a line.
 * A text value of several lines (a traceback) follows its line, indented, in the text format.
 *
 *     struct log_line l;
 *     log_begin(&l, LOG_ERROR, "app.error");
 *     log_str(&l, "path", path);
 *     log_int(&l, "status", 500);
 *     log_text(&l, "traceback", traceback);
 *     log_end(&l);
 *
 * Any thread may log: a line is built in the caller's memory and given to the sink whole.
 * The sink of a process that has a loop is the writer thread of log_writer.h, which never blocks
 * the caller; without one, lines go to stderr by write(2).
 */
enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR,
};

enum log_format {
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JSON,
	LOG_FORMAT_PRETTY, /* text for a terminal: the time of day, colours (base/ansi.h) */
};

void log_clock_time(char *out); /* "23:59:59", local time; 16 bytes at least */

#define LOG_LINE_MAX  16384 /* a longer line is cut, and says so */
#define LOG_VALUE_MAX 2048  /* a longer value of log_str is cut, and says so; log_text is not */

struct log_line {
	bool on; /* false: below the level, the rest is skipped */
	enum log_level level;
	enum log_format format; /* as it was at log_begin */
	size_t n;               /* bytes in `line` */
	size_t text_n;          /* bytes in `text` */
	bool cut;
	char line[LOG_LINE_MAX];
	char text[LOG_LINE_MAX]; /* what follows the line in the text format */
};

/* The sink takes whole lines, newline included; `level` so that it may treat errors otherwise. */
typedef void log_sink_fn(void *arg, const char *bytes, size_t n);

void log_set_sink(log_sink_fn *fn, void *arg); /* NULL: stderr */
void log_set_level(enum log_level level);      /* default LOG_INFO */
void log_set_format(enum log_format format);
/* One extra pair in each line ("worker=2"); NULL, NULL: none. */
void log_set_field(const char *key, const char *value);
bool log_enabled(enum log_level level);

void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_str(struct log_line *l, const char *key, struct span value);
void log_cstr(struct log_line *l, const char *key, const char *value);
void log_int(struct log_line *l, const char *key, int64_t value);
void log_num(struct log_line *l, const char *key, double value); /* up to 6 significant decimals */
void log_text(struct log_line *l, const char *key, struct span value);
void log_end(struct log_line *l);

/* Shorthand: one event with one printf-formatted "message" value. */
void log_event(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* "debug", "info", "warn", "error" → level; -1 when none of them. */
int log_level_find(const char *name);

#endif
