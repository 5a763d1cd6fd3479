#ifndef BASE_ANSI_H
#define BASE_ANSI_H

#include "base/base.h"

/*
 * Colours of a terminal, for the log format "pretty". Off until somebody who knows where the bytes
 * go switches them on; then ansi() answers escape sequences, before that empty strings. Set once
 * at start-up, read by any thread.
 */
enum ansi {
	ANSI_RESET,
	ANSI_BOLD,
	ANSI_DIM,
	ANSI_RED,
	ANSI_GREEN,
	ANSI_YELLOW,
	ANSI_BLUE,
	ANSI_CYAN,
};

#define ANSI_MAX 8 /* bytes of one, at most */

void ansi_set(bool on);
const char *ansi(enum ansi which);

/* A terminal that is not "dumb", and nobody has set NO_COLOR (no-color.org). */
bool ansi_wanted(int fd);

#endif
