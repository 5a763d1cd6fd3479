#include "bindings/ffi_api.h"

#include "base/err.h"
#include "runtime/files.h"
#include "runtime/fs_int.h"
#include "runtime/sched.h"
#include "runtime/watch.h"

#include <string.h>

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
