#ifndef PROCESS_EXITS_H
#define PROCESS_EXITS_H

/*
 * What the exit codes of master and workers mean. A worker that ends with one of the three
 * failures before it is ready, at boot, has said why and would fail again: the master stops
 * and ends with the same code. Any other death is an accident and the worker is replaced.
 *
 * The tools use the same numbers: 1, it could not be done, or not all tests passed; 2, it was
 * called wrongly; 3, the application that it was given did not start.
 */
enum exit_code {
	EXIT_OK = 0,
	EXIT_ENVIRONMENT = 1, /* address in use, file not writable, a worker had to be killed */
	EXIT_USAGE = 2,       /* command line, environment variable, configuration file */
	EXIT_APP = 3,         /* the application did not start */
};

#endif
