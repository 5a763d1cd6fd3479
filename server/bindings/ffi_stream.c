#include "bindings/ffi_api.h"

#include "base/err.h"
#include "runtime/stream.h"

double ml_stream_open(double file)
{
	return stream_open(file);
}

int ml_stream_read(double stream, ml_piece *out)
{
	struct span got;
	int rc = stream_read(stream, ml_task_self(), &got);

	*out = (ml_piece){got.p, got.n, 0};
	return rc;
}

double ml_stream_write(double stream, const char *p, size_t n, size_t from)
{
	return stream_write(stream, ml_task_self(), (struct span){p + from, n - from});
}

int ml_stream_exit(double stream, int *signalled)
{
	return stream_exit(stream, ml_task_self(), signalled);
}

int ml_stream_kill(double stream, int signal)
{
	return stream_kill(stream, signal);
}

void ml_stream_close(double stream)
{
	stream_close(stream);
}
