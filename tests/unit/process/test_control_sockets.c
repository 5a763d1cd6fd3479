#include "../base/check.h"

#include "process/control_sockets.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/moonloop-control-XXXXXX";

static struct options with_control(const char *name, int workers)
{
	struct options o;

	options_init(&o);
	mem_free(o.control);
	o.control = name[0] != '\0' ? mem_printf("%s/%s", dir, name) : mem_strdup("");
	o.workers = workers;
	return o;
}

static mode_t mode_of(const char *name)
{
	struct stat st;
	char *path = mem_printf("%s/%s", dir, name);
	int rc = stat(path, &st);

	mem_free(path);
	return rc == 0 ? st.st_mode : 0;
}

static void test_none(void **state)
{
	struct options o = with_control("", 2);
	struct control_sockets c;
	char err[256];

	assert_int_equal(control_sockets_open(&c, &o, err, sizeof(err)), 0);
	assert_int_equal(control_sockets_slot(&c, 0), -1);
	control_sockets_close(&c);
	options_fini(&o);
}

static void test_each_worker(void **state)
{
	struct options o = with_control("c", 2);
	struct control_sockets c, again;
	char err[256];

	assert_int_equal(control_sockets_open(&c, &o, err, sizeof(err)), 0);
	assert_int_equal(mode_of("c.0"), S_IFSOCK | 0600);
	assert_int_equal(mode_of("c.1"), S_IFSOCK | 0600);
	assert_true(control_sockets_slot(&c, 0) >= 0);
	assert_int_not_equal(control_sockets_slot(&c, 0), control_sockets_slot(&c, 1));
	assert_int_equal(control_sockets_slot(&c, 2), -1);

	/* Somebody listens there: that is said, and nothing of his is taken away. */
	assert_int_equal(control_sockets_open(&again, &o, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "/c.0"));
	assert_int_equal(mode_of("c.0"), S_IFSOCK | 0600);

	control_sockets_close(&c);
	assert_int_equal(mode_of("c.0"), 0);
	assert_int_equal(mode_of("c.1"), 0);
	options_fini(&o);
}

static void test_no_such_directory(void **state)
{
	struct options o = with_control("no/such", 1);
	struct control_sockets c;
	char err[256];

	assert_int_equal(control_sockets_open(&c, &o, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "no/such.0"));
	assert_int_equal(c.n, 0);
	options_fini(&o);
}

/* The second socket cannot be made: the first one goes, too. */
static void test_half(void **state)
{
	struct options o = with_control("h", 2);
	struct control_sockets c;
	char err[256];
	char *path = mem_printf("%s/h.1", dir);

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(control_sockets_open(&c, &o, err, sizeof(err)), -1);
	assert_int_equal(mode_of("h.0"), 0);
	rmdir(path);
	mem_free(path);
	options_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_none),
		ZERO_TEST(test_each_worker),
		ZERO_TEST(test_no_such_directory),
		ZERO_TEST(test_half),
	};
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return failed;
}
