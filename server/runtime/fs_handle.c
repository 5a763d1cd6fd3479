#include "runtime/fs_int.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Open files. The position is Lua's: every read and write says where, so that one that was
 * cancelled moved nothing. Only a file opened for appending has its own, the end.
 */

static int flags_of(int bits)
{
	int flags = FS_OPEN_FLAGS;

	if (bits & FS_FOR_WRITE)
		flags |= bits & FS_FOR_READ ? O_RDWR : O_WRONLY;
	if (bits & FS_MAKE)
		flags |= O_CREAT;
	if (bits & FS_EMPTY)
		flags |= O_TRUNC;
	if (bits & FS_AT_END)
		flags |= O_APPEND;
	if (bits & FS_MUST_BE_NEW)
		flags |= O_EXCL;
	return flags;
}

/* a: enum fs_open_bits; b: the permissions of a file that is made. Out: the handle. */
int fs_open(struct fs_call *c)
{
	int bits = (int)fs_integer(c->head.a);
	struct open_file f = {.append = bits & FS_AT_END};
	struct stat st;
	int rc;

	f.fd = open(c->path, flags_of(bits), (mode_t)fs_integer(c->head.b));
	if (f.fd < 0)
		return fs_refuse_errno(c->job, errno);
	if (fstat(f.fd, &st) != 0)
		rc = fs_refuse_errno(c->job, errno);
	else if (S_ISDIR(st.st_mode))
		rc = fs_refuse_errno(c->job, EISDIR);
	else if (S_ISFIFO(st.st_mode))
		rc = fs_refuse(c->job, ERR_INVALID, "A pipe is not a file");
	else
		return fs_made(c, &f);
	close(f.fd);
	return rc;
}

/* a: where; b: how many bytes at most. Out: the bytes, fewer only at the end. */
int fs_read(struct fs_call *c)
{
	struct buf *out = &c->job->out;
	long long at = fs_integer(c->head.a);
	size_t want = (size_t)fs_integer(c->head.b);

	if (want > FS_BYTES_MAX)
		return fs_refuse(c->job, ERR_TOO_LARGE, "larger than 2 GiB");
	while (out->n < want) {
		size_t step = MIN(want - out->n, FS_STEP_BYTES);
		ssize_t n;

		n = pread(
			c->file.fd, buf_reserve(out, step), step, (off_t)(at + (long long)out->n));
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return fs_refuse_errno(c->job, errno);
		out->n += n > 0 ? (size_t)n : 0;
		if (fs_cancelled(c->job))
			return ERR_CANCELLED;
	}
	return 0;
}

/* a: where. Out: all from there. */
int fs_read_rest(struct fs_call *c)
{
	long long at = fs_integer(c->head.a);
	struct stat st;
	size_t expected = 0;

	if (fstat(c->file.fd, &st) != 0)
		return fs_refuse_errno(c->job, errno);
	if (!S_ISREG(st.st_mode))
		return fs_refuse(c->job, ERR_INVALID, "Not a regular file");
	if (st.st_size > at)
		expected = (size_t)(st.st_size - at);
	if (expected > FS_BYTES_MAX)
		return fs_refuse(c->job, ERR_TOO_LARGE, "larger than 2 GiB");
	return fs_read_to_end(c->job, c->file.fd, expected, at);
}

/* a: where, unless it is open for appending; rest: the bytes. Out: where the next one goes. */
int fs_write(struct fs_call *c)
{
	long long at = fs_integer(c->head.a);
	double next = (double)at + (double)c->rest.n;
	int rc = fs_write_all(c->job, c->file.fd, c->rest, c->file.append ? -1 : at);

	if (rc != 0)
		return rc;
	if (c->file.append)
		next = (double)lseek(c->file.fd, 0, SEEK_CUR);
	buf_append(&c->job->out, &next, sizeof(next));
	return 0;
}

/* Out: the size now. */
int fs_size(struct fs_call *c)
{
	struct stat st;
	double size;

	if (fstat(c->file.fd, &st) != 0)
		return fs_refuse_errno(c->job, errno);
	size = (double)st.st_size;
	buf_append(&c->job->out, &size, sizeof(size));
	return 0;
}

/* a: the size. */
int fs_truncate(struct fs_call *c)
{
	if (ftruncate(c->file.fd, (off_t)fs_integer(c->head.a)) != 0)
		return fs_refuse_errno(c->job, errno);
	return 0;
}

int fs_sync(struct fs_call *c)
{
	return fsync(c->file.fd) == 0 ? 0 : fs_refuse_errno(c->job, errno);
}

int fs_close(struct fs_call *c)
{
	bool found;
	int errnum = files_drop(c->head.file, &found);

	if (!found)
		return fs_refuse(c->job, ERR_GONE, "the file is closed");
	/* Some file systems tell only now that the disk was full. */
	return errnum == 0 ? 0 : fs_refuse_errno(c->job, errnum);
}
