#ifndef RUNTIME_FILES_H
#define RUNTIME_FILES_H

#include "base/base.h"

/*
 * The open files of the process, by handle (base/slab.h): those of moonloop.fs, its temporary files
 * and directories, its watches. Lua holds the handle, never the descriptor: a stale one answers
 * ERR_GONE, and what nobody closed is closed when Lua collects the object.
 *
 * One at a time uses a file: files_begin marks it busy until files_end. Dropped while busy it stays
 * until then, so that no descriptor is closed below a running job, and none is left behind by a
 * job whose task was cancelled.
 *
 * All functions may be called by any thread. Closing can block, and removing does: the loop's
 * thread leaves the latter to a job (bindings/ffi_job.c).
 */
struct open_file {
	int fd;       /* -1: a temporary directory */
	bool process; /* the descriptor is a process (pidfd), which is killed and reaped at the
	                 close */
	bool append;  /* writes go to the end */
	char *remove; /* owned; NULL, or what is removed, with all below it, at the close */

	/* files.c only */
	bool busy;
	bool dropped;
};

/* Takes the descriptor and `remove`. 0: too many, and both are gone. */
double files_add(const struct open_file *f);

/* ERR_GONE; ERR_BUSY; else 0: a copy in *f_r, in which what is borrowed is valid until files_end.
 */
int files_begin(double id, struct open_file *f_r);
void files_end(double id);

/* Closes it: now, or at files_end. The errno of close, or 0; false in *found_r: there is none. */
int files_drop(double id, bool *found_r);

/* Whether its end takes its time: it removes something, or waits for a process. */
bool files_ends_slowly(double id);

unsigned files_live(void);
void files_close_all(void); /* once no thread is left */

/* A second descriptor of the open file (F_DUPFD_CLOEXEC), the caller's; or a code. */
int files_duplicate(double id);

#endif
