#include "jobs_rig.h"

#include "runtime/files.h"

#include <pthread.h>

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static double add_file(const char *path)
{
	struct open_file f = {.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)};

	assert_true(f.fd >= 0);
	return files_add(&f);
}

static void test_one_at_a_time(void **state)
{
	double id = add_file(path_of("f"));
	struct open_file f, other;
	bool found;

	assert_int_equal(files_begin(id, &f), 0);
	assert_true(f.fd >= 0);
	assert_int_equal(files_begin(id, &other), ERR_BUSY);
	files_end(id);
	assert_int_equal(files_begin(id, &f), 0);
	files_end(id);
	assert_int_equal(files_drop(id, &found), 0);
	assert_true(found);
	assert_int_equal(files_begin(id, &f), ERR_GONE);
	files_drop(id, &found);
	assert_false(found);
	files_drop(0, &found);
	assert_false(found);
	assert_int_equal(files_live(), 0);
	files_close_all();
}

static void test_dropped_while_busy(void **state)
{
	unsigned before = count_fds();
	double id = add_file(path_of("f"));
	struct open_file f;
	bool found;

	assert_int_equal(files_begin(id, &f), 0);
	files_drop(id, &found);
	assert_true(found);
	assert_int_equal(fcntl(f.fd, F_GETFD) >= 0, 1);
	assert_int_equal(files_begin(id, &f), ERR_GONE);
	files_drop(id, &found);
	assert_false(found);
	assert_int_equal(count_fds(), before + 1);
	files_end(id);
	assert_int_equal(count_fds(), before);
	assert_int_equal(files_live(), 0);
	files_close_all();
}

static void test_removes(void **state)
{
	struct open_file d = {.fd = -1, .remove = mem_strdup(path_of("tree"))};
	double id;
	bool found;

	assert_int_equal(mkdir(path_of("tree"), 0700), 0);
	assert_int_equal(mkdir(path_of("tree/sub"), 0700), 0);
	put_file(path_of("kept"), SPAN("kept"));
	put_file(path_of("tree/sub/file"), SPAN("x"));
	assert_int_equal(symlink("../kept", path_of("tree/link")), 0);
	id = files_add(&d);
	assert_true(files_ends_slowly(id));
	assert_false(files_ends_slowly(id + 1));
	files_drop(id, &found);
	assert_int_equal(access(path_of("tree"), F_OK), -1);
	assert_int_equal(access(path_of("kept"), F_OK), 0);
	files_close_all();
}

static void test_close_all(void **state)
{
	unsigned before = count_fds();
	struct open_file f = {.remove = mem_strdup(path_of("g"))};

	add_file(path_of("f"));
	f.fd = open(path_of("g"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	files_add(&f);
	assert_int_equal(files_live(), 2);
	files_close_all();
	files_close_all();
	assert_int_equal(files_live(), 0);
	assert_int_equal(count_fds(), before);
	assert_int_equal(access(path_of("f"), F_OK), 0);
	assert_int_equal(access(path_of("g"), F_OK), -1);
}

/* Threads that use and drop the same files: each is closed once. */
static double shared_ids[200];

static void *use_them(void *arg)
{
	struct open_file f;
	bool found;

	for (size_t i = 0; i < ARRAY_LEN(shared_ids); i++) {
		if (files_begin(shared_ids[i], &f) == 0) {
			assert_true(fcntl(f.fd, F_GETFD) >= 0);
			files_end(shared_ids[i]);
		}
		files_drop(shared_ids[i], &found);
	}
	return NULL;
}

static void test_threads(void **state)
{
	unsigned before = count_fds();
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_LEN(shared_ids); i++)
		shared_ids[i] = add_file(path_of("f"));
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_create(&threads[i], NULL, use_them, NULL);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(files_live(), 0);
	assert_int_equal(count_fds(), before);
	files_close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOBS_TEST(test_one_at_a_time),
		JOBS_TEST(test_dropped_while_busy),
		JOBS_TEST(test_removes),
		JOBS_TEST(test_close_all),
		JOBS_TEST(test_threads),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
