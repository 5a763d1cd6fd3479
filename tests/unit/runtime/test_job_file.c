#include "jobs_rig.h"

#include "runtime/fs_int.h"

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_read(void **state)
{
	struct buf out = {0};
	size_t big = 3 * 1024 * 1024 + 17;
	char *bytes = mem_alloc(big);

	for (size_t i = 0; i < big; i++)
		bytes[i] = (char)(i * 31 >> 3);
	put_file(path_of("big"), (struct span){bytes, big});
	put_file(path_of("empty"), SPAN(""));
	pool_setup(2, 8);
	assert_int_equal(finish(submit(JOB_READ_FILE, span_of(path_of("big"))), &out), 0);
	assert_true(span_eq(buf_span(&out), (struct span){bytes, big}));
	assert_int_equal(finish(submit(JOB_READ_FILE, span_of(path_of("empty"))), &out), 0);
	assert_int_equal(out.n, 0);
	/* fstat says that it is empty */
	assert_int_equal(finish(submit(JOB_READ_FILE, SPAN("/proc/self/status")), &out), 0);
	assert_non_null(strstr(buf_cstr(&out), "Name:"));
	mem_free(bytes);
	buf_fini(&out);
}

static void test_read_refused(void **state)
{
	static const struct {
		struct span path;
		int code;
		const char *text;
	} rows[] = {
		{{"/no/such/file", 13}, ERR_NOT_FOUND, "No such file or directory"},
		{{"", 0}, ERR_NOT_FOUND, "No such file or directory"},
		{{"/dev/null/x", 11}, ERR_NOT_FOUND, "Not a directory"},
		{{"/tmp", 4}, ERR_IS_DIR, "Is a directory"},
		{{"/dev/zero", 9}, ERR_INVALID, "Not a regular file"},
		{{"/dev\0/x", 7}, ERR_INVALID, "a NUL byte in the path"},
	};
	struct buf out = {0};

	pool_setup(1, 8);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(finish(submit(JOB_READ_FILE, rows[i].path), &out), rows[i].code);
		assert_string_equal(buf_cstr(&out), rows[i].text);
	}
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_int_equal(
		finish(submit(JOB_READ_FILE, span_of(path_of("fifo"))), &out), ERR_INVALID);
	buf_fini(&out);
}

static void test_write(void **state)
{
	static const struct span pieces[] = {{"a much longer text", 18}, {"a\0b", 3}, {"", 0}};
	struct buf out = {0};
	struct stat st;

	pool_setup(1, 8);
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		double id = submit_pair(JOB_WRITE_FILE, path_of("file"), pieces[i]);

		assert_int_equal(finish(id, NULL), 0);
		finish(submit(JOB_READ_FILE, span_of(path_of("file"))), &out);
		assert_true(span_eq(buf_span(&out), pieces[i]));
	}
	assert_int_equal(stat(path_of("file"), &st), 0);
	assert_int_equal(st.st_mode & 0133, 0); /* 0644, or less by umask */
	assert_int_equal(finish(submit_pair(JOB_WRITE_FILE, path_of("no/file"), SPAN("x")), &out),
		ERR_NOT_FOUND);
	assert_string_equal(buf_cstr(&out), "No such file or directory");
	assert_int_equal(finish(submit_pair(JOB_WRITE_FILE, dir, SPAN("x")), NULL), ERR_IS_DIR);
	assert_int_equal(
		finish(submit_pair(JOB_WRITE_FILE, "/dev/full", SPAN("x")), &out), ERR_NO_SPACE);
	assert_string_equal(buf_cstr(&out), "No space left on device");
	assert_int_equal(finish(submit(JOB_WRITE_FILE, SPAN("only a path")), NULL), ERR_INVALID);
	buf_fini(&out);
}

static void make_tree(void)
{
	assert_int_equal(mkdir(path_of("root"), 0700), 0);
	assert_int_equal(mkdir(path_of("root/sub"), 0700), 0);
	put_file(path_of("secret"), SPAN("secret"));
	put_file(path_of("root/sub/file"), SPAN("inside"));
	assert_int_equal(symlink("sub/../sub/file", path_of("root/in")), 0);
	assert_int_equal(symlink("../secret", path_of("root/out")), 0);
	assert_int_equal(symlink(path_of("root/sub/file"), path_of("root/absolute")), 0);
	assert_int_equal(symlink("ring", path_of("root/ring")), 0);
}

static void test_open(void **state)
{
	static const struct {
		const char *path;
		int code; /* 0: opens "inside" */
	} rows[] = {
		{"sub/file", 0},
		{"in", 0},
		{"sub/../sub/./file", 0},
		{"sub", ERR_IS_DIR},
		{".", ERR_IS_DIR},
		{"", ERR_NOT_FOUND},
		{"none", ERR_NOT_FOUND},
		{"..", ERR_DENIED},
		{"../secret", ERR_DENIED},
		{"sub/../../secret", ERR_DENIED},
		{"out", ERR_DENIED},
		{"absolute", ERR_DENIED},
		{"ring", ERR_DENIED},
		{"/etc/passwd", ERR_DENIED},
	};

	make_tree();
	pool_setup(1, 8);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		double id = submit_pair(JOB_OPEN_FILE, path_of("root"), span_of(rows[i].path));
		int fd = finish(id, NULL);
		char bytes[16] = "";

		if (rows[i].code != 0) {
			assert_int_equal(fd, rows[i].code);
			continue;
		}
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(read(fd, bytes, sizeof(bytes)), 6);
		assert_string_equal(bytes, "inside");
		close(fd);
	}
	assert_int_equal(
		finish(submit_pair(JOB_OPEN_FILE, "/no/root", SPAN("x")), NULL), ERR_NOT_FOUND);
	assert_int_equal(finish(submit_pair(JOB_OPEN_FILE, path_of("root"), SPAN("in\0x")), NULL),
		ERR_INVALID);
}

/* The kernel may always say that it does not know. */
static void test_open_now(void **state)
{
	static const struct {
		const char *path;
		bool good;
	} rows[] = {
		{"sub/file", true},
		{"in", true},
		{"sub/../sub/file", true},
		{"out", false},
		{"absolute", false},
		{"ring", false},
		{"../secret", false},
		{"/etc/passwd", false},
		{"sub/none", false},
		{"", false},
	};
	unsigned before;

	make_tree();
	before = count_fds();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int fd = fs_open_now(path_of("root"), rows[i].path);

		if (fd >= 0) {
			assert_true(rows[i].good);
			close(fd);
		} else {
			assert_true(fd == ERR_AGAIN || (fd == ERR_NOT_FOUND && !rows[i].good));
		}
		assert_int_equal(count_fds(), before);
	}
	assert_true(fs_open_now("/no/root", "x") < 0);
	assert_true(fs_open_now("", "/no/such/file") < 0);
}

static void test_open_without_root(void **state)
{
	struct answer a;
	unsigned before;

	make_tree();
	pool_setup(1, 8);
	assert_int_equal(finish(submit_pair(JOB_OPEN_FILE, "", span_of(dir)), NULL), ERR_IS_DIR);
	before = count_fds();
	a = wait_for(submit_pair(JOB_OPEN_FILE, "", span_of(path_of("root/out"))));
	assert_true(a.rc >= 0);
	assert_int_equal(jobs_result(a.id, &a.out, &a.n), ERR_GONE); /* given once */
	jobs_free(a.id);
	assert_int_equal(count_fds(), before + 1);
	close(a.rc);
	assert_int_equal(count_fds(), before);
}

static void test_open_nobody_takes(void **state)
{
	unsigned before;
	double ids[3];
	int held;

	make_tree();
	pool_setup(1, 8);
	finish(submit_pair(JOB_OPEN_FILE, "", span_of(path_of("secret"))), NULL);
	before = count_fds();
	ids[0] = submit_busy(path_of("fifo"));
	for (size_t i = 1; i < ARRAY_LEN(ids); i++)
		ids[i] = submit_pair(JOB_OPEN_FILE, "", span_of(path_of("secret")));
	held = hold_busy(path_of("fifo"));
	close(held);
	/* both are opened before the loop hears of it: one is abandoned, one left to the teardown
	 */
	while (count_fds() < before + 2)
		usleep(1000);
	jobs_free(ids[0]);
	jobs_free(ids[1]);
	assert_true(jobs_teardown(PATIENCE_US));
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOBS_TEST(test_read),
		JOBS_TEST(test_read_refused),
		JOBS_TEST(test_write),
		JOBS_TEST(test_open),
		JOBS_TEST(test_open_now),
		JOBS_TEST(test_open_without_root),
		JOBS_TEST(test_open_nobody_takes),
	};

	return cmocka_run_group_tests_name("job_file", tests, NULL, NULL);
}
