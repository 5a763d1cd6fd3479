#include "../base/check.h"

#include "base/err.h"
#include "process/options.h"

#define CONF "moonloop-test.conf.lua"

static char dir[] = "/tmp/moonloop-config-XXXXXX";

/* In a directory of its own, so that the file has the same short name in every message. */
static int enter_dir(void **state)
{
	return mkdtemp(dir) == NULL || chdir(dir) != 0;
}

static int leave_dir(void **state)
{
	return unlink(CONF) != 0 || chdir("/") != 0 || rmdir(dir) != 0;
}

static int load(struct options *o, const char *text, const char *threads, char *err, size_t cap)
{
	FILE *f = fopen(CONF, "w");
	const char *argv[] = {"--config", CONF, "--threads", threads};

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return options_load(o, threads != NULL ? 4 : 2, (char **)argv, err, cap);
}

static void load_ok(struct options *o, const char *text)
{
	char err[512] = "";

	if (load(o, text, NULL, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

static void test_values(void **state)
{
	struct options o;

	load_ok(&o, "local base = 4000\n"
		    "return {\n"
		    "  bind = { ':' .. base + 1, '127.0.0.1:2' }, -- computed\n"
		    "  workers = 2, ['thread-queue'] = '77',\n"
		    "  drain_timeout = 1.5, idle_timeout = '2m',\n"
		    "  body_max = 2^20, head_max = '32k',\n"
		    "  quiet = true, log_level = 'warn',\n"
		    "  trusted_proxy = '10.0.0.0/8,unix',\n"
		    "}\n");
	assert_int_equal(o.bind.n, 2);
	assert_string_equal(o.bind.v[0].text, ":4001");
	assert_string_equal(o.bind.v[1].text, "127.0.0.1:2");
	assert_int_equal(o.workers, 2);
	assert_int_equal(o.thread_queue, 77);
	assert_int_equal(o.drain_timeout_us, 1500000);
	assert_int_equal(o.idle_timeout_us, 120000000);
	assert_int_equal(o.body_max_bytes, 1048576);
	assert_int_equal(o.head_max_bytes, 32768);
	assert_true(o.quiet);
	assert_int_equal(o.log_level, 2);
	assert_int_equal(o.trusted_proxy.n, 2);
	assert_int_equal(o.from[OPT_workers], OPTION_FROM_CONFIG);
	options_fini(&o);
}

static void test_precedence(void **state)
{
	struct options o;
	char err[512];

	setenv("MOONLOOP_WORKERS", "3", 1);
	assert_int_equal(
		load(&o, "return { threads = 5, workers = 5, fields_max = 5 }", "7", err, 512), 0);
	assert_int_equal(o.threads, 7);
	assert_int_equal(o.workers, 3);
	assert_int_equal(o.fields_max, 5);
	options_fini(&o);
	unsetenv("MOONLOOP_WORKERS");
}

static void test_path_from_environment(void **state)
{
	struct options o;
	char err[512];

	load_ok(&o, "return { workers = 9 }");
	options_fini(&o);
	setenv("MOONLOOP_CONFIG", CONF, 1);
	assert_int_equal(options_load(&o, 0, NULL, err, sizeof(err)), 0);
	assert_int_equal(o.workers, 9);
	options_fini(&o);
	unsetenv("MOONLOOP_CONFIG");
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *line; /* the line begins like this */
	} rows[] = {
		{"return { wrokers = 2 }", CONF ":wrokers: unknown option; did you mean workers?"},
		{"return { frobnicate = 2 }", CONF ":frobnicate: unknown option"},
		{"return { workers = 0 }",
			CONF ":workers: \"0\" is not a number from 1 to 256, or auto"},
		{"return { workers = 1.5 }", CONF ":workers: \"1.5\" is not a number"},
		{"return { workers = -1 }", CONF ":workers: \"-1\" is not a number"},
		{"return { workers = 0/0 }", CONF ":workers: \""},
		{"return { workers = 1/0 }", CONF ":workers: \"inf\" is not a number"},
		{"return { workers = {} }", CONF ":workers: wants one value, not a table"},
		{"return { workers = print }", CONF ":workers: wants N|auto, not a function"},
		{"return { threads = true }", CONF ":threads: \"yes\" is not a number"},
		{"return { bind = { ':1', {} } }", CONF ":bind: entry 2 of the list is a table"},
		{"return { bind = { 8000 } }", CONF ":bind: \"8000\" has no port"},
		{"return { config = 'x' }", CONF ":config: belongs on the command line"},
		{"return { ':1' }", CONF ": wants names of options as keys, not a number"},
		{"return 1", CONF ": must return a table, not number"},
		{"", CONF ": must return a table, not nil"},
		{"return {", "config: " CONF ":1: unexpected symbol"},
		{"\nerror('no luck')", "config: " CONF ":2: no luck"},
		{"error({})", "config: an error that is no text"},
		{"return os.getenv('HOME')", "config: " CONF ":1: attempt to index global 'os'"},
		{"io.open('x')", "config: " CONF ":1: attempt to index global 'io'"},
		{"require 'ffi'", "config: " CONF ":1: attempt to call global 'require'"},
		{"dofile 'x'", "config: " CONF ":1: attempt to call global 'dofile'"},
		{"\x1bLJ\x02", "config: "},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct options o;
		char err[512] = "";

		assert_int_equal(load(&o, rows[i].text, NULL, err, sizeof(err)), ERR_INVALID);
		if (strncmp(err, rows[i].line, strlen(rows[i].line)) != 0)
			fail_msg("\"%s\", not \"%s\"", err, rows[i].line);
		assert_null(strchr(err, '\n'));
		options_fini(&o);
	}
}

static void test_no_file(void **state)
{
	const char *argv[] = {"--config=none.lua"};
	char err[512] = "";
	struct options o;

	assert_int_equal(options_load(&o, 1, (char **)argv, err, sizeof(err)), ERR_INVALID);
	assert_non_null(strstr(err, "none.lua"));
	assert_non_null(strstr(err, "No such file"));
	options_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_values),
		ZERO_TEST(test_precedence),
		ZERO_TEST(test_path_from_environment),
		ZERO_TEST(test_refused),
		ZERO_TEST(test_no_file),
	};

	return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
