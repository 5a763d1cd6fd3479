#ifndef RUNTIME_CONSOLE_H
#define RUNTIME_CONSOLE_H

#include "base/span.h"
#include "net/loop.h"

/*
 * The terminal, or what stands in its place, of a tool that asks its user: standard input, waited
 * for by the loop, and Ctrl-C. Closed until it is opened; then SIGINT is the console's. One task
 * waits for each of the two. Loop's thread only.
 *
 * An interruption wakes the task that waits for it, and stops the console's job, if it is the task
 * that runs right then, at its next line: it may be in an endless loop.
 */
void console_setup(struct loop *loop);
void console_teardown(void); /* gives SIGINT back */

bool console_open(void);       /* true: a terminal */
int console_wait(double task); /* 0: something can be read; ERR_AGAIN: `task` is woken, once */
int console_read(struct span *out_r); /* 0, empty at the end; valid until the next one */
void console_job(double task);        /* what an interruption stops; 0: nothing */
int console_interrupted(double task); /* 0, once for each time; ERR_AGAIN: `task` is woken */

#endif
