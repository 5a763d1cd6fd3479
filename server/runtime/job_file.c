#include "runtime/jobs_int.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Between two looks at the cancel flag. */
#define READ_BYTES (1024 * 1024)

/* LuaJIT has no longer strings. */
#define FILE_MAX 0x7fffff00

/* The kernel answers EAGAIN when a rename elsewhere made its look at ".." unsure. */
#define OPEN_TRIES 16

/* O_NONBLOCK: a pipe that nobody holds at the other end must not keep the thread. */
#define OPEN_FLAGS (O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

static int refuse(struct job *job, int code, const char *why)
{
	buf_clear(&job->out);
	buf_puts(&job->out, why);
	return code;
}

static int refuse_errno(struct job *job, int errnum)
{
	char text[128];

	return refuse(job, err_from_errno(errnum), strerror_r(errnum, text, sizeof(text)));
}

/* "first NUL second": false when there is no NUL. */
static bool split(const struct job *job, struct span *first_r, struct span *second_r)
{
	size_t n = strlen(job->in);

	if (n == job->in_n)
		return false;
	*first_r = (struct span){job->in, n};
	*second_r = (struct span){job->in + n + 1, job->in_n - n - 1};
	return true;
}

/* ---- read --------------------------------------------------------------------------------------
 */

/*
 * Until the end, which is not always where fstat says (/proc says 0, a log grows). Room for one
 * byte more than that finds the end without a second block.
 */
static int read_all(struct job *job, int fd, size_t expected)
{
	struct buf *out = &job->out;

	buf_reserve(out, expected + 1);
	for (;;) {
		char *to = buf_reserve(out, 1);
		ssize_t n = read(fd, to, MIN(out->cap - out->n, READ_BYTES));

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return refuse_errno(job, errno);
		out->n += n > 0 ? (size_t)n : 0;
		if (out->n > FILE_MAX)
			return refuse(job, ERR_TOO_LARGE, "larger than 2 GiB");
		if (atomic_load_explicit(&job->cancelled, memory_order_relaxed))
			return ERR_CANCELLED;
	}
}

/* Of a device there is no whole, and a pipe would keep the thread for as long as it likes. */
static int read_file(struct job *job, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return refuse_errno(job, errno);
	if (S_ISDIR(st.st_mode))
		return refuse_errno(job, EISDIR);
	if (!S_ISREG(st.st_mode))
		return refuse(job, ERR_INVALID, "Not a regular file");
	if (st.st_size > FILE_MAX)
		return refuse(job, ERR_TOO_LARGE, "larger than 2 GiB");
	return read_all(job, fd, (size_t)st.st_size);
}

int job_file_read(struct job *job)
{
	int fd, result;

	if (strlen(job->in) != job->in_n)
		return refuse(job, ERR_INVALID, "a NUL byte in the path");
	fd = open(job->in, O_RDONLY | OPEN_FLAGS);
	if (fd < 0)
		return refuse_errno(job, errno);
	result = read_file(job, fd);
	close(fd);
	return result;
}

/* ---- write -------------------------------------------------------------------------------------
 */

static int write_all(struct job *job, int fd, struct span bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refuse_errno(job, errno);
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return 0;
}

/* Never cut short by a cancel: half a file is worse than a late answer that nobody hears. */
int job_file_write(struct job *job)
{
	struct span path, bytes;
	int fd, result;

	if (!split(job, &path, &bytes))
		return refuse(job, ERR_INVALID, "no path");
	fd = open(path.p, O_WRONLY | O_CREAT | O_TRUNC | OPEN_FLAGS, 0644);
	if (fd < 0)
		return refuse_errno(job, errno);
	result = write_all(job, fd, bytes);
	/* Some file systems tell only now that the disk was full. */
	if (close(fd) != 0 && errno != EINTR && result == 0)
		result = refuse_errno(job, errno);
	return result;
}

/* ---- open --------------------------------------------------------------------------------------
 */

static int open_beneath(const char *root, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | OPEN_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	long fd;
	int errnum;

	if (dir < 0)
		return -1;
	for (int tries = OPEN_TRIES; tries > 0; tries--) {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	errnum = errno;
	close(dir);
	errno = errnum;
	return (int)fd;
}

/* EXDEV: the path, or a link on it, leads out of the root. ELOOP: a magic link, or a ring of links.
 */
static int refuse_open(struct job *job, bool rooted, int errnum)
{
	if (rooted && (errnum == EXDEV || errnum == ELOOP))
		return refuse(job, ERR_DENIED, "leads out of the root");
	return refuse_errno(job, errnum);
}

int job_file_open(struct job *job)
{
	struct span root, path;
	struct stat st;
	int fd, result;

	if (!split(job, &root, &path) || strlen(path.p) != path.n)
		return refuse(job, ERR_INVALID, "a NUL byte in the path");
	fd = root.n > 0 ? open_beneath(root.p, path.p) : open(path.p, O_RDONLY | OPEN_FLAGS);
	if (fd < 0)
		return refuse_open(job, root.n > 0, errno);
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		return fd;
	result = refuse_errno(job, EISDIR);
	close(fd);
	return result;
}
