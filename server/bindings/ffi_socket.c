#include "bindings/ffi_api.h"

#include "base/err.h"
#include "runtime/sched.h"
#include "runtime/socket.h"

static double self(void)
{
	const struct task *t = sched_current();

	return t != NULL ? task_id(t) : 0;
}

double ml_socket_dial(const char *address, size_t n)
{
	return ml_socket_dial_from(address, n, "", 0);
}

double ml_socket_dial_from(const char *address, size_t n, const char *source, size_t source_n)
{
	return socket_dial((struct span){address, n}, (struct span){source, source_n});
}

int ml_socket_dialed(double id)
{
	struct socket *s = socket_find(id);

	return s != NULL ? socket_dialed(s, self()) : ERR_GONE;
}

void ml_socket_close(double id)
{
	struct socket *s = socket_find(id);

	if (s != NULL)
		socket_close(s);
}

const char *ml_socket_why(void)
{
	return socket_why();
}
