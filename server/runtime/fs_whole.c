#include "runtime/fs_int.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whole files: append, replace at once, copy. Reading and writing them is job_file.c's. */

#define FILE_MODE 0644

/* Closes; some file systems tell only now that the disk was full. */
static int finish(struct job *job, int fd, int rc)
{
	if (close(fd) != 0 && errno != EINTR && rc == 0)
		rc = fs_refuse_errno(job, errno);
	return rc;
}

/* rest: the bytes. */
int fs_append(struct fs_call *c)
{
	int fd = open(c->path, O_WRONLY | O_CREAT | O_APPEND | FS_OPEN_FLAGS, FILE_MODE);

	if (fd < 0)
		return fs_refuse_errno(c->job, errno);
	return finish(c->job, fd, fs_write_all(c->job, fd, c->rest, -1));
}

/* "dir/.name.XXXXXX"; free it. */
static char *temp_beside(const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir_n = slash ? (int)(slash + 1 - path) : 0;

	return mem_printf("%.*s.%.200s.XXXXXX", dir_n, path, path + dir_n);
}

/* After the rename: until the directory is on the disk, the name may still be the old one's. */
static void sync_dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_printf("%.*s", (int)(slash + 1 - path), path) : mem_strdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	mem_free(dir);
}

/* The permissions of what it takes the place of. */
static mode_t mode_for(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? st.st_mode & 07777 : FILE_MODE;
}

static int fill(struct fs_call *c, int fd)
{
	int rc = fs_write_all(c->job, fd, c->rest, -1);

	if (rc == 0 && (fchmod(fd, mode_for(c->path)) != 0 || fsync(fd) != 0))
		rc = fs_refuse_errno(c->job, errno);
	return rc;
}

/* rest: the bytes. Who opens the path sees all of the old ones or all of the new ones. */
int fs_replace(struct fs_call *c)
{
	char *temp = temp_beside(c->path);
	int fd = mkostemp(temp, O_CLOEXEC), rc;

	if (fd < 0) {
		rc = fs_refuse_errno(c->job, errno);
		mem_free(temp);
		return rc;
	}
	rc = finish(c->job, fd, fill(c, fd));
	if (rc == 0 && rename(temp, c->path) != 0)
		rc = fs_refuse_errno(c->job, errno);
	if (rc == 0)
		sync_dir_of(c->path);
	else
		unlink(temp);
	mem_free(temp);
	return rc;
}

/* ---- copy --------------------------------------------------------------------------------------
 */

/* For file systems that have no copy_file_range. */
static ssize_t copy_step(struct job *job, int from, int to)
{
	struct span got;
	ssize_t n;

	buf_clear(&job->out);
	n = read(from, buf_reserve(&job->out, FS_STEP_BYTES), FS_STEP_BYTES);
	if (n <= 0)
		return n;
	got = (struct span){job->out.p, (size_t)n};
	while (got.n > 0) {
		ssize_t put = write(to, got.p, got.n);

		if (put < 0)
			return -1;
		got.p += put;
		got.n -= (size_t)put;
	}
	return n;
}

static int copy_bytes(struct job *job, int from, int to)
{
	bool by_kernel = true;
	ssize_t n;

	for (;;) {
		n = by_kernel ? copy_file_range(from, NULL, to, NULL, FS_STEP_BYTES, 0)
		              : copy_step(job, from, to);
		/* It says 0 of /proc, too: read it to be sure of the end. */
		if (by_kernel && n <= 0) {
			by_kernel = false;
			continue;
		}
		if (n < 0 && errno != EINTR)
			return fs_refuse_errno(job, errno);
		if (n == 0)
			break;
		if (fs_cancelled(job))
			return ERR_CANCELLED;
	}
	buf_clear(&job->out);
	return 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Opened without O_TRUNC: a copy of a file to itself must not empty it. */
static int copy_to(struct fs_call *c, int from, const struct stat *st)
{
	struct stat other;
	int to, rc;

	to = open(c->rest.p, O_WRONLY | O_CREAT | FS_OPEN_FLAGS, st->st_mode & 0777);
	if (to < 0)
		return fs_refuse_errno(c->job, errno);
	if (fstat(to, &other) != 0)
		rc = fs_refuse_errno(c->job, errno);
	else if (is_same(st, &other))
		rc = fs_refuse(c->job, ERR_INVALID, "Source and target are the same file");
	else if (S_ISREG(other.st_mode) && ftruncate(to, 0) != 0)
		rc = fs_refuse_errno(c->job, errno);
	else
		rc = copy_bytes(c->job, from, to);
	return finish(c->job, to, rc);
}

/* rest: the new path. The permissions go along; what was begun and fails is left. */
int fs_copy(struct fs_call *c)
{
	struct stat st;
	int from = open(c->path, O_RDONLY | FS_OPEN_FLAGS), rc;

	if (from < 0)
		return fs_refuse_errno(c->job, errno);
	if (fstat(from, &st) != 0)
		rc = fs_refuse_errno(c->job, errno);
	else if (S_ISDIR(st.st_mode))
		rc = fs_refuse_errno(c->job, EISDIR);
	else if (!S_ISREG(st.st_mode))
		rc = fs_refuse(c->job, ERR_INVALID, "Not a regular file");
	else
		rc = copy_to(c, from, &st);
	close(from);
	return rc;
}
