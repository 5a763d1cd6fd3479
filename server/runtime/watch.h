#ifndef RUNTIME_WATCH_H
#define RUNTIME_WATCH_H

#include "base/span.h"
#include "net/loop.h"

/*
 * The loop's side of fs.watch: reads an inotify instance that a job made (fs_watch.c) whenever a
 * task asks, and wakes that task when there is something. It has a descriptor of its own, so that
 * the open file may be closed before or after it. Loop's thread only.
 */
struct watch_event {
	int wd;
	unsigned mask;    /* inotify(7) */
	struct span name; /* valid until the next call */
};

void watch_setup(struct loop *loop);
void watch_teardown(void); /* closes what is left */

double watch_open(double file); /* a handle, or a code */

/* 0; ERR_AGAIN: `task` is woken, once; ERR_GONE. */
int watch_next(double id, double task, struct watch_event *e_r);

void watch_close(double id);
unsigned watch_live(void);

#endif
