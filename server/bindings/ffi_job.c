#include "bindings/ffi_api.h"

#include "runtime/jobs.h"

int ml_job_here(int kind, const char *in, size_t n, ml_piece *out)
{
	out->more = 0;
	return jobs_here((enum job_kind)kind, in, n, &out->p, &out->n);
}

void ml_job_here_done(void)
{
	jobs_here_done();
}
