#include "bindings/ffi_api.h"

#include "base/clock.h"
#include "bindings/app_int.h"
#include "net/stats.h"
#include "runtime/jobs.h"
#include "runtime/task.h"

#include <unistd.h>

void ml_worker_info(ml_worker *out)
{
	*out = (ml_worker){
		.pid = getpid(),
		.index = app.config.worker_index,
		.uptime = (double)(clock_mono_us() - app.started_us) / CLOCK_SECOND,
		.connections = (double)STATS_GET(connections_now),
		.requests = (double)STATS_GET(requests),
		.tasks = task_live(),
		.threads = jobs_threads(),
		.thread_queue = jobs_waiting(),
	};
}

void ml_ready(void)
{
	app.config.on_event(APP_READY);
}

void ml_start_failed(void)
{
	app.config.on_event(APP_START_FAILED);
}

void ml_tool_done(int exit_code)
{
	app.tool_code = exit_code;
	app.config.on_event(APP_TOOL_DONE);
}

void ml_shutdown_done(void)
{
	app.config.on_event(APP_ENDED);
}
