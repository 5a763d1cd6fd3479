#ifndef PROCESS_LOG_FILE_H
#define PROCESS_LOG_FILE_H

#include "base/base.h"

/*
 * Where the master's own log lines go: --log PATH, appended with plain write(2), since the master
 * has no loop to hold up and writes a line only when something happens. "-" is stderr.
 * A child inherits this sink until it sets its own.
 */
int log_file_open(const char *path, char *err, size_t cap); /* 0, or -1 with one line in err */
void log_file_reopen(const char *path); /* keeps the old file when that fails, and logs it */
void log_file_close(void);              /* lines go to stderr again */

#endif
