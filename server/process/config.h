#ifndef PROCESS_CONFIG_H
#define PROCESS_CONFIG_H

#include "process/options_int.h"

/*
 * The configuration file: Lua that returns a table of options.
 *
 *     return {
 *             bind = { ":8000", "unix:/run/moonloop.sock" },
 *             workers = "auto",
 *             drain_timeout = "30s",
 *     }
 *
 * Keys are the names of options, written with "_" or "-". A value is a string as on the command
 * line, a number (seconds for a time, bytes for a size), a boolean, or for a repeatable option
 * a list of those. The file is run in a Lua state of its own with the base, string, table and math
 * libraries: it computes values, and has no way to files or programs. That state is closed before
 * this returns.
 */

/* 0, or ERR_INVALID with one line that names the file and the key. */
int config_load(struct option_source *s, const char *path);

#endif
