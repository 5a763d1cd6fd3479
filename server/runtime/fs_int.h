#ifndef RUNTIME_FS_INT_H
#define RUNTIME_FS_INT_H

#include "runtime/files.h"
#include "runtime/jobs_int.h"

/*
 * Private to fs*.c and files.c: what a thread does for moonloop.fs. One function for each row of
 * fs_ops.tbl.h; it answers a result >= 0, or a code with the reason as the job's output.
 *
 * A job of kind JOB_FS has as input a struct fs_head, a path, a NUL, and whatever else.
 */
struct fs_head {
	double op;   /* enum fs_op */
	double file; /* a handle; 0: none */
	double a, b; /* as the operation has it */
};

enum fs_op {
#define FS_OP(NAME, number, fn) FS_##NAME = (number),
#include "runtime/fs_ops.tbl.h"
#undef FS_OP
};

struct fs_call {
	struct job *job; /* its output, its cancel flag */
	struct fs_head head;
	const char *path;
	struct span rest;      /* behind the path; a NUL follows */
	struct open_file file; /* busy for us, if the operation has a handle */
};

#define FS_OP(NAME, number, fn) int fn(struct fs_call *c);
#include "runtime/fs_ops.tbl.h"
#undef FS_OP

/* The bits of OPEN's `a`; fs.lua has them. */
enum fs_open_bits {
	FS_FOR_READ = 1,
	FS_FOR_WRITE = 2,
	FS_MAKE = 4,
	FS_EMPTY = 8,
	FS_AT_END = 16,
	FS_MUST_BE_NEW = 32,
};

/* O_NONBLOCK: a pipe that nobody holds at the other end must not keep the thread. */
#define FS_OPEN_FLAGS (O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* LuaJIT has no longer strings. */
#define FS_BYTES_MAX 0x7fffff00

/* Between two looks at the cancel flag. */
#define FS_STEP_BYTES (1024 * 1024)

int fs_refuse(struct job *job, int code, const char *why);
int fs_refuse_errno(struct job *job, int errnum);

/* A descriptor for reading, of what is below `root`: the kernel refuses all that leads out of it
 * (EXDEV, ELOOP), links too. -1 and errno. */
int fs_open_beneath(const char *root, const char *path, int flags);

/*
 * Opens for reading what the kernel finds without a disk, so that the loop may do it: the
 * descriptor; ERR_NOT_FOUND; ERR_AGAIN: ask a job. `root` as above, "": any path.
 */
int fs_open_now(const char *root, const char *path);

int fs_refuse_beneath(struct job *job, int errnum);

static inline bool fs_cancelled(const struct job *job)
{
	return atomic_load_explicit(&job->cancelled, memory_order_relaxed);
}

/* An integer that came as a number; out of range is 0. */
static inline long long fs_integer(double v)
{
	return v >= -9007199254740992.0 && v <= 9007199254740992.0 ? (long long)v : 0;
}

/* Enters the descriptor as a file that the job made; its handle goes before the output. */
int fs_made(struct fs_call *c, struct open_file *f);

/* At an offset, or with -1 where the descriptor is. */
int fs_read_to_end(struct job *job, int fd, size_t expected, long long at);
int fs_write_all(struct job *job, int fd, struct span bytes, long long at);

/* The errno, or 0. Follows no link. `job`: whose cancel flag ends it (ECANCELED); may be NULL. */
int fs_remove_all(const char *path, const struct job *job);

#endif
