#include "bindings/ffi_api.h"

#include "runtime/control.h"

double ml_control_accept(void)
{
	return control_accept(ml_task_self());
}

double ml_control_connect(const char *path)
{
	return control_connect(path);
}
