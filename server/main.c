#include "process/cli.h"
#include "process/master.h"
#include "worker.h"

int main(int argc, char **argv)
{
	struct cli cli;
	int exit_code = 0;

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
	}
	cli_fini(&cli);
	return exit_code;
}
