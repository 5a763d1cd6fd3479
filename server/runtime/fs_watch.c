#include "runtime/fs_int.h"

#include "base/err.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What of a watch can block: looking paths up. The inotify descriptor is an open file like others,
 * so that it stays while a thread adds to it; the loop reads another descriptor of it (watch.c).
 */

#define WATCH_MASK                                                                                 \
	(IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM |          \
		IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)

struct adding {
	struct fs_call *c;
	int fd;
	bool deep;
	bool first; /* what was asked for; errors of what lies below it are somebody else's removals
	             */
};

static int add(struct adding *a, const char *path, const char *name);

static bool is_below(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
	       (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN);
}

static int add_below(struct adding *a, const char *path, const char *name)
{
	DIR *d = opendir(path);
	const struct dirent *entry;
	int errnum = 0;

	if (!d)
		return 0;
	while (errnum == 0 && (entry = readdir(d)) != NULL) {
		char *p, *n;

		if (!is_below(entry))
			continue;
		p = mem_printf("%s/%s", path, entry->d_name);
		n = mem_printf("%s%s%s", name, *name ? "/" : "", entry->d_name);
		errnum = add(a, p, n);
		mem_free(p);
		mem_free(n);
	}
	closedir(d);
	return errnum;
}

static bool is_real_dir(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The errno, or 0. */
static int add(struct adding *a, const char *path, const char *name)
{
	bool first = a->first;
	int wd;

	if (fs_cancelled(a->c->job))
		return ECANCELED;
	if (!first && !is_real_dir(path))
		return 0;
	wd = inotify_add_watch(a->fd, path, first ? WATCH_MASK : WATCH_MASK | IN_DONT_FOLLOW);
	if (wd < 0 && (first || errno == ENOSPC))
		return errno;
	if (wd < 0)
		return 0;
	a->first = false;
	buf_printf(&a->c->job->out, "%d %s", wd, name);
	buf_putc(&a->c->job->out, '\0');
	return a->deep ? add_below(a, path, name) : 0;
}

/* ENOSPC is not the disk's here. */
static int refuse(struct fs_call *c, int errnum)
{
	if (errnum == ECANCELED)
		return ERR_CANCELLED;
	if (errnum == ENOSPC)
		return fs_refuse(
			c->job, ERR_QUEUE_FULL, "no more watches: see fs.inotify.max_user_watches");
	return fs_refuse_errno(c->job, errnum);
}

/* a: 1 for all directories below, too. Out: the handle, then "number name NUL" of each watch. */
int fs_watch(struct fs_call *c)
{
	struct open_file f = {.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
	struct adding a = {.c = c, .fd = f.fd, .deep = c->head.a != 0, .first = true};
	int errnum;

	if (f.fd < 0)
		return fs_refuse_errno(c->job, errno);
	errnum = add(&a, c->path, "");
	if (errnum == 0)
		return fs_made(c, &f);
	close(f.fd);
	return refuse(c, errnum);
}

/*
 * One more directory: path; rest: its name below the first. a: 1 for it alone. Out: as above,
 * without handle.
 */
int fs_watch_more(struct fs_call *c)
{
	struct adding a = {.c = c, .fd = c->file.fd, .deep = c->head.a == 0};
	int errnum = add(&a, c->path, c->rest.p);

	return errnum == 0 ? 0 : refuse(c, errnum);
}
