#include "runtime/fs_int.h"

#include "base/err.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Single calls on a path. */

static int answer(struct fs_call *c, int rc)
{
	return rc == 0 ? 0 : fs_refuse_errno(c->job, errno);
}

static double seconds(struct timespec t)
{
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Out: eleven numbers, as fs.lua names them. */
static int put_stat(struct fs_call *c, const struct stat *st)
{
	const double facts[] = {
		(double)(st->st_mode & S_IFMT),
		(double)st->st_size,
		(double)(st->st_mode & 07777),
		(double)st->st_ino,
		seconds(st->st_mtim),
		seconds(st->st_atim),
		seconds(st->st_ctim),
		(double)st->st_nlink,
		(double)st->st_uid,
		(double)st->st_gid,
		(double)st->st_dev,
	};

	buf_append(&c->job->out, facts, sizeof(facts));
	return 0;
}

int fs_fstat(struct fs_call *c)
{
	struct stat st;

	return fstat(c->file.fd, &st) == 0 ? put_stat(c, &st) : answer(c, -1);
}

/* a: 1 for the link itself. */
int fs_stat(struct fs_call *c)
{
	struct stat st;
	int rc = c->head.a != 0 ? lstat(c->path, &st) : stat(c->path, &st);

	return rc == 0 ? put_stat(c, &st) : answer(c, rc);
}

static bool is_other_than_dir(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* ENOTDIR of the path itself is another thing than of one that leads to it. */
static int refuse_dir(struct fs_call *c, int errnum)
{
	struct stat st;

	if (errnum == ENOTDIR && lstat(c->path, &st) == 0)
		return fs_refuse(c->job, ERR_NOT_DIR, "Not a directory");
	return fs_refuse_errno(c->job, errnum);
}

static void put_entry(struct fs_call *c, DIR *d, const struct dirent *entry)
{
	mode_t type = DTTOIF(entry->d_type);
	struct stat st;

	/* Some file systems do not say it here. */
	if (entry->d_type == DT_UNKNOWN)
		type = fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0
		               ? st.st_mode & S_IFMT
		               : 0;
	buf_printf(&c->job->out, "%u %s", type, entry->d_name);
	buf_putc(&c->job->out, '\0');
}

static DIR *open_dir_beneath(const char *root, const char *path)
{
	int fd = fs_open_beneath(root, path, O_DIRECTORY);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (fd >= 0 && d == NULL)
		close(fd);
	return d;
}

/* rest: what the path is below, or nothing. Out: "type name NUL" of each entry, in no order. */
int fs_list(struct fs_call *c)
{
	const struct dirent *entry;
	bool rooted = c->rest.n > 0;
	DIR *d = rooted ? open_dir_beneath(c->rest.p, c->path) : opendir(c->path);
	int rc = 0;

	if (!d)
		return rooted ? fs_refuse_beneath(c->job, errno) : refuse_dir(c, errno);
	while (rc == 0 && (errno = 0, entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			put_entry(c, d, entry);
		if (c->job->out.n > FS_BYTES_MAX)
			rc = fs_refuse(c->job, ERR_TOO_LARGE, "larger than 2 GiB");
		else if (fs_cancelled(c->job))
			rc = ERR_CANCELLED;
	}
	if (rc == 0 && errno != 0)
		rc = fs_refuse_errno(c->job, errno);
	closedir(d);
	return rc;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Makes what is missing above; `path` is ours to cut. The errno, or 0. */
static int make_parents(char *path, mode_t mode)
{
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, mode | S_IWUSR | S_IXUSR) != 0) {
			int errnum = errno;

			if (!is_dir(path))
				return errnum == EEXIST ? ENOTDIR : errnum;
		}
		*p = '/';
	}
	return 0;
}

/* a: 1 to make the parents, too, and to be content with a directory that is there; b: mode. */
int fs_mkdir(struct fs_call *c)
{
	mode_t mode = (mode_t)fs_integer(c->head.b);
	bool parents = c->head.a != 0;
	char *path;
	int errnum;

	if (parents && c->path[0] != '\0') {
		path = mem_strdup(c->path);
		errnum = make_parents(path, mode);
		mem_free(path);
		if (errnum == ENOTDIR)
			return fs_refuse(c->job, ERR_NOT_DIR, "Not a directory");
		if (errnum != 0)
			return fs_refuse_errno(c->job, errnum);
	}
	if (mkdir(c->path, mode) == 0)
		return 0;
	errnum = errno;
	if (parents && errnum == EEXIST && is_dir(c->path))
		return 0;
	return fs_refuse_errno(c->job, errnum);
}

/* A directory is EISDIR on Linux; POSIX has EPERM. */
int fs_remove(struct fs_call *c)
{
	return answer(c, unlink(c->path));
}

int fs_rmdir(struct fs_call *c)
{
	if (rmdir(c->path) == 0)
		return 0;
	if (errno == ENOTDIR && is_other_than_dir(c->path))
		return fs_refuse(c->job, ERR_NOT_DIR, "Not a directory");
	return fs_refuse_errno(c->job, errno);
}

/* rest: the new path. */
int fs_rename(struct fs_call *c)
{
	return answer(c, rename(c->path, c->rest.p));
}

/* rest: what it leads to. */
int fs_symlink(struct fs_call *c)
{
	return answer(c, symlink(c->rest.p, c->path));
}

int fs_readlink(struct fs_call *c)
{
	char to[PATH_MAX];
	ssize_t n = readlink(c->path, to, sizeof(to));

	if (n < 0 && errno == EINVAL)
		return fs_refuse(c->job, ERR_INVALID, "Not a symbolic link");
	if (n < 0)
		return fs_refuse_errno(c->job, errno);
	buf_append(&c->job->out, to, (size_t)n);
	return 0;
}

int fs_realpath(struct fs_call *c)
{
	char real[PATH_MAX];

	if (!realpath(c->path, real))
		return fs_refuse_errno(c->job, errno);
	buf_puts(&c->job->out, real);
	return 0;
}

/* a: mode. */
int fs_chmod(struct fs_call *c)
{
	return answer(c, chmod(c->path, (mode_t)fs_integer(c->head.a)));
}
