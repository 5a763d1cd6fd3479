#include "bindings/ffi_api.h"

#include "runtime/console.h"

int ml_console_open(void)
{
	return console_open();
}

int ml_console_wait(void)
{
	return console_wait(ml_task_self());
}

int ml_console_read(ml_piece *out)
{
	struct span got;
	int rc = console_read(&got);

	*out = (ml_piece){got.p, got.n, 0};
	return rc;
}

void ml_console_job(double task)
{
	console_job(task);
}

int ml_console_interrupted(void)
{
	return console_interrupted(ml_task_self());
}
