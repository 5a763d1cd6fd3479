#include "base/panic.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MESSAGE_MAX 1024

static _Atomic(panic_describe_fn *) describer;
static atomic_flag panicking = ATOMIC_FLAG_INIT;

void panic_set_describer(panic_describe_fn *fn)
{
	atomic_store(&describer, fn);
}

/* Straight to the descriptor: neither stdio nor the log can be trusted here. */
static void print(const char *prefix, const char *message)
{
	char line[MESSAGE_MAX + 32];
	int n = snprintf(line, sizeof(line), "%s%s\n", prefix, message);

	if (n > 0 && write(STDERR_FILENO, line, MIN((size_t)n, sizeof(line) - 1)) < 0)
		return; /* nobody left to tell */
}

/* Second, after the message is out: the describer walks the very state that may be broken. */
static void print_breadcrumb(void)
{
	panic_describe_fn *fn = atomic_load(&describer);
	char crumb[MESSAGE_MAX] = "";

	if (!fn)
		return;
	fn(crumb, sizeof(crumb));
	crumb[sizeof(crumb) - 1] = '\0';
	if (crumb[0])
		print("panic: serving ", crumb);
}

void panic(const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	print("panic: ", message);
	/* A panic inside the describer, or in a second thread, must not describe again. */
	if (!atomic_flag_test_and_set(&panicking))
		print_breadcrumb();
	abort();
}

void panic_ensure(const char *cond, const char *file, int line)
{
	panic("ENSURE(%s) failed at %s:%d", cond, file, line);
}
