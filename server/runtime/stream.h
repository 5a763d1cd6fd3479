#ifndef RUNTIME_STREAM_H
#define RUNTIME_STREAM_H

#include "base/span.h"
#include "net/loop.h"

/*
 * Pipes to child processes, and the processes themselves (pidfd), waited for by the loop. A job
 * made them (fs_spawn.c) as open files; a stream has a descriptor of its own. One task at a time
 * waits on a stream. Loop's thread only.
 */
void stream_setup(struct loop *loop);
void stream_teardown(void); /* closes what is left; processes are the open files' */

double stream_open(double file); /* a handle, or a code */

/* Each of them: ERR_AGAIN: `task` is woken, once; ERR_GONE; ERR_CLOSED: nobody reads. */
int stream_read(double id, double task, struct span *out_r); /* valid until the next read of any */
double stream_write(double id, double task, struct span bytes); /* how many were taken */
int stream_exit(double id, double task, int *signalled_r);      /* the status, or the signal */

int stream_kill(double id, int signal); /* 0 also if it ended */
void stream_close(double id);
unsigned stream_live(void);

#endif
