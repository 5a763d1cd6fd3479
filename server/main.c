#include "process/cli.h"
#include "process/master.h"
#include "worker.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/*
 * Started with one of them closed, a socket would get its number, and what is printed would go
 * to a client. And what an application prints is to be seen at once, in a pipe too.
 */
static void set_up_stdio(void)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = dup(fd);
	if (fd >= 0)
		close(fd);
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
}

int main(int argc, char **argv)
{
	struct cli cli;
	int exit_code = 0;

	set_up_stdio();
	cli_parse(&cli, argc, argv);
	switch (cli.command) {
	case CLI_DONE:
		exit_code = cli.exit_code;
		break;
	case CLI_RUN:
		exit_code = master_run(&cli.options, worker_main);
		break;
	case CLI_CHECK:
		exit_code = worker_check(&cli.options);
		break;
	case CLI_TOOL:
		exit_code = worker_tool(&cli.options, cli.tool, cli.words, cli.words_n);
		break;
	}
	cli_fini(&cli);
	return exit_code;
}
