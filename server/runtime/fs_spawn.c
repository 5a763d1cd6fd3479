#include "runtime/fs_int.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Starting a process: looking the program up can block. The child has its standard streams, no
 * other descriptor (all of ours are close-on-exec), the signals as a new program expects them.
 */

/* The bits of SPAWN's `a`: which of the streams are pipes, the others being /dev/null, and more. */
enum {
	PIPE_IN = 1,
	PIPE_OUT = 2,
	PIPE_ERR = 4,
	ERR_TO_OUT = 8,
	ENV_GIVEN = 16,
};

struct strings {
	char **v; /* owned, what it points to is not; ends with NULL */
	size_t n;
};

struct spawning {
	int ours[3], theirs[3]; /* -1: none */
	posix_spawn_file_actions_t actions;
	struct strings argv, env;
};

/* The next `n` of "string NUL string NUL …"; the rest of it in *rest. */
static struct strings take_strings(struct span *rest, size_t n)
{
	struct strings s = {.v = mem_zalloc((n + 1) * sizeof(char *))};

	while (s.n < n && rest->n > 0) {
		size_t len = strnlen(rest->p, rest->n);

		s.v[s.n++] = (char *)rest->p;
		len = MIN(len + 1, rest->n);
		rest->p += len;
		rest->n -= len;
	}
	return s;
}

static void close_all(int fds[3])
{
	for (int i = 0; i < 3; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* Only our end does not block: the child's is what any program knows. The errno, or 0. */
static int open_pipe(struct spawning *s, int i)
{
	int fds[2];
	int mine = i == 0 ? 1 : 0;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return errno;
	s->ours[i] = fds[mine];
	s->theirs[i] = fds[1 - mine];
	fcntl(s->ours[i], F_SETFL, O_NONBLOCK);
	return 0;
}

static int open_streams(struct spawning *s, int bits)
{
	int errnum = 0;

	for (int i = 0; i < 3 && errnum == 0; i++) {
		if (bits & 1 << i) {
			errnum = open_pipe(s, i);
		} else {
			s->theirs[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
			errnum = s->theirs[i] < 0 ? errno : 0;
		}
		posix_spawn_file_actions_adddup2(&s->actions, s->theirs[i], i);
	}
	if (bits & ERR_TO_OUT)
		posix_spawn_file_actions_adddup2(&s->actions, 1, 2);
	return errnum;
}

static int start(struct spawning *s, const struct fs_call *c, pid_t *pid_r)
{
	posix_spawnattr_t attr;
	sigset_t none, all;
	int errnum;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	if (c->path[0] != '\0')
		posix_spawn_file_actions_addchdir_np(&s->actions, c->path);
	errnum = posix_spawnp(pid_r, s->argv.v[0], &s->actions, &attr, s->argv.v,
		(int)fs_integer(c->head.a) & ENV_GIVEN ? s->env.v : environ);
	posix_spawnattr_destroy(&attr);
	return errnum;
}

/* Out: handles of the process, stdin, stdout, stderr (0: none), and the pid. */
static int hand_out(struct fs_call *c, struct spawning *s, pid_t pid)
{
	struct job *job = c->job;
	struct open_file f = {.process = true, .fd = (int)syscall(SYS_pidfd_open, pid, 0)};
	double number = pid;

	if (f.fd < 0) {
		int errnum = errno;

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return fs_refuse_errno(job, errnum);
	}
	job->made[0] = files_add(&f);
	for (int i = 0; i < 3; i++) {
		if (s->ours[i] < 0)
			continue;
		job->made[i + 1] = files_add(&(struct open_file){.fd = s->ours[i]});
		s->ours[i] = -1;
	}
	buf_append(&job->out, job->made, sizeof(job->made));
	buf_append(&job->out, &number, sizeof(number));
	return 0;
}

/*
 * a: the bits; b: how many arguments, the program's name first; path: the directory, "" for ours;
 * rest: the arguments, then the environment, each with a NUL.
 */
int fs_spawn(struct fs_call *c)
{
	struct spawning s = {.ours = {-1, -1, -1}, .theirs = {-1, -1, -1}};
	struct span rest = c->rest;
	pid_t pid;
	int errnum, rc;

	s.argv = take_strings(&rest, MIN((size_t)fs_integer(c->head.b), rest.n));
	s.env = take_strings(&rest, rest.n);
	posix_spawn_file_actions_init(&s.actions);
	errnum = s.argv.n == 0 ? EINVAL : open_streams(&s, (int)fs_integer(c->head.a));
	if (errnum == 0)
		errnum = start(&s, c, &pid);
	rc = errnum == 0 ? hand_out(c, &s, pid) : fs_refuse_errno(c->job, errnum);
	posix_spawn_file_actions_destroy(&s.actions);
	close_all(s.ours);
	close_all(s.theirs);
	mem_free(s.argv.v);
	mem_free(s.env.v);
	return rc;
}
