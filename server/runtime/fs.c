#include "runtime/fs_int.h"

#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The way in of a JOB_FS, and what its operations share. */

int fs_refuse(struct job *job, int code, const char *why)
{
	buf_clear(&job->out);
	buf_puts(&job->out, why);
	return code;
}

int fs_refuse_errno(struct job *job, int errnum)
{
	char text[128];

	return fs_refuse(job, err_from_errno(errnum), strerror_r(errnum, text, sizeof(text)));
}

int fs_made(struct fs_call *c, struct open_file *f)
{
	struct buf *out = &c->job->out;
	size_t had = out->n;

	c->job->made[0] = files_add(f);
	if (c->job->made[0] == 0)
		return fs_refuse(c->job, ERR_IO, "too many open files");
	buf_reserve(out, sizeof(double));
	if (had > 0)
		memmove(out->p + sizeof(double), out->p, had);
	memcpy(out->p, c->job->made, sizeof(double));
	out->n += sizeof(double);
	return 0;
}

/*
 * Until the end, which is not always where fstat says (/proc says 0, a log grows). Room for one
 * byte more than that finds the end without a second block.
 */
int fs_read_to_end(struct job *job, int fd, size_t expected, long long at)
{
	struct buf *out = &job->out;

	buf_reserve(out, expected + 1);
	for (;;) {
		char *to = buf_reserve(out, 1);
		size_t room = MIN(out->cap - out->n, FS_STEP_BYTES);
		ssize_t n = at < 0 ? read(fd, to, room)
		                   : pread(fd, to, room, (off_t)(at + (long long)out->n));

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return fs_refuse_errno(job, errno);
		out->n += n > 0 ? (size_t)n : 0;
		if (out->n > FS_BYTES_MAX)
			return fs_refuse(job, ERR_TOO_LARGE, "larger than 2 GiB");
		if (fs_cancelled(job))
			return ERR_CANCELLED;
	}
}

/* Never cut short by a cancel: half a file is worse than a late answer that nobody hears. */
int fs_write_all(struct job *job, int fd, struct span bytes, long long at)
{
	while (bytes.n > 0) {
		ssize_t n = at < 0 ? write(fd, bytes.p, bytes.n)
		                   : pwrite(fd, bytes.p, bytes.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fs_refuse_errno(job, errno);
		bytes.p += n;
		bytes.n -= (size_t)n;
		at += at < 0 ? 0 : n;
	}
	return 0;
}

static int perform(struct fs_call *c)
{
	switch ((int)fs_integer(c->head.op)) {
#define FS_OP(NAME, number, fn)                                                                    \
	case FS_##NAME:                                                                            \
		return fn(c);
#include "runtime/fs_ops.tbl.h"
#undef FS_OP
	default:
		return fs_refuse(c->job, ERR_INVALID, "no such operation");
	}
}

/* CLOSE drops: of a file that is busy, too. */
static int perform_on_file(struct fs_call *c)
{
	int rc;

	if (c->head.file == 0 || c->head.op == FS_CLOSE)
		return perform(c);
	rc = files_begin(c->head.file, &c->file);
	if (rc == ERR_GONE)
		return fs_refuse(c->job, ERR_GONE, "the file is closed");
	if (rc == ERR_BUSY)
		return fs_refuse(c->job, ERR_BUSY, "another operation on this file still runs");
	rc = perform(c);
	files_end(c->head.file);
	return rc;
}

int job_fs_run(struct job *job)
{
	struct fs_call c = {.job = job, .file = {.fd = -1}};
	size_t left, n;

	if (job->in_n < sizeof(c.head) + 1)
		return fs_refuse(job, ERR_INVALID, "no operation");
	memcpy(&c.head, job->in, sizeof(c.head));
	c.path = job->in + sizeof(c.head);
	left = job->in_n - sizeof(c.head);
	n = strnlen(c.path, left);
	if (n == left)
		return fs_refuse(job, ERR_INVALID, "no path");
	c.rest = (struct span){c.path + n + 1, left - n - 1};
	return perform_on_file(&c);
}
