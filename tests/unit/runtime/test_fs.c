#include "jobs_rig.h"

#include "runtime/files.h"
#include "runtime/fs_int.h"
#include "runtime/stream.h"
#include "runtime/watch.h"

#include <sys/inotify.h>

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static double submit_fs(enum fs_op op, double file, double a, const char *path, struct span rest)
{
	struct fs_head head = {.op = op, .file = file, .a = a, .b = 0600};
	struct buf in = {0};
	double id;

	buf_append(&in, &head, sizeof(head));
	buf_append(&in, path, strlen(path) + 1);
	buf_append(&in, rest.p, rest.n);
	id = submit(JOB_FS, buf_span(&in));
	buf_fini(&in);
	return id;
}

static int perform(enum fs_op op, double file, const char *path, struct span rest, struct buf *out)
{
	return finish(submit_fs(op, file, 0, path, rest), out);
}

static double open_file(const char *path, int bits)
{
	struct buf out = {0};
	double id;

	assert_int_equal(finish(submit_fs(FS_OPEN, 0, bits, path, SPAN("")), &out), 0);
	assert_int_equal(out.n, sizeof(id));
	memcpy(&id, out.p, sizeof(id));
	buf_fini(&out);
	return id;
}

static void test_handle(void **state)
{
	struct buf out = {0};
	unsigned before;
	double id;

	pool_setup(1, 8);
	perform(FS_STAT, 0, dir, SPAN(""), NULL);
	before = count_fds();
	id = open_file(path_of("f"), FS_FOR_READ | FS_FOR_WRITE | FS_MAKE);
	assert_int_equal(count_fds(), before + 1);
	assert_int_equal(perform(FS_WRITE, id, "", SPAN("written"), &out), 0);
	assert_int_equal(perform(FS_READ_REST, id, "", SPAN(""), &out), 0);
	assert_true(span_eq(buf_span(&out), SPAN("written")));
	assert_int_equal(perform(FS_CLOSE, id, "", SPAN(""), &out), 0);
	assert_int_equal(count_fds(), before);
	assert_int_equal(perform(FS_READ_REST, id, "", SPAN(""), &out), ERR_GONE);
	assert_string_equal(buf_cstr(&out), "the file is closed");
	assert_int_equal(perform(FS_CLOSE, id, "", SPAN(""), &out), ERR_GONE);
	buf_fini(&out);
	files_close_all();
}

static void test_malformed(void **state)
{
	struct buf out = {0};

	pool_setup(1, 8);
	assert_int_equal(finish(submit(JOB_FS, SPAN("")), &out), ERR_INVALID);
	assert_int_equal(finish(submit(JOB_FS, SPAN("short")), &out), ERR_INVALID);
	assert_int_equal(perform((enum fs_op)0, 0, "", SPAN(""), &out), ERR_INVALID);
	assert_int_equal(perform((enum fs_op)999, 0, "", SPAN(""), &out), ERR_INVALID);
	/* an operation on a file without one */
	assert_int_equal(perform(FS_WRITE, 0, "", SPAN("x"), &out), ERR_IO);
	assert_int_equal(perform(FS_READ_REST, 12345, "", SPAN("x"), &out), ERR_GONE);
	buf_fini(&out);
}

/* What a job opened for an owner who went: closed, whether it ran before or after. */
static void test_nobody_takes(void **state)
{
	unsigned before;
	double ids[3];
	int held;

	pool_setup(1, 8);
	put_file(path_of("f"), SPAN("x"));
	perform(FS_STAT, 0, dir, SPAN(""), NULL);
	before = count_fds();
	ids[0] = submit_busy(path_of("fifo"));
	for (size_t i = 1; i < ARRAY_LEN(ids); i++)
		ids[i] = submit_fs(FS_OPEN, 0, FS_FOR_READ, path_of("f"), SPAN(""));
	held = hold_busy(path_of("fifo"));
	close(held);
	while (count_fds() < before + 2)
		usleep(1000);
	jobs_free(ids[0]);
	jobs_free(ids[1]);
	assert_true(jobs_teardown(PATIENCE_US));
	assert_int_equal(files_live(), 0);
	assert_int_equal(count_fds(), before);
	files_close_all();
}

static void test_posted(void **state)
{
	struct fs_head head = {.op = FS_CLOSE};
	char in[sizeof(head) + 1] = "";

	pool_setup(1, 8);
	head.file = open_file(path_of("f"), FS_FOR_WRITE | FS_MAKE);
	memcpy(in, &head, sizeof(head));
	assert_int_equal(jobs_post(JOB_FS, in, sizeof(in)), 0);
	run_until(is_zero_live, NULL);
	assert_int_equal(files_live(), 0);
	assert_true(jobs_teardown(PATIENCE_US));
	assert_int_equal(jobs_post(JOB_FS, in, sizeof(in)), ERR_SHUTDOWN);
	files_close_all();
}

static void test_here(void **state)
{
	struct fs_head head = {.op = FS_STAT};
	char in[sizeof(head) + 6] = "";
	const char *out;
	size_t n;

	memcpy(in, &head, sizeof(head));
	memcpy(in + sizeof(head), "/tmp", 5);
	assert_int_equal(jobs_here(JOB_FS, in, sizeof(head) + 5, &out, &n), 0);
	assert_int_equal(n, 11 * sizeof(double));
	assert_int_equal(jobs_here(JOB_READ_FILE, "/tmp", 4, &out, &n), ERR_IS_DIR);
	assert_int_equal(jobs_here(JOB_LUA, "", 0, &out, &n), ERR_INVALID);
	jobs_here_done();
}

/* ---- watches -----------------------------------------------------------------------------------
 */

struct next {
	double watch;
	struct watch_event e;
	int rc;
};

static bool has_event(void *arg)
{
	struct next *next = arg;

	if (next->rc == ERR_AGAIN)
		next->rc = watch_next(next->watch, 0, &next->e);
	return next->rc != ERR_AGAIN;
}

static void test_watch(void **state)
{
	unsigned before;
	struct buf out = {0};
	struct next next = {.rc = ERR_AGAIN};
	double file;

	pool_setup(1, 8);
	watch_setup(&loop);
	perform(FS_STAT, 0, dir, SPAN(""), NULL);
	before = count_fds();
	assert_int_equal(perform(FS_WATCH, 0, dir, SPAN(""), &out), 0);
	memcpy(&file, out.p, sizeof(file));
	next.watch = watch_open(file);
	assert_true(next.watch > 0);
	assert_int_equal(watch_next(next.watch, 0, &next.e), ERR_AGAIN);
	put_file(path_of("new"), SPAN(""));
	run_until(has_event, &next);
	assert_int_equal(next.rc, 0);
	assert_int_equal(next.e.mask, IN_CREATE);
	assert_true(span_eq(next.e.name, SPAN("new")));
	watch_close(next.watch);
	watch_close(next.watch);
	assert_int_equal(watch_next(next.watch, 0, &next.e), ERR_GONE);
	assert_int_equal(perform(FS_CLOSE, file, "", SPAN(""), NULL), 0);
	assert_int_equal(count_fds(), before);
	assert_int_equal((int)watch_open(file), ERR_GONE);
	watch_teardown();
	assert_int_equal((int)watch_open(file), ERR_SHUTDOWN);
	buf_fini(&out);
	files_close_all();
}

static void test_watch_left(void **state)
{
	struct buf out = {0};
	struct watch_event e;
	double file;

	pool_setup(1, 8);
	watch_setup(&loop);
	assert_int_equal(perform(FS_WATCH, 0, dir, SPAN(""), &out), 0);
	memcpy(&file, out.p, sizeof(file));
	watch_next(watch_open(file), 0, &e);
	assert_int_equal(watch_live(), 1);
	watch_teardown();
	assert_int_equal(watch_live(), 0);
	buf_fini(&out);
	files_close_all();
}

/* ---- processes ---------------------------------------------------------------------------------
 */

struct exit {
	double stream;
	int rc, signalled;
};

static bool has_exited(void *arg)
{
	struct exit *e = arg;

	if (e->rc == ERR_AGAIN)
		e->rc = stream_exit(e->stream, 0, &e->signalled);
	return e->rc != ERR_AGAIN;
}

static void test_process(void **state)
{
	static const char ends[] = "\0sh\0-c\0echo x; exit 7", stays[] = "\0sh\0-c\0sleep 60";
	struct fs_head head = {.op = FS_SPAWN, .a = 2, .b = 3};
	struct buf in = {0}, out = {0};
	struct exit e = {.rc = ERR_AGAIN};
	double made[4], reads;
	struct span got;
	unsigned before;
	bool found;

	pool_setup(1, 8);
	stream_setup(&loop);
	perform(FS_STAT, 0, dir, SPAN(""), NULL);
	before = count_fds();
	buf_append(&in, &head, sizeof(head));
	buf_append(&in, ends, sizeof(ends));
	assert_int_equal(finish(submit(JOB_FS, buf_span(&in)), &out), 0);
	memcpy(made, out.p, sizeof(made));
	assert_true(made[1] == 0 && made[3] == 0);
	e.stream = stream_open(made[0]);
	reads = stream_open(made[2]);
	run_until(has_exited, &e);
	assert_int_equal(e.rc, 7);
	assert_int_equal(e.signalled, 0);
	assert_int_equal(stream_kill(e.stream, 9), 0);
	assert_int_equal(stream_read(reads, 0, &got), 0);
	assert_true(span_eq(got, SPAN("x\n")));
	stream_close(reads);
	assert_int_equal(stream_read(reads, 0, &got), ERR_GONE);
	files_drop(made[2], &found);
	files_drop(made[0], &found);
	stream_teardown();
	/* one that is left is killed at the end */
	buf_clear(&in);
	buf_append(&in, &head, sizeof(head));
	buf_append(&in, stays, sizeof(stays));
	jobs_free(wait_for(submit(JOB_FS, buf_span(&in))).id);
	files_close_all();
	assert_true(jobs_teardown(PATIENCE_US));
	assert_int_equal(count_fds(), before);
	buf_fini(&in);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOBS_TEST(test_handle),
		JOBS_TEST(test_malformed),
		JOBS_TEST(test_nobody_takes),
		JOBS_TEST(test_posted),
		JOBS_TEST(test_here),
		JOBS_TEST(test_watch),
		JOBS_TEST(test_watch_left),
		JOBS_TEST(test_process),
	};

	return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
