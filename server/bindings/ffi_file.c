#include "bindings/ffi_api.h"

#include "base/err.h"
#include "runtime/files.h"
#include "runtime/fs_int.h"
#include "runtime/sched.h"
#include "runtime/watch.h"

#include <string.h>
#include <sys/stat.h>

/* What is removed at the end has its time on the pool; else, and if that is full, at once. */
void ml_file_drop(double file)
{
	struct fs_head head = {.op = FS_CLOSE, .file = file};
	char in[sizeof(head) + 1] = "";
	bool found;

	memcpy(in, &head, sizeof(head));
	if (job_pool_has_this() || !files_ends_slowly(file) ||
		jobs_post(JOB_FS, in, sizeof(in)) != 0)
		files_drop(file, &found);
}

double ml_file_adopt(int fd)
{
	return files_add(&(struct open_file){.fd = fd});
}

int ml_file_open_now(const char *root, const char *path)
{
	return fs_open_now(root, path);
}

int ml_fd_facts_of(int fd, ml_fd_facts *out)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return ERR_INVALID;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? ERR_IS_DIR : ERR_INVALID;
	*out = (ml_fd_facts){(double)st.st_size, (double)st.st_ino, (double)st.st_mtim.tv_sec,
		(double)st.st_mtim.tv_nsec};
	return 0;
}

double ml_watch_open(double file)
{
	return watch_open(file);
}

int ml_watch_next(double watch, ml_watch_event *out)
{
	const struct task *t = sched_current();
	struct watch_event e;
	int rc;

	if (t == NULL)
		return ERR_STATE;
	rc = watch_next(watch, task_id(t), &e);
	*out = (ml_watch_event){e.wd, e.mask, e.name.p, e.name.n};
	return rc;
}

void ml_watch_close(double watch)
{
	watch_close(watch);
}
