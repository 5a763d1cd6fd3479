#include "net/fd_watch.h"

static void on_ready(struct ev_loop *ev, struct ev_io *io, int revents)
{
	struct fd_watch *w = container_of(io, struct fd_watch, io);

	ev_io_stop(ev, io);
	w->fn(w);
}

void fd_watch_init(struct fd_watch *w, int fd, void (*fn)(struct fd_watch *w))
{
	ev_io_init(&w->io, on_ready, fd, EV_READ);
	w->fn = fn;
}

void fd_watch_start(struct loop *loop, struct fd_watch *w)
{
	ev_io_start(loop->ev, &w->io);
}

void fd_watch_start_write(struct loop *loop, struct fd_watch *w)
{
	if ((w->io.events & EV_WRITE) == 0) { /* setting it costs an epoll_ctl */
		ev_io_stop(loop->ev, &w->io);
		ev_io_set(&w->io, w->io.fd, EV_WRITE);
	}
	ev_io_start(loop->ev, &w->io);
}

void fd_watch_stop(struct loop *loop, struct fd_watch *w)
{
	ev_io_stop(loop->ev, &w->io);
}
