#include "runtime/fs_int.h"

#include "base/err.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Removing a tree, and what removes itself. Each step names an entry relative to a directory that
 * is held open and was not reached by a link: nobody can lead it elsewhere meanwhile.
 */

static int remove_entry(int dir, const char *name, const struct job *job);

static int remove_entries(DIR *d, const struct job *job)
{
	const struct dirent *entry;
	int errnum = 0;

	while (errnum == 0 && (errno = 0, entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		errnum = remove_entry(dirfd(d), entry->d_name, job);
		if (errnum == ENOENT) /* somebody else did it */
			errnum = 0;
	}
	return errnum != 0 ? errnum : errno;
}

static int remove_entry(int dir, const char *name, const struct job *job)
{
	DIR *d;
	int fd, errnum;

	if (job && fs_cancelled(job))
		return ECANCELED;
	if (unlinkat(dir, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return errno;
	errnum = errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOTDIR ? errnum : errno;
	d = fdopendir(fd);
	if (!d) {
		errnum = errno;
		close(fd);
		return errnum;
	}
	errnum = remove_entries(d, job);
	closedir(d);
	if (errnum == 0 && unlinkat(dir, name, AT_REMOVEDIR) != 0)
		errnum = errno;
	return errnum;
}

int fs_remove_all(const char *path, const struct job *job)
{
	return remove_entry(AT_FDCWD, path, job);
}

int fs_remove_tree(struct fs_call *c)
{
	int errnum = fs_remove_all(c->path, c->job);

	if (errnum == ECANCELED)
		return ERR_CANCELLED;
	return errnum == 0 ? 0 : fs_refuse_errno(c->job, errnum);
}

/* ---- what removes itself -----------------------------------------------------------------------
 */

/* path: the directory; rest: how the name begins. Free it. */
static char *template_of(const struct fs_call *c)
{
	return mem_printf("%s/%sXXXXXX", c->path, c->rest.p);
}

/* An absolute path is removed whatever the working directory is by then. */
static char *absolute(const char *path)
{
	char real[PATH_MAX];

	return mem_strdup(realpath(path, real) ? real : path);
}

/* Out: the handle, the path. */
static int made_temp(struct fs_call *c, int fd, const char *path)
{
	struct open_file f = {.fd = fd, .remove = absolute(path)};

	buf_puts(&c->job->out, f.remove);
	return fs_made(c, &f);
}

int fs_temp_file(struct fs_call *c)
{
	char *path = template_of(c);
	int fd = mkostemp(path, O_CLOEXEC);
	int rc = fd >= 0 ? made_temp(c, fd, path) : fs_refuse_errno(c->job, errno);

	mem_free(path);
	return rc;
}

int fs_temp_dir(struct fs_call *c)
{
	char *path = template_of(c);
	int rc = mkdtemp(path) ? made_temp(c, -1, path) : fs_refuse_errno(c->job, errno);

	mem_free(path);
	return rc;
}
