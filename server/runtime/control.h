#ifndef RUNTIME_CONTROL_H
#define RUNTIME_CONTROL_H

#include "net/loop.h"

/*
 * The control socket of a worker: who may connect to it (the same user, and root) and is let in.
 * What is said over a connection is Lua's (tools/control.lua); it is an open file (files.h), from
 * which streams are made. Loop's thread only.
 */
void control_setup(struct loop *loop, int listen_fd); /* takes the descriptor; -1: none */
void control_stop(void);                              /* lets nobody in any more */
void control_teardown(void);

/* A connection as an open file; ERR_AGAIN: `task` is woken, once; ERR_GONE: none, or stopped. */
double control_accept(double task);

double control_connect(const char *path); /* the other end of one; or a code */

#endif
