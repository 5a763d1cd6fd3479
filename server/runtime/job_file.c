#include "runtime/fs_int.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel answers EAGAIN when a rename elsewhere made its look at ".." unsure. */
#define OPEN_TRIES 16

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

/* Of a device there is no whole, and a pipe would keep the thread for as long as it likes. */
static int read_file(struct job *job, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fs_refuse_errno(job, errno);
	if (S_ISDIR(st.st_mode))
		return fs_refuse_errno(job, EISDIR);
	if (!S_ISREG(st.st_mode))
		return fs_refuse(job, ERR_INVALID, "Not a regular file");
	if (st.st_size > FS_BYTES_MAX)
		return fs_refuse(job, ERR_TOO_LARGE, "larger than 2 GiB");
	return fs_read_to_end(job, fd, (size_t)st.st_size, -1);
}

int job_file_read(struct job *job)
{
	int fd, result;

	if (strlen(job->in) != job->in_n)
		return fs_refuse(job, ERR_INVALID, "a NUL byte in the path");
	fd = open(job->in, O_RDONLY | FS_OPEN_FLAGS);
	if (fd < 0)
		return fs_refuse_errno(job, errno);
	result = read_file(job, fd);
	close(fd);
	return result;
}

/* ---- write -------------------------------------------------------------------------------------
 */

int job_file_write(struct job *job)
{
	struct span path, bytes;
	int fd, result;

	if (!split(job, &path, &bytes))
		return fs_refuse(job, ERR_INVALID, "no path");
	fd = open(path.p, O_WRONLY | O_CREAT | O_TRUNC | FS_OPEN_FLAGS, 0644);
	if (fd < 0)
		return fs_refuse_errno(job, errno);
	result = fs_write_all(job, fd, bytes, -1);
	/* Some file systems tell only now that the disk was full. */
	if (close(fd) != 0 && errno != EINTR && result == 0)
		result = fs_refuse_errno(job, errno);
	return result;
}

/* ---- open --------------------------------------------------------------------------------------
 */

int fs_open_beneath(const char *root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(O_RDONLY | FS_OPEN_FLAGS | flags),
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

static int open_cached(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .resolve = resolve | RESOLVE_CACHED};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

int fs_open_now(const char *root, const char *path)
{
	static atomic_bool refused; /* by a kernel that does not know how */
	int dir = AT_FDCWD, fd, errnum;

	if (atomic_load_explicit(&refused, memory_order_relaxed))
		return ERR_AGAIN;
	if (*root != '\0')
		dir = open_cached(AT_FDCWD, root, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	fd = dir == -1 ? -1
	               : open_cached(dir, path, O_RDONLY | FS_OPEN_FLAGS,
				 *root != '\0' ? RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS : 0);
	errnum = errno;
	if (dir >= 0)
		close(dir);
	if (fd >= 0)
		return fd;
	if (errnum == ENOSYS || errnum == EINVAL)
		atomic_store_explicit(&refused, true, memory_order_relaxed);
	return errnum == ENOENT ? ERR_NOT_FOUND : ERR_AGAIN;
}

/* EXDEV: the path, or a link on it, leads out of the root. ELOOP: a magic link, or a ring of links.
 */
int fs_refuse_beneath(struct job *job, int errnum)
{
	if (errnum == EXDEV || errnum == ELOOP)
		return fs_refuse(job, ERR_DENIED, "leads out of the root");
	return fs_refuse_errno(job, errnum);
}

int job_file_open(struct job *job)
{
	struct span root, path;
	struct stat st;
	int fd, result;

	if (!split(job, &root, &path) || strlen(path.p) != path.n)
		return fs_refuse(job, ERR_INVALID, "a NUL byte in the path");
	fd = root.n > 0 ? fs_open_beneath(root.p, path.p, 0)
	                : open(path.p, O_RDONLY | FS_OPEN_FLAGS);
	if (fd < 0)
		return root.n > 0 ? fs_refuse_beneath(job, errno) : fs_refuse_errno(job, errno);
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		return fd;
	result = fs_refuse_errno(job, EISDIR);
	close(fd);
	return result;
}

int job_file_any(struct job *job)
{
	switch (job->kind) {
	case JOB_READ_FILE:
		return job_file_read(job);
	case JOB_WRITE_FILE:
		return job_file_write(job);
	case JOB_OPEN_FILE:
		return job_file_open(job);
	case JOB_FS:
		return job_fs_run(job);
	case JOB_LUA:
		break;
	}
	return ERR_INVALID;
}
