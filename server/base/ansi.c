#include "base/ansi.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Atomic bool enabled;

void ansi_set(bool on)
{
	atomic_store_explicit(&enabled, on, memory_order_relaxed);
}

const char *ansi(enum ansi which)
{
	static const char *const codes[] = {
		[ANSI_RESET] = "\033[0m",
		[ANSI_BOLD] = "\033[1m",
		[ANSI_DIM] = "\033[2m",
		[ANSI_RED] = "\033[31m",
		[ANSI_GREEN] = "\033[32m",
		[ANSI_YELLOW] = "\033[33m",
		[ANSI_BLUE] = "\033[34m",
		[ANSI_CYAN] = "\033[36m",
	};

	return atomic_load_explicit(&enabled, memory_order_relaxed) ? codes[which] : "";
}

bool ansi_wanted(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && (no_color == NULL || no_color[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}
