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

/* Work on files in a pool thread: ffi_job.c. For tasks there is lua_job.c. */
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

/* Sockets: ffi_socket.c; reading and writing: lua_socket.c. ERR_AGAIN: the running task is woken.
 */
typedef struct ml_socket {
	double id;
} ml_socket;
/* An id; ml_socket_dialed says when it is up. source: to connect from; or empty. */
double ml_socket_dial(const char *address, size_t n, const char *source, size_t source_n);
int ml_socket_dialed(double socket);
void ml_socket_close(double socket);
const char *ml_socket_why(void); /* of the last code, until the next verb; "": nothing to add */

typedef struct ml_socket_pair {
	double a, b;
} ml_socket_pair;
int ml_socket_pair_new(ml_socket_pair *out);
double ml_socket_listen(const char *address, size_t n, int backlog, int mode, int reuse_port);
double ml_socket_udp(
	const char *source, size_t source_n, const char *peer, size_t peer_n, int reuse_port);
int ml_socket_set(double socket, int option, int value); /* enum socket_option */
int ml_socket_is_open(double socket);
int ml_socket_is_idle(double socket, int look);
void ml_socket_expire(double socket, double seconds); /* closes itself then; < 0: no more */
const char *ml_socket_name(double socket, int peer);  /* valid until the next verb */

/* TLS over them. */
typedef struct ml_tls_context {
	double id;
} ml_tls_context;
typedef struct ml_tls_config {
	int server, verify, tls12;
	const char *ca, *cert, *key, *alpn;
	size_t ca_n, cert_n, key_n, alpn_n;
} ml_tls_config;
double ml_tls_context_new(const ml_tls_config *config); /* a handle; or a code */
void ml_tls_context_drop(double context);               /* sessions keep what they need */
int ml_socket_start_tls(double socket, double context, const char *name); /* "": a server */

enum {
	ML_TLS_VERSION = 0,
	ML_TLS_CIPHER = 1,
	ML_TLS_ALPN = 2,
	ML_TLS_SUBJECT = 3,
	ML_TLS_NAME = 4,
	ML_TLS_RESUMED = 5 /* out->more */
};
int ml_socket_tls(double socket, int what, ml_piece *out); /* ERR_STATE: no TLS, or not yet */

/* Names: ffi_dns.c. The kinds are those of runtime/dns.h. */
enum {
	ML_DNS_ANY = 0,
	ML_DNS_A = 1,
	ML_DNS_MX = 15,
	ML_DNS_TXT = 16,
	ML_DNS_AAAA = 28,
	ML_DNS_SRV = 33
};
typedef struct ml_dns_record {
	int family, ttl, priority, weight, port;
	const char *text; /* valid until ml_dns_free */
	size_t n;
} ml_dns_record;
double ml_dns_ask(int kind, const char *name, size_t n); /* a look-up; or a code */
/* How many records; ERR_AGAIN: the running task is woken; or a code and why. */
int ml_dns_answer(double lookup, ml_piece *detail);
void ml_dns_hurry(double lookup);                               /* then one family of two will do */
int ml_dns_record_at(double lookup, int i, ml_dns_record *out); /* from 0; 0: there is none */
void ml_dns_free(double lookup);
/* Who asks a user: ffi_console.c. ERR_AGAIN: the running task is woken. */
int ml_console_open(void);          /* 1: a terminal */
int ml_console_wait(void);          /* 0: something can be read */
int ml_console_read(ml_piece *out); /* blocks unless it was waited for; no bytes: the end */
void ml_console_job(double task);   /* that an interruption stops, even while it computes */
int ml_console_interrupted(void);   /* 0: once for each time */

/* The control socket: ffi_control.c. Each answers an open file, or a code. */
double ml_control_accept(void); /* ERR_AGAIN: the running task is woken; ERR_GONE: no more */
double ml_control_connect(const char *path);

/* The worker: ffi_worker.c. */
typedef struct ml_worker {
	int pid, index, generation;
	double uptime;
	double connections, requests, tasks, threads, thread_queue;
	double jobs, jobs_running, job_wait, job_wait_max; /* the waits in seconds */
} ml_worker;
void ml_worker_info(ml_worker *out);
void ml_ready(int stands_in); /* the application started; or what shows why it does not */
void ml_start_failed(void);
void ml_shutdown_done(void);
void ml_tool_done(int exit_code);

/* News for who develops: ffi_dev.c, dev_news.h. */
typedef struct ml_news {
	double seq;
	int kind;      /* enum dev_news_kind */
	const char *p; /* valid until the next post */
	size_t n;
} ml_news;
void ml_dev_post(int kind, const char *p, size_t n);
/* The last one, if it is later than seq; ERR_AGAIN: the next one wakes the running task. */
int ml_dev_news(double seq, ml_news *out);
int ml_dev_broken(ml_news *out); /* what does not start; ERR_GONE: nothing is broken */
void ml_reload_request(const char *files, size_t n);

/* Log: ffi_log.c. */
int ml_log_on(int level);
void ml_log_begin(int level, const char *event);
void ml_log_str(const char *key, const char *p, size_t n);
void ml_log_num(const char *key, double v);
void ml_log_text(const char *key, const char *p, size_t n);
void ml_log_end(void);

#endif
