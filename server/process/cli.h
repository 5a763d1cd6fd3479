#ifndef PROCESS_CLI_H
#define PROCESS_CLI_H

#include "process/options.h"

struct buf;

/*
 * The command line as a whole: which sub-command, with which options. What needs no further work
 * (help, version, a mistake) is answered here, so that main has only what remains: run and check,
 * and the tools, which are written in Lua (lua/moonloop/tools/NAME.lua). A tool takes the gateway's
 * options, too; all other words are its own.
 */
enum cli_command {
	CLI_DONE, /* answered already: end with exit_code */
	CLI_RUN,
	CLI_CHECK,
	CLI_TOOL,
};

struct cli {
	enum cli_command command;
	int exit_code;          /* of CLI_DONE */
	struct options options; /* of all but CLI_DONE */
	const char *tool;       /* of CLI_TOOL */
	char *const *words;     /* the tool's own; borrowed from argv */
	int words_n;
};

/* Prints to stdout what was asked for, to stderr what is wrong: one line. */
void cli_parse(struct cli *cli, int argc, char **argv); /* may change the order of argv */
void cli_fini(struct cli *cli);

#endif
