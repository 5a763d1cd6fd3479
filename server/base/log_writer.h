#ifndef BASE_LOG_WRITER_H
#define BASE_LOG_WRITER_H

#include "base/base.h"

/*
 * A file that log lines are appended to without ever blocking the caller: lines go to a bounded
 * memory buffer (1 MiB), a thread of its own writes them. When the disk is slower than the log,
 * lines are dropped and counted, and the count is written as soon as there is room again.
 * Used for the error log and for the access log alike. Signals are blocked in the thread.
 */
struct log_writer;

/*
 * path: a file (created 0640, appended), or "-" for `fd`. `drop_line` is a printf format with one
 * %llu that is written when lines were lost. NULL with errno set when the file cannot be opened.
 */
struct log_writer *log_writer_open(const char *path, int fd, const char *drop_line);
void log_writer_close(struct log_writer **w); /* writes what is left, joins the thread, frees */

/* A log_sink_fn: any thread. The bytes are copied. */
void log_writer_write(void *writer, const char *bytes, size_t n);

/* Opens the path again (after a rename by logrotate); on failure keeps the old file, returns -1 and
 * errno. */
int log_writer_reopen(struct log_writer *w);

#endif
