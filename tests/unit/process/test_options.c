#include "../base/check.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "process/cpus.h"
#include "process/options_int.h"

/* Each test says what the environment holds; nothing of ours comes from outside. */
static int clean_setup(void **state)
{
	for (size_t i = 0; i < OPTIONS_N; i++) {
		char name[OPTION_NAME_MAX];

		option_env_name(&option_rows[i], name);
		unsetenv(name);
	}
	return zero_setup(state);
}

#define CLEAN_TEST(fn) cmocka_unit_test_setup_teardown(fn, clean_setup, zero_teardown)

#define ARGV(...)                                                                                  \
	(int)ARRAY_LEN(((const char *[]){__VA_ARGS__})), (char **)(const char *[])                 \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static void load_ok(struct options *o, int argc, char **argv)
{
	char err[512] = "";

	if (options_load(o, argc, argv, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

static void assert_refused(int argc, char **argv, const char *line)
{
	struct options o;
	char err[512] = "";

	assert_int_equal(options_load(&o, argc, argv, err, sizeof(err)), ERR_INVALID);
	assert_string_equal(err, line);
	options_fini(&o);
}

static void test_defaults(void **state)
{
	struct options o;

	load_ok(&o, 0, NULL);
	assert_int_equal(o.bind.n, 1);
	assert_string_equal(o.bind.v[0].text, "127.0.0.1:8000");
	assert_int_equal(o.unix_mode, 0660);
	assert_int_equal(o.workers, 1);
	assert_int_equal(o.threads, 4);
	assert_int_equal(o.thread_queue, 1024);
	assert_int_equal(o.max_connections, 10000);
	assert_int_equal(o.drain_timeout_us, 10000000);
	assert_int_equal(o.head_max_bytes, 16384);
	assert_int_equal(o.fields_max, 100);
	assert_int_equal(o.target_max_bytes, 8192);
	assert_int_equal(o.body_max_bytes, 16777216);
	assert_int_equal(o.high_water_bytes, 65536);
	assert_int_equal(o.head_timeout_us, 10000000);
	assert_int_equal(o.body_timeout_us, 30000000);
	assert_int_equal(o.idle_timeout_us, 75000000);
	assert_int_equal(o.write_timeout_us, 30000000);
	assert_string_equal(o.root_path, "");
	assert_int_equal(o.trusted_proxy.n, 0);
	assert_string_equal(o.access_log, "off");
	assert_string_equal(o.access_log_format, "combined");
	assert_string_equal(o.log, "-");
	assert_int_equal(o.log_level, LOG_INFO);
	assert_int_equal(o.log_format, LOG_FORMAT_TEXT);
	assert_false(o.quiet);
	assert_null(o.app);
	options_fini(&o);
}

/* The words of an ENUM stand in the order of the C enum that they mean. */
static void test_enum_order(void **state)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	struct options o;

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		load_ok(&o, ARGV("--log-level", levels[i]));
		assert_int_equal(o.log_level, log_level_find(levels[i]));
		options_fini(&o);
	}
	load_ok(&o, ARGV("--log-format=json"));
	assert_int_equal(o.log_format, LOG_FORMAT_JSON);
	options_fini(&o);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *name, *text;
		uint64_t value; /* UINT64_MAX: refused */
	} rows[] = {
		{"threads", "1", 1},
		{"threads", "256", 256},
		{"threads", "0", UINT64_MAX},
		{"threads", "257", UINT64_MAX},
		{"threads", "-1", UINT64_MAX},
		{"threads", "+1", UINT64_MAX},
		{"threads", "1.5", UINT64_MAX},
		{"threads", "4x", UINT64_MAX},
		{"threads", " 4", UINT64_MAX},
		{"threads", "", UINT64_MAX},
		{"threads", "auto", UINT64_MAX},
		{"threads", "99999999999999999999", UINT64_MAX},
		{"body-max", "0", 0},
		{"body-max", "500", 500},
		{"body-max", "500b", 500},
		{"body-max", "16k", 16384},
		{"body-max", "16K", 16384},
		{"body-max", "16KiB", 16384},
		{"body-max", "16kb", 16384},
		{"body-max", "2M", 2097152},
		{"body-max", "3G", 3221225472},
		{"body-max", "1t", 1099511627776},
		{"body-max", "1k1", UINT64_MAX},
		{"body-max", "1kx", UINT64_MAX},
		{"body-max", "k", UINT64_MAX},
		{"body-max", "1.5k", UINT64_MAX},
		{"body-max", "1025T", UINT64_MAX},
		{"body-max", "99999999999T", UINT64_MAX},
		{"head-max", "1023", UINT64_MAX},
		{"head-max", "1024", 1024},
		{"idle-timeout", "75", 75000000},
		{"idle-timeout", "75s", 75000000},
		{"idle-timeout", "1.5", 1500000},
		{"idle-timeout", "0.25s", 250000},
		{"idle-timeout", "1.5ms", 1500},
		{"idle-timeout", "1ms", 1000},
		{"idle-timeout", "2m", 120000000},
		{"idle-timeout", "24h", 86400000000},
		{"idle-timeout", "25h", UINT64_MAX},
		{"idle-timeout", "0", UINT64_MAX},
		{"idle-timeout", "999us", UINT64_MAX},
		{"idle-timeout", "1 s", UINT64_MAX},
		{"idle-timeout", "1S", UINT64_MAX},
		{"idle-timeout", ".5", UINT64_MAX},
		{"idle-timeout", "1.", UINT64_MAX},
		{"idle-timeout", "1.2345678", UINT64_MAX},
		{"idle-timeout", "99999999999999999999h", UINT64_MAX},
		{"idle-timeout", "9999999999999999999h", UINT64_MAX},
		{"drain-timeout", "0", 0},
		{"unix-mode", "0666", 0666},
		{"unix-mode", "600", 0600},
		{"unix-mode", "0", 0},
		{"unix-mode", "1777", UINT64_MAX},
		{"unix-mode", "08", UINT64_MAX},
		{"unix-mode", "", UINT64_MAX},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct option_row *row = option_find(rows[i].name);
		union {
			int count;
			unsigned mode;
			size_t bytes;
			uint64_t us;
		} got = {.us = 0};
		char err[512];
		int rc = option_read(row, rows[i].text, &got, err, sizeof(err));

		if ((rc == 0) != (rows[i].value != UINT64_MAX) ||
			(rc == 0 && got.us != rows[i].value))
			fail_msg("%s %s: %d, %llu", rows[i].name, rows[i].text, rc,
				(unsigned long long)got.us);
		if (rc != 0 && strstr(err, " from ") == NULL)
			fail_msg("\"%s\" names no range", err);
	}
}

static void test_workers(void **state)
{
	struct options o;

	load_ok(&o, ARGV("--workers", "auto"));
	assert_int_equal(o.workers, MIN(cpus_usable(), 256));
	options_fini(&o);
	load_ok(&o, ARGV("--workers", "7"));
	assert_int_equal(o.workers, 7);
	options_fini(&o);
}

static void test_texts(void **state)
{
	struct options o;

	load_ok(&o, ARGV("--root-path=/shop//", "--lua-path", "a/?.lua;b/?.lua", "--lua-cpath="));
	assert_string_equal(o.root_path, "/shop");
	assert_string_equal(o.lua_path, "a/?.lua;b/?.lua");
	assert_string_equal(o.lua_cpath, "");
	options_fini(&o);
	load_ok(&o, ARGV("--root-path", "/"));
	assert_string_equal(o.root_path, "");
	options_fini(&o);
}

static void test_bool(void **state)
{
	static const struct {
		const char *word;
		bool value;
	} rows[] = {
		{"--quiet", true},
		{"--no-quiet", false},
		{"--quiet=yes", true},
		{"--quiet=TRUE", true},
		{"--quiet=1", true},
		{"--quiet=off", false},
		{"--quiet=0", false},
	};
	struct options o;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		load_ok(&o, ARGV(rows[i].word, "app"));
		assert_int_equal(o.quiet, rows[i].value);
		assert_string_equal(o.app, "app"); /* never taken for the value */
		options_fini(&o);
	}
}

static void test_words(void **state)
{
	struct options o;

	load_ok(&o, ARGV("app", "--threads", "2"));
	assert_string_equal(o.app, "app");
	assert_int_equal(o.threads, 2);
	options_fini(&o);
	load_ok(&o, ARGV("--threads=2", "--threads=3", "--", "--odd"));
	assert_string_equal(o.app, "--odd");
	assert_int_equal(o.threads, 3);
	options_fini(&o);
}

static void test_repeated(void **state)
{
	struct options o;

	load_ok(&o, ARGV("--bind", ":1", "--bind", "[::1]:2, 127.0.0.1:3", "--trusted-proxy",
			    "10.0.0.0/8,unix"));
	assert_int_equal(o.bind.n, 3);
	assert_string_equal(o.bind.v[0].text, ":1");
	assert_string_equal(o.bind.v[1].text, "[::1]:2");
	assert_string_equal(o.bind.v[2].text, "127.0.0.1:3");
	assert_int_equal(o.trusted_proxy.n, 2);
	assert_int_equal(o.trusted_proxy.v[0].bits, 8);
	assert_int_equal(o.trusted_proxy.v[1].family, AF_UNIX);
	options_fini(&o);
	load_ok(&o, ARGV("--dns-servers", "192.0.2.1,::1", "--dns-servers", "[::1]:5353"));
	assert_int_equal(o.dns_servers.n, 3);
	assert_int_equal(addr_port(&o.dns_servers.v[1].sa), 53);
	assert_int_equal(addr_port(&o.dns_servers.v[2].sa), 5353);
	options_fini(&o);
}

static void test_precedence(void **state)
{
	struct options o;

	setenv("MOONLOOP_THREADS", "5", 1);
	setenv("MOONLOOP_WORKERS", "6", 1);
	setenv("MOONLOOP_BIND", ":1,:2", 1);
	setenv("MOONLOOP_LOG_LEVEL", "", 1); /* empty is not set */
	load_ok(&o, ARGV("--threads", "7", "--bind", ":3"));
	assert_int_equal(o.threads, 7);
	assert_int_equal(o.from[OPT_threads], OPTION_FROM_COMMAND_LINE);
	assert_int_equal(o.workers, 6);
	assert_int_equal(o.from[OPT_workers], OPTION_FROM_ENVIRONMENT);
	assert_int_equal(o.bind.n, 1);
	assert_string_equal(o.bind.v[0].text, ":3");
	assert_int_equal(o.log_level, LOG_INFO);
	assert_int_equal(o.from[OPT_log_level], OPTION_FROM_DEFAULT);
	options_fini(&o);
}

static void test_refused(void **state)
{
	assert_refused(ARGV("--threads", "x"),
		"command line: --threads: \"x\" is not a number from 1 to 256");
	assert_refused(ARGV("--workers", "0"),
		"command line: --workers: \"0\" is not a number from 1 to 256, or auto");
	assert_refused(
		ARGV("--bnid=:1"), "command line: --bnid: unknown option; did you mean --bind?");
	assert_refused(ARGV("--log_level"),
		"command line: --log_level: unknown option; did you mean --log-level?");
	assert_refused(ARGV("--frobnicate"),
		"command line: --frobnicate: unknown option; see moonloop help run");
	assert_refused(ARGV("-x"), "command line: -x: unknown option; see moonloop help run");
	assert_refused(ARGV("-"), "command line: -: unknown option; see moonloop help run");
	assert_refused(ARGV("--=1"), "command line: --: unknown option; see moonloop help run");
	assert_refused(ARGV("--no-threads"),
		"command line: --no-threads: unknown option; did you mean --threads?");
	assert_refused(ARGV("--threads"), "command line: --threads: wants a value: N");
	assert_refused(ARGV("--threads", "--quiet"), "command line: --threads: wants a value: N");
	assert_refused(ARGV("--log="), "command line: --log: \"\" is too short");
	assert_refused(ARGV("--log-format", "xml"),
		"command line: --log-format: \"xml\" is none of text|json|pretty");
	assert_refused(ARGV("--root-path", "shop"),
		"command line: --root-path: \"shop\" is not a path that begins with /");
	assert_refused(ARGV("--quiet=2"), "command line: --quiet: \"2\" is neither yes nor no");
	assert_refused(ARGV("--bind="), "command line: --bind: \"\" is no address");
	assert_refused(ARGV("--bind", ":1,8000"),
		"command line: --bind: \"8000\" has no port: want HOST:PORT, :PORT or unix:PATH");
	assert_refused(ARGV("--trusted-proxy", "10.0.0.0/40"),
		"command line: --trusted-proxy: \"10.0.0.0/40\" has no valid length of the network "
		"behind /");
	assert_refused(ARGV("--dns-servers", "192.0.2.1,resolver.test"),
		"command line: --dns-servers: \"resolver.test\" is no IP address, with or without :PORT");
	assert_refused(
		ARGV("a", "b"), "command line: unexpected \"b\": the application is \"a\" already");
	assert_refused(ARGV(""), "command line: an empty word where the application belongs");
	assert_refused(ARGV("--threads", "a\nb"),
		"command line: --threads: \"a b\" is not a number from 1 to 256");
}

/* A long word must not write past anything. */
static void test_long_words(void **state)
{
	char *word = mem_zalloc(5001), err[512];
	struct options o;

	memset(word, 'a', 5000);
	for (int dashes = 0; dashes <= 2; dashes++) {
		memset(word, '-', (size_t)dashes);
		if (options_load(&o, 1, &word, err, sizeof(err)) == 0)
			assert_int_equal(dashes, 0);
		options_fini(&o);
	}
	assert_int_equal(options_load(&o, ARGV("--log", word), err, sizeof(err)), ERR_INVALID);
	options_fini(&o);
	mem_free(word);
}

static void test_environment(void **state)
{
	setenv("MOONLOOP_THREADS", "many", 1);
	assert_refused(0, NULL, "MOONLOOP_THREADS: \"many\" is not a number from 1 to 256");
	/* Overridden, and wrong all the same. */
	assert_refused(
		ARGV("--threads", "2"), "MOONLOOP_THREADS: \"many\" is not a number from 1 to 256");
	unsetenv("MOONLOOP_THREADS");

	setenv("MOONLOOP_WROKERS", "2", 1);
	assert_refused(0, NULL, "MOONLOOP_WROKERS: unknown option; did you mean MOONLOOP_WORKERS?");
	unsetenv("MOONLOOP_WROKERS");
}

/* What Kubernetes sets for a service named moonloop, and what an application may call its own. */
static void test_foreign_environment(void **state)
{
	static const char *const names[] = {"MOONLOOP_PORT", "MOONLOOP_SERVICE_HOST",
		"MOONLOOP_SERVICE_PORT", "MOONLOOP_PORT_8000_TCP_ADDR", "MOONLOOP_", "MOONLOOP_DB",
		"MOONLOOP_A_NAME_THAT_IS_LONGER_THAN_THE_NAME_OF_ANY_OPTION_EVER_WILL_BE"};
	struct options o;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		setenv(names[i], "tcp://10.0.0.1:80", 1);
	load_ok(&o, 0, NULL);
	options_fini(&o);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
}

/* Every option is in both texts, with its default. */
static void test_help(void **state)
{
	struct buf help = {0}, manual = {0};

	options_help(&help);
	options_markdown(&manual);
	for (size_t i = 0; i < OPTIONS_N; i++) {
		char word[OPTION_NAME_MAX + 8], env[OPTION_NAME_MAX];

		snprintf(word, sizeof(word), "--%s", option_rows[i].name);
		option_env_name(&option_rows[i], env);
		assert_non_null(strstr(buf_cstr(&help), word));
		assert_non_null(strstr(buf_cstr(&manual), word));
		assert_non_null(strstr(buf_cstr(&manual), env));
	}
	assert_non_null(strstr(buf_cstr(&help), "usable CPU [1]"));
	assert_non_null(strstr(buf_cstr(&manual),
		"| `--workers N\\|auto` | `MOONLOOP_WORKERS` | `1` | from 1 to 256 |"));
	buf_fini(&help);
	buf_fini(&manual);
}

/* The page of the manual holds what the table says now; it is read from the top of the tree. */
static void test_manual(void **state)
{
	FILE *f = fopen("apps/docs/options.md", "r");
	struct buf page = {0}, manual = {0};
	size_t n;

	if (f == NULL)
		return;
	while ((n = fread(buf_reserve(&page, 4096), 1, 4096, f)) > 0)
		page.n += n;
	fclose(f);
	options_markdown(&manual);
	if (strstr(buf_cstr(&page), buf_cstr(&manual)) == NULL)
		fail_msg("apps/docs/options.md is not what moonloop help --markdown prints");
	buf_fini(&page);
	buf_fini(&manual);
}

static void test_dev(void **state)
{
	struct options o;

	load_ok(&o, 0, NULL);
	assert_false(o.dev);
	assert_false(o.reload);
	assert_int_equal(o.reload_dir.n, 0);
	options_dev(&o);
	assert_true(o.dev);
	assert_true(o.reload);
	assert_int_equal(o.workers, 1);
	assert_int_equal(o.cpu_budget_us, 2000000);
	assert_int_equal(o.log_format, LOG_FORMAT_PRETTY);
	assert_string_equal(o.access_log, "-");
	assert_string_equal(o.access_log_format, "pretty");
	options_fini(&o);

	load_ok(&o,
		ARGV("--no-reload", "--cpu-budget=7s", "--reload-dir", "a, b/c", "--reload-dir=d"));
	options_dev(&o);
	assert_true(o.dev);
	assert_false(o.reload);
	assert_int_equal(o.cpu_budget_us, 7000000);
	assert_int_equal(o.reload_dir.n, 3);
	assert_string_equal(o.reload_dir.v[1], "b/c");
	options_fini(&o);
}

static void test_dev_is_no_option(void **state)
{
	assert_refused(ARGV("--dev"), "command line: --dev: unknown option; see moonloop help run");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLEAN_TEST(test_dev),
		CLEAN_TEST(test_dev_is_no_option),
		CLEAN_TEST(test_defaults),
		CLEAN_TEST(test_enum_order),
		CLEAN_TEST(test_numbers),
		CLEAN_TEST(test_workers),
		CLEAN_TEST(test_texts),
		CLEAN_TEST(test_bool),
		CLEAN_TEST(test_words),
		CLEAN_TEST(test_repeated),
		CLEAN_TEST(test_precedence),
		CLEAN_TEST(test_refused),
		CLEAN_TEST(test_long_words),
		CLEAN_TEST(test_environment),
		CLEAN_TEST(test_foreign_environment),
		CLEAN_TEST(test_help),
		CLEAN_TEST(test_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
