#ifndef PROCESS_CONTROL_H
#define PROCESS_CONTROL_H

#include "base/base.h"

/*
 * What the master and a worker of its say to each other: a pair of sockets, made before the fork,
 * one end each. A message is one packet. Both ends are non-blocking, and closed by exec.
 *
 *     worker   CONTROL_READY      once: it serves
 *     master   CONTROL_RELOAD     to one that serves: load the application anew. Not asked again
 *                                 before the answer, which is one of
 *     worker   CONTROL_RELOADED   new requests are answered by the new code
 *              CONTROL_NOT        they are not; the worker has logged why, and serves on
 */
enum control_message {
	CONTROL_GONE = -1, /* received: the other end is closed */
	CONTROL_NONE = 0,  /* received: nothing, for now */
	CONTROL_READY = 'r',
	CONTROL_RELOAD = 'l',
	CONTROL_RELOADED = 'y',
	CONTROL_NOT = 'n',
};

int control_open(int fds[2]);                            /* 0; -1 and errno */
bool control_send(int fd, enum control_message message); /* false: nobody reads */
enum control_message control_receive(int fd);

#endif
