#include "../base/check.h"

#include "base/version.h"
#include "process/cli.h"
#include "process/exits.h"

/* What one command line led to; it is run in a child, whose output is caught. */
struct outcome {
	int command;
	int exit_code;
	int threads;
	char app[64];
	char tool[64]; /* its name and words, a bar behind each */
	char out[16384];
	char err[4096];
};

static void read_file(FILE *f, char *out, size_t cap)
{
	rewind(f);
	out[fread(out, 1, cap - 1, f)] = '\0';
	fclose(f);
}

/* Exits with the command, so that the parent can tell; the rest goes through a pipe. */
static NORETURN void parse_in_child(const char *const *words, FILE *out, FILE *err, int result)
{
	struct {
		int command, exit_code, threads;
		char app[64];
		char tool[64];
	} r = {0};
	struct cli cli;
	const char *argv[9] = {"moonloop"};
	int argc = 1, n = 0;
	long before = mem_live();

	dup2(fileno(out), STDOUT_FILENO);
	dup2(fileno(err), STDERR_FILENO);
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = words[argc - 1];
	cli_parse(&cli, argc, (char **)argv);
	r.command = cli.command;
	r.exit_code = cli.exit_code;
	r.threads = cli.options.threads;
	snprintf(r.app, sizeof(r.app), "%s", cli.options.app != NULL ? cli.options.app : "");
	if (cli.command == CLI_TOOL)
		n = snprintf(r.tool, sizeof(r.tool), "%s|", cli.tool);
	for (int i = 0; i < cli.words_n && n < (int)sizeof(r.tool); i++)
		n += snprintf(r.tool + n, sizeof(r.tool) - (size_t)n, "%s|", cli.words[i]);
	cli_fini(&cli);
	fflush(NULL);
	_exit(mem_live() != before || write(result, &r, sizeof(r)) != sizeof(r));
}

static void parse(struct outcome *o, const char *const *words)
{
	FILE *out = tmpfile(), *err = tmpfile();
	int result[2], status;
	pid_t pid;

	assert_int_equal(pipe(result), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		parse_in_child(words, out, err, result[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(
		read(result[0], o, offsetof(struct outcome, out)), offsetof(struct outcome, out));
	close(result[0]);
	close(result[1]);
	read_file(out, o->out, sizeof(o->out));
	read_file(err, o->err, sizeof(o->err));
}

static void test_run_and_check(void **state)
{
	static const struct {
		const char *words[6];
		enum cli_command command;
		int threads;
	} rows[] = {
		{{"run", "/dev/null"}, CLI_RUN, 4},
		{{"/dev/null"}, CLI_RUN, 4},
		{{"--threads", "2", "/dev/null"}, CLI_RUN, 2},
		{{"run", "/dev/null", "--threads=3"}, CLI_RUN, 3},
		{{"check", "/dev/null", "--threads=5"}, CLI_CHECK, 5},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct outcome o;

		parse(&o, rows[i].words);
		assert_string_equal(o.err, "");
		assert_string_equal(o.out, "");
		assert_int_equal(o.command, rows[i].command);
		assert_int_equal(o.threads, rows[i].threads);
		assert_string_equal(o.app, "/dev/null");
	}
}

/* Options of the gateway are taken out of a tool's words, wherever they stand. */
static void test_tools(void **state)
{
	static const struct {
		const char *words[7];
		const char *tool, *app;
		int threads;
	} rows[] = {
		{{"new", "shop", "--template", "api"}, "new|shop|--template|api|", "", 4},
		{{"test"}, "test|", "", 4},
		{{"test", "a", "--threads", "3", "--filter", "x"}, "test|a|--filter|x|", "", 3},
		{{"test", "--filter", "x", "--threads=3", "--quiet", "b"}, "test|--filter|x|b|", "",
			3},
		{{"test", "--", "--threads", "3"}, "test|--|--threads|3|", "", 4},
		{{"test", "-x", "--timeout=1s"}, "test|-x|--timeout=1s|", "", 4},
		{{"types", "dir"}, "types|dir|", "", 4},
		{{"repl"}, "repl|", "", 4},
		{{"repl", "--threads", "2", "/dev/null", "more"}, "repl|more|", "/dev/null", 2},
		{{"repl", "--attach", "/dev/null"}, "repl|--attach|/dev/null|", "", 4},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct outcome o;

		parse(&o, rows[i].words);
		assert_string_equal(o.err, "");
		assert_string_equal(o.out, "");
		assert_int_equal(o.command, CLI_TOOL);
		assert_string_equal(o.tool, rows[i].tool);
		assert_string_equal(o.app, rows[i].app);
		assert_int_equal(o.threads, rows[i].threads);
	}
}

static void test_answers(void **state)
{
	static const struct {
		const char *words[6];
		const char *begins;
		const char *has;
	} rows[] = {
		{{"version"}, "moonloop " MOONLOOP_VERSION " (LuaJIT", "\n"},
		{{"--version"}, "moonloop " MOONLOOP_VERSION, "\n"},
		{{"help"}, "moonloop " MOONLOOP_VERSION ": serves", "moonloop check APP"},
		{{"--help"}, "moonloop " MOONLOOP_VERSION ": serves", "moonloop help run"},
		{{"-h"}, "moonloop " MOONLOOP_VERSION ": serves", "moonloop help run"},
		{{"help", "run"}, "usage: moonloop [run] APP", "--drain-timeout TIME"},
		{{"run", "--help"}, "usage: moonloop [run] APP", "--drain-timeout TIME"},
		{{"app.lua", "-h"}, "usage: moonloop [run] APP", "--drain-timeout TIME"},
		{{"run", "--threads", "x", "-h"}, "usage: moonloop [run]", "--threads N"},
		{{"check", "--help"}, "usage: moonloop check", "lifespan"},
		{{"new", "--help"}, "usage: moonloop new NAME", "--template"},
		{{"test", "x", "-h"}, "usage: moonloop test [PATH...]", "--filter"},
		{{"help", "repl"}, "usage: moonloop repl [APP]", "Ctrl-C"},
		{{"version", "--help"}, "usage: moonloop version", "LuaJIT"},
		{{"help", "help"}, "usage: moonloop help", "COMMAND"},
		{{"help", "--help"}, "usage: moonloop help", "COMMAND"},
		{{"help", "--markdown"}, "## Listening\n", "`MOONLOOP_BIND`"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct outcome o;

		parse(&o, rows[i].words);
		assert_string_equal(o.err, "");
		assert_int_equal(o.command, CLI_DONE);
		assert_int_equal(o.exit_code, EXIT_OK);
		if (strncmp(o.out, rows[i].begins, strlen(rows[i].begins)) != 0)
			fail_msg("row %zu begins \"%.60s\"", i, o.out);
		if (strstr(o.out, rows[i].has) == NULL)
			fail_msg("row %zu has no \"%s\"", i, rows[i].has);
	}
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *words[6];
		const char *line;
	} rows[] = {
		{{"run"}, "run wants an application: a .lua file, a directory with app.lua or a "
			  "module"},
		{{"check"}, "check wants an application: a .lua file, a directory with app.lua "
			    "or a module"},
		{{"--quiet"}, "run wants an application: a .lua file, a directory with app.lua "
			      "or a module"},
		{{"run", "/no/app.lua"}, "/no/app.lua: No such file or directory"},
		{{"verison"}, "verison: no such file, directory or module; did you mean the "
			      "command version?"},
		{{"run", "verison"}, "verison: no such file, directory or module"},
		{{"help", "me"}, "no command \"me\"; see moonloop help"},
		{{"run", "/dev/null", "--bnid", "x"},
			"command line: --bnid: unknown option; did you mean --bind?"},
		{{"test", "--threads", "many"},
			"command line: --threads: \"many\" is not a number from 1 to 256"},
		{{"repl", "/no/app.lua"}, "/no/app.lua: No such file or directory"},
		{{"run", "--", "--help"}, "--help: no such file, directory or module"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct outcome o;
		char line[256];

		parse(&o, rows[i].words);
		snprintf(line, sizeof(line), "moonloop: %s\n", rows[i].line);
		assert_string_equal(o.err, line);
		assert_string_equal(o.out, "");
		assert_int_equal(o.command, CLI_DONE);
		assert_int_equal(o.exit_code, EXIT_USAGE);
	}
}

static void test_alone(void **state)
{
	struct outcome o;

	parse(&o, (const char *const[]){NULL});
	assert_string_equal(o.out, "");
	assert_non_null(strstr(o.err, "moonloop [run] APP"));
	assert_int_equal(o.command, CLI_DONE);
	assert_int_equal(o.exit_code, EXIT_USAGE);
}

/* A help text that went nowhere is no success. */
static void test_full_disk(void **state)
{
	const char *const argv[] = {"moonloop", "version"};
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct cli cli;

		if (freopen("/dev/full", "w", stdout) == NULL ||
			freopen("/dev/null", "w", stderr) == NULL)
			_exit(99);
		cli_parse(&cli, 2, (char **)argv);
		_exit(cli.exit_code);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), EXIT_ENVIRONMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_run_and_check),
		ZERO_TEST(test_tools),
		ZERO_TEST(test_answers),
		ZERO_TEST(test_mistakes),
		ZERO_TEST(test_alone),
		ZERO_TEST(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
