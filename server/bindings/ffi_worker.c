#include "bindings/ffi_api.h"

#include "base/clock.h"
#include "bindings/app_int.h"
#include "net/stats.h"
#include "runtime/jobs.h"
#include "runtime/sched.h"

#include <unistd.h>

void ml_worker_info(ml_worker *out)
{
	const struct task *t = sched_current();

	*out = (ml_worker){
		.pid = getpid(),
		.index = app.config.worker_index,
		.generation = t != NULL ? (int)t->generation->number : 0,
		.uptime = (double)(clock_mono_us() - app.started_us) / CLOCK_SECOND,
		.connections = (double)STATS_GET(connections_now),
		.requests = (double)STATS_GET(requests),
		.tasks = task_live(),
		.threads = jobs_threads(),
		.thread_queue = jobs_waiting(),
		.jobs = (double)STATS_GET(jobs),
		.jobs_running = jobs_running(),
		.job_wait = (double)STATS_GET(job_wait_us) / CLOCK_SECOND,
		.job_wait_max = (double)STATS_GET(job_wait_max_us) / CLOCK_SECOND,
	};
}

void ml_ready(int stands_in)
{
	app_started(stands_in != 0);
}

void ml_start_failed(void)
{
	app_start_failed();
}

void ml_tool_done(int exit_code)
{
	app_tool_done(exit_code);
}

void ml_shutdown_done(void)
{
	app_lifespan_over();
}
