#include "process/cli.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/version.h"
#include "process/app_path.h"
#include "process/exits.h"
#include "process/options_int.h"
#include "process/suggest.h"

#include <luajit.h>
#include <stdio.h>
#include <string.h>

enum topic {
	TOPIC_RUN,
	TOPIC_DEV,
	TOPIC_CHECK,
	TOPIC_NEW,
	TOPIC_TEST,
	TOPIC_REPL,
	TOPIC_TYPES,
	TOPIC_VERSION,
	TOPIC_HELP,
	TOPICS_N,
};

struct command {
	const char *name;
	const char *usage;
	const char *line; /* in the short help */
	const char *text; /* of its own help */
	enum cli_command command;
	bool takes_app; /* a tool whose first word may be an application */
};

static const struct command commands[TOPICS_N] = {
	[TOPIC_RUN] = {"run", "moonloop [run] APP [OPTION...]", "serve an application",
		"Serves APP until SIGTERM or Ctrl-C.\n"
		"\n"
		"APP is a .lua file, a directory with app.lua, or a module name (shop.main).\n"
		"\n"
		"An option may also stand in the environment (--drain-timeout 5s is\n"
		"MOONLOOP_DRAIN_TIMEOUT=5s) or in a file (--config FILE); the command line wins "
		"over\n"
		"the environment, and the environment over the file. Sizes take k, M, G; times "
		"take ms,\n"
		"s, m, h and are seconds without. Repeatable options also take a list with "
		"commas.\n"
		"\n"
		"Signals: TERM, INT stop after the running requests, a second one at once;\n"
		"HUP loads the application anew; USR2 replaces the workers; USR1 opens the logs\n"
		"again.\n",
		CLI_RUN, false},
	[TOPIC_DEV] = {"dev", "moonloop dev APP [OPTION...]",
		"serve it while you write it: reload, error pages",
		"Serves APP as \"moonloop run\" does, for who is writing it: a saved file is served at\n"
		"once and pages in the browser reload, an error is shown with its source and its\n"
		"variables, the log is for reading. Not for the public: error pages show your code.\n"
		"\n"
		"APP and OPTIONs are those of \"moonloop run\"; the defaults differ: --reload,\n"
		"--cpu-budget 2s, --log-format pretty, --access-log - --access-log-format pretty.\n",
		CLI_RUN, false},
	[TOPIC_CHECK] = {"check", "moonloop check APP [OPTION...]",
		"load an application, start and stop it, and tell",
		"Loads APP and runs its lifespan, without listening. Exit code 0: it starts; 3: it\n"
		"does not, and stderr says why, whatever --log is.\n"
		"\n"
		"APP and OPTIONs are those of \"moonloop run\".\n",
		CLI_CHECK, false},
	[TOPIC_NEW] = {"new", "moonloop new NAME [--template T]", "begin a project that runs",
		"Makes the directory NAME with an application, a test for it, a README and what an\n"
		"editor needs. Nothing is overwritten.\n"
		"\n"
		"  --template T   which one; minimal\n"
		"  --list         the templates there are\n",
		CLI_TOOL, false},
	[TOPIC_TEST] = {"test", "moonloop test [PATH...]", "run tests, in which waiting works",
		"Runs the busted specs in PATHs, files or directories with *_spec.lua files: those\n"
		"in tests and spec without one. Each test is a task. Exit code 0: all passed;\n"
		"1: some did not; 2: nothing could be run.\n"
		"\n"
		"  --filter PATTERN   only tests whose names match this Lua pattern; repeatable\n"
		"  --output NAME      of busted: utfTerminal, plainTerminal, TAP, junit, json\n"
		"  --timeout TIME     of one test; 10s\n"
		"\n"
		"Options of \"moonloop run\" may be given, too, such as --lua-path or --threads.\n",
		CLI_TOOL, false},
	[TOPIC_REPL] = {"repl", "moonloop repl [APP] [OPTION...]",
		"try Lua line by line; lines may wait",
		"Reads Lua from the terminal and shows what it returns. Each input runs as a task;\n"
		"Ctrl-C cancels it, Ctrl-D leaves. With APP the application is started:\n"
		"request(\"GET\", \"/\") calls it.\n"
		"\n"
		"  --attach PATH   in a worker of a gateway that was started with --control PATH\n"
		"  --worker N      in which one, counted from 0; 0\n"
		"\n"
		"The other OPTIONs are those of \"moonloop run\".\n",
		CLI_TOOL, true},
	[TOPIC_TYPES] = {"types", "moonloop types [DIR]", "write the annotations for editors",
		"Writes the types of moonloop's modules into DIR/.moonloop/types, for the Lua\n"
		"language server; DIR is the current directory without one.\n",
		CLI_TOOL, false},
	[TOPIC_VERSION] = {"version", "moonloop version", "print the version",
		"Prints the version of moonloop and of LuaJIT.\n", CLI_DONE, false},
	[TOPIC_HELP] = {"help", "moonloop help [COMMAND]", "explain a command and its options",
		"Explains COMMAND; without one, lists them.\n", CLI_DONE, false},
};

static void put_short_help(struct buf *out)
{
	buf_puts(out, "moonloop " MOONLOOP_VERSION ": serves Lua applications over HTTP\n\n");
	for (int i = 0; i < TOPICS_N; i++)
		buf_printf(out, "  %-32s %s\n", commands[i].usage, commands[i].line);
	buf_puts(out, "\nAPP is a .lua file, a directory with app.lua, or a module name.\n"
		      "All options: moonloop help run\n");
}

static void put_topic(struct buf *out, const struct command *c)
{
	buf_printf(out, "usage: %s\n\n%s", c->usage, c->text);
	if (c != &commands[TOPIC_RUN])
		return;
	buf_putc(out, '\n');
	options_help(out);
}

static void done(struct cli *cli, int exit_code)
{
	cli->command = CLI_DONE;
	cli->exit_code = exit_code;
}

/* Output that cannot be written (a full disk behind `> file`) must not look like success. */
static void print(struct cli *cli, struct buf *text)
{
	bool written = fwrite(text->p, 1, text->n, stdout) == text->n && fflush(stdout) == 0;

	if (!written)
		perror("moonloop: stdout");
	done(cli, written ? EXIT_OK : EXIT_ENVIRONMENT);
}

static void complain(struct cli *cli, const char *line)
{
	fprintf(stderr, "moonloop: %s\n", line);
	done(cli, EXIT_USAGE);
}

static const struct command *find_command(const char *name)
{
	for (int i = 0; i < TOPICS_N; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const char *suggest_command(const char *name)
{
	const char *names[TOPICS_N];

	for (int i = 0; i < TOPICS_N; i++)
		names[i] = commands[i].name;
	return suggest_word(name, names, TOPICS_N);
}

static void answer_help(struct cli *cli, int argc, char **argv)
{
	const struct command *topic = argc > 0 ? find_command(argv[0]) : NULL;
	struct buf text = {0};
	char line[128];

	if (argc > 0 && strcmp(argv[0], "--markdown") == 0) {
		options_markdown(&text);
	} else if (topic != NULL) {
		put_topic(&text, topic);
	} else if (argc == 0 || argv[0][0] == '-') {
		put_short_help(&text);
	} else {
		snprintf(line, sizeof(line), "no command \"%.60s\"; see moonloop help", argv[0]);
		complain(cli, line);
		return;
	}
	print(cli, &text);
	buf_fini(&text);
}

static void answer_version(struct cli *cli)
{
	struct buf text = {0};

	buf_puts(&text, "moonloop " MOONLOOP_VERSION " (" LUAJIT_VERSION ")\n");
	print(cli, &text);
	buf_fini(&text);
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

/* The application must be there before anything is started. */
static int check_app(const struct cli *cli, const char *command, char *err, size_t cap)
{
	const struct options *o = &cli->options;
	const char *close;
	struct app_path app;
	size_t n;
	int rc;

	if (o->app == NULL && cli->command == CLI_TOOL)
		return 0;
	if (o->app == NULL) {
		snprintf(err, cap,
			"%s wants an application: a .lua file, a directory with app.lua or a "
			"module",
			command != NULL ? command : "run");
		return -1;
	}
	rc = app_resolve(&app, o->app, o->lua_path, err, cap);
	if (rc == 0)
		app_path_fini(&app);
	close = rc != 0 && command == NULL ? suggest_command(o->app) : NULL;
	n = strlen(err);
	if (close != NULL)
		snprintf(err + n, cap - n, "; did you mean the command %s?", close);
	return rc;
}

/* The words that are the gateway's come first then; returns how many. */
static int take_tool_words(struct cli *cli, const struct command *c, int argc, char **argv)
{
	int n = options_first(argc, argv);

	if (c->takes_app && n < argc && argv[n][0] != '-')
		n++;
	cli->tool = c->name;
	cli->words = argv + n;
	cli->words_n = argc - n;
	return n;
}

static void prepare(struct cli *cli, const struct command *c, int argc, char **argv)
{
	char err[1024] = "";

	cli->command = c != NULL ? c->command : CLI_RUN;
	if (cli->command == CLI_TOOL)
		argc = take_tool_words(cli, c, argc, argv);
	if (options_load(&cli->options, argc, argv, err, sizeof(err)) != 0 ||
		check_app(cli, c != NULL ? c->name : NULL, err, sizeof(err)) != 0)
		complain(cli, err);
	if (c == &commands[TOPIC_DEV])
		options_dev(&cli->options);
	if (cli->command == CLI_CHECK ||
		cli->command == CLI_TOOL) { /* who asks is to see the answer */
		mem_free(cli->options.log);
		cli->options.log = mem_strdup("-");
	}
}

void cli_parse(struct cli *cli, int argc, char **argv)
{
	const struct command *c = argc > 1 ? find_command(argv[1]) : NULL;
	const char *first = argc > 1 ? argv[1] : "";
	int skip = c != NULL ? 2 : 1;
	struct buf text = {0};

	memset(cli, 0, sizeof(*cli));
	if (argc < 2) {
		put_short_help(&text);
		fwrite(text.p, 1, text.n, stderr);
		buf_fini(&text);
		done(cli, EXIT_USAGE);
	} else if (strcmp(first, "--version") == 0) {
		answer_version(cli);
	} else if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
		answer_help(cli, 0, NULL);
	} else if (wants_help(argc - skip, argv + skip)) {
		answer_help(cli, 1, (char *[]){(char *)(c != NULL ? c->name : "run")});
	} else if (c == &commands[TOPIC_VERSION]) {
		answer_version(cli);
	} else if (c == &commands[TOPIC_HELP]) {
		answer_help(cli, argc - skip, argv + skip);
	} else {
		prepare(cli, c, argc - skip, argv + skip);
	}
}

void cli_fini(struct cli *cli)
{
	options_fini(&cli->options);
}
