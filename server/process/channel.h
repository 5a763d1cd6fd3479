#ifndef PROCESS_CHANNEL_H
#define PROCESS_CHANNEL_H

#include "base/base.h"

/*
 * What the master and a worker of its say to each other: a pair of sockets, made before the fork,
 * one end each. A message is one packet. Both ends are non-blocking, and closed by exec.
 *
 *     worker   CHANNEL_READY      once: it serves
 *     master   CHANNEL_RELOAD     to one that serves: load the application anew. Not asked again
 *                                 before the answer, which is one of
 *     worker   CHANNEL_RELOADED   new requests are answered by the new code
 *              CHANNEL_NOT        they are not; the worker has logged why, and serves on
 */
enum channel_message {
	CHANNEL_GONE = -1, /* received: the other end is closed */
	CHANNEL_NONE = 0,  /* received: nothing, for now */
	CHANNEL_READY = 'r',
	CHANNEL_RELOAD = 'l',
	CHANNEL_RELOADED = 'y',
	CHANNEL_NOT = 'n',
};

int channel_open(int fds[2]);                            /* 0; -1 and errno */
bool channel_send(int fd, enum channel_message message); /* false: nobody reads */
enum channel_message channel_receive(int fd);

#endif
