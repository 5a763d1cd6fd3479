#include "bindings/ffi_api.h"

#include "runtime/control.h"
#include "runtime/sched.h"

double ml_control_accept(void)
{
	const struct task *t = sched_current();

	return control_accept(t != NULL ? task_id(t) : 0);
}

double ml_control_connect(const char *path)
{
	return control_connect(path);
}
