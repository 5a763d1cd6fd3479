#include "runtime/files.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/slab.h"
#include "runtime/fs_int.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	pthread_mutex_t mutex;
	struct slab slab; /* below the mutex; no page before the first file */
} files = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Below the mutex. */
static struct open_file *find(double id)
{
	return slab_find(&files.slab, id);
}

/* One that was waited for already is no more there to kill: a pidfd is never another's. */
static void end_process(int pidfd)
{
	siginfo_t info;

	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	while (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED) != 0 && errno == EINTR)
		continue;
}

/* After the mutex. */
static int end(const struct open_file *f)
{
	int errnum = 0;

	if (f->process)
		end_process(f->fd);
	/* The descriptor is gone whatever close says; EINTR means nothing on Linux. */
	if (f->fd >= 0 && close(f->fd) != 0 && errno != EINTR)
		errnum = errno;
	if (f->remove) {
		fs_remove_all(f->remove, NULL);
		mem_free(f->remove);
	}
	return errnum;
}

double files_add(const struct open_file *f)
{
	struct open_file *added;
	double id = 0;

	pthread_mutex_lock(&files.mutex);
	if (files.slab.object_size == 0)
		slab_init(&files.slab, "file", sizeof(struct open_file));
	added = slab_alloc(&files.slab);
	if (added) {
		*added = *f;
		added->busy = added->dropped = false;
		id = slab_id(added);
	}
	pthread_mutex_unlock(&files.mutex);
	if (!added)
		end(f);
	return id;
}

int files_begin(double id, struct open_file *f_r)
{
	struct open_file *f;
	int rc = 0;

	pthread_mutex_lock(&files.mutex);
	f = find(id);
	if (!f || f->dropped) {
		rc = ERR_GONE;
	} else if (f->busy) {
		rc = ERR_BUSY;
	} else {
		f->busy = true;
		*f_r = *f;
	}
	pthread_mutex_unlock(&files.mutex);
	return rc;
}

/* Below the mutex: what `end` needs, moved out. */
static struct open_file take_out(struct open_file *f)
{
	struct open_file taken = *f;

	slab_free(&files.slab, f);
	return taken;
}

void files_end(double id)
{
	struct open_file taken = {.fd = -1}, *f;

	pthread_mutex_lock(&files.mutex);
	f = find(id);
	ENSURE(f && f->busy);
	f->busy = false;
	if (f->dropped)
		taken = take_out(f);
	pthread_mutex_unlock(&files.mutex);
	end(&taken);
}

int files_drop(double id, bool *found_r)
{
	struct open_file taken = {.fd = -1}, *f;

	pthread_mutex_lock(&files.mutex);
	f = find(id);
	*found_r = f && !f->dropped;
	if (f && f->busy)
		f->dropped = true;
	else if (f)
		taken = take_out(f);
	pthread_mutex_unlock(&files.mutex);
	return end(&taken);
}

bool files_ends_slowly(double id)
{
	const struct open_file *f;
	bool slowly;

	pthread_mutex_lock(&files.mutex);
	f = find(id);
	slowly = f && (f->remove || f->process);
	pthread_mutex_unlock(&files.mutex);
	return slowly;
}

unsigned files_live(void)
{
	unsigned n;

	pthread_mutex_lock(&files.mutex);
	n = files.slab.live;
	pthread_mutex_unlock(&files.mutex);
	return n;
}

static void close_one(void *object, void *arg)
{
	struct open_file taken = take_out(object);

	ENSURE(!taken.busy);
	end(&taken);
}

void files_close_all(void)
{
	if (files.slab.object_size == 0)
		return;
	slab_each(&files.slab, close_one, NULL);
	slab_fini(&files.slab);
}

int files_duplicate(double file)
{
	struct open_file f;
	int rc = files_begin(file, &f), fd;

	if (rc != 0)
		return rc;
	fd = fcntl(f.fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		fd = err_from_errno(errno);
	files_end(file);
	return fd;
}
