#include "bindings/ffi_api.h"

#include "base/err.h"
#include "runtime/jobs.h"
#include "runtime/sched.h"

/* core/pool.lua has these numbers. */
_Static_assert(JOB_LUA == 1 && JOB_READ_FILE == 2 && JOB_WRITE_FILE == 3 && JOB_OPEN_FILE == 4 &&
		       JOB_FS == 5,
	"core/pool.lua names the kinds");

double ml_job_submit(int kind, const char *in, size_t n)
{
	const struct task *t = sched_current();

	if (t == NULL)
		return ERR_STATE;
	if (kind < JOB_LUA || kind > JOB_FS)
		return ERR_INVALID;
	return jobs_submit((enum job_kind)kind, in, n, task_id(t));
}

int ml_job_result(double job, ml_piece *out)
{
	out->more = 0;
	return jobs_result(job, &out->p, &out->n);
}

void ml_job_free(double job)
{
	jobs_free(job);
}

int ml_job_here(int kind, const char *in, size_t n, ml_piece *out)
{
	out->more = 0;
	return jobs_here((enum job_kind)kind, in, n, &out->p, &out->n);
}

void ml_job_here_done(void)
{
	jobs_here_done();
}
