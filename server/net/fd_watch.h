#ifndef NET_FD_WATCH_H
#define NET_FD_WATCH_H

#include "net/loop.h"

/*
 * One look-out for a descriptor that is no connection: an inotify instance, a pipe, a process. It
 * is called once for each start, in the feed phase; the descriptor is the caller's, and must stay
 * open until then or until fd_watch_stop.
 */
struct fd_watch {
	struct ev_io io;
	void (*fn)(struct fd_watch *w);
};

void fd_watch_init(struct fd_watch *w, int fd, void (*fn)(struct fd_watch *w));
void fd_watch_start(struct loop *loop, struct fd_watch *w);       /* until it can be read */
void fd_watch_start_write(struct loop *loop, struct fd_watch *w); /* or written, of a stopped one */
void fd_watch_stop(struct loop *loop, struct fd_watch *w);

#endif
