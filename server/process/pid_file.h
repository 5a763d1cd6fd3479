#ifndef PROCESS_PID_FILE_H
#define PROCESS_PID_FILE_H

#include "base/base.h"

/* The file that holds the master's process id for scripts; "" as the path: none is wanted. */
int pid_file_write(const char *path, char *err, size_t cap); /* 0, or -1 with one line in err */
void pid_file_remove(const char *path);                      /* if it is still ours */

#endif
