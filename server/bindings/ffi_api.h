#ifndef BINDINGS_FFI_API_H
#define BINDINGS_FFI_API_H

/*
 * Everything that Lua may call by FFI: verbs over handles. The build turns this header into the
 * cdef of core/ffi.lua, so that the two cannot drift. Scalars and (pointer, length) pairs in, a
 * number out; out-values go through a struct that Lua owns. Handles are numbers (base/slab.h); a
 * stale one answers ERR_GONE (-2). Codes are those of base/err.tbl.h.
 *
 * The files behind it (ffi_*.c) never see lua.h: FFI code cannot touch the VM.
 */
#ifndef MOONLOOP_CDEF
#include <stddef.h>
#include <stdint.h>
#endif

enum {
	ML_ABI = 1
};
int ml_abi(void);

/* Exchange: ffi_exchange.c. */
typedef struct ml_piece {
	const char *p;
	size_t n;
	int more;
} ml_piece;

enum {
	ML_METHOD = 0,
	ML_PATH = 1,
	ML_RAW_PATH = 2,
	ML_QUERY = 3,
	ML_SCHEME = 4,
	ML_VERSION = 5
};

int ml_ex_text(double ex, int what, ml_piece *out);
int ml_ex_gone(double ex); /* enum gone_why */

enum {
	ML_OFFERS_FILE = 1,
	ML_OFFERS_HINT = 2,
	ML_OFFERS_TRAILERS = 4
};
int ml_ex_offers(double ex); /* the extensions, as the client and its protocol allow */
double ml_ex_write(double ex, const char *p, size_t n, size_t from, int last);
int ml_ex_file(double ex, int fd, double offset, double n);
void ml_ex_unstart(double ex);  /* takes back a start of which nothing was sent */
double ml_ex_file_size(int fd); /* -1: not a regular file */
void ml_ex_close_fd(int fd);
int ml_ex_hint(double ex, const char *link, size_t n);

/* Tasks and time: ffi_task.c. */
double ml_task_self(void); /* 0: no task runs */
double ml_task_spawn(void);
void ml_task_wake(double task);
void ml_task_cancel(double task);
int ml_task_must_stop(void);   /* enum task_stop of the running task */
void ml_task_shield(int more); /* +1 or -1 */
int ml_task_stopped(void);     /* the running task used up its CPU budget: it was logged */
void ml_task_alarm(double seconds_from_now); /* < 0: none */
void ml_task_limit(double task, double at);  /* on the clock of ml_now; < 0, > 1e9: none */
double ml_now(void);
double ml_unix(void);

/* Jobs: ffi_job.c. */
double ml_job_submit(int kind, const char *in, size_t n); /* for the running task */
int ml_job_result(double job, ml_piece *out);
void ml_job_free(double job);
int ml_job_here(int kind, const char *in, size_t n, ml_piece *out); /* for who cannot wait */
void ml_job_here_done(void);

/* Files: ffi_file.c. */
enum {
#define FS_OP(NAME, number, fn) ML_FS_##NAME = (number),
#include "runtime/fs_ops.tbl.h"
#undef FS_OP
};
typedef struct ml_file {
	double id;
} ml_file;
void ml_file_drop(double file); /* closes it, at the end of what uses it */
double ml_file_adopt(int fd);   /* the descriptor becomes a file; 0: too many, and it is closed */

/* A descriptor of a regular file, and what it is; ERR_IS_DIR, ERR_INVALID: it is none. */
typedef struct ml_fd_facts {
	double size, inode, mtime; /* mtime in whole seconds, */
	double mtime_ns;           /* and the rest of it */
} ml_fd_facts;
int ml_file_open_now(const char *root, const char *path); /* fs_open_now */
int ml_fd_facts_of(int fd, ml_fd_facts *out);

/* A watch's next event: 0; ERR_AGAIN: the running task is woken when there is one. */
typedef struct ml_watch_event {
	int wd;
	unsigned mask;
	const char *name; /* valid until the next call */
	size_t n;
} ml_watch_event;
typedef struct ml_watch {
	double id;
} ml_watch;
double ml_watch_open(double file); /* of ML_FS_WATCH; a handle of its own */
int ml_watch_next(double watch, ml_watch_event *out);
void ml_watch_close(double watch);

/* Pipes and processes, by the loop: ffi_stream.c. ERR_AGAIN: the running task is woken. */
typedef struct ml_stream {
	double id;
} ml_stream;
double ml_stream_open(double file);               /* of ML_FS_SPAWN; a handle of its own */
int ml_stream_read(double stream, ml_piece *out); /* 0 with no bytes: the end */
double ml_stream_write(double stream, const char *p, size_t n, size_t from);
int ml_stream_exit(double stream, int *signalled); /* a process's status, or its signal */
int ml_stream_kill(double stream, int signal);
void ml_stream_close(double stream);

/* The worker: ffi_worker.c. */
typedef struct ml_worker {
	int pid, index;
	double uptime;
	double connections, requests, tasks, threads, thread_queue;
} ml_worker;
void ml_worker_info(ml_worker *out);
void ml_ready(void);
void ml_start_failed(void);
void ml_shutdown_done(void);

/* Log: ffi_log.c. */
int ml_log_on(int level);
void ml_log_begin(int level, const char *event);
void ml_log_str(const char *key, const char *p, size_t n);
void ml_log_num(const char *key, double v);
void ml_log_text(const char *key, const char *p, size_t n);
void ml_log_end(void);

#endif
