#ifndef PROCESS_OPTIONS_H
#define PROCESS_OPTIONS_H

#include "net/addr.h"

/*
 * The settings of one gateway, made from the table in options.tbl.h: one field for each row, with
 * the unit in its name. Values come, in rising precedence, from the table's default, the file of
 * --config, the environment (MOONLOOP_BIND, ...) and the command line; each is checked where it
 * was written even when a later one overrides it, and an error is one line that names that place.
 * A repeatable option is replaced as a whole by the next source, not appended to.
 *
 * Read once at start-up and constant from then on: everybody else borrows a
 * `const struct options *` for the life of the process. Strings are never NULL; "" is none.
 *
 *     log_level holds an enum log_level, log_format an enum log_format (base/log.h).
 */
enum option_from {
	OPTION_FROM_DEFAULT,
	OPTION_FROM_CONFIG,
	OPTION_FROM_ENVIRONMENT,
	OPTION_FROM_COMMAND_LINE,
};

struct option_addrs {
	struct addr *v; /* owned */
	int n;
};

struct option_nets {
	struct cidr *v; /* owned */
	int n;
};

struct option_texts {
	char **v; /* owned, and each string */
	int n;
};

enum option_type {
#define OPTION_TYPE(type, ctype, repeatable) OPTION_##type,
#include "process/option_types.tbl.h"
#undef OPTION_TYPE
};

#define OPTION_TYPE(type, ctype, repeatable) typedef ctype option_##type##_t;
#include "process/option_types.tbl.h"
#undef OPTION_TYPE

enum option_id {
#define OPT(type, field, ...) OPT_##field,
#include "process/options.tbl.h"
#undef OPT
	OPTIONS_N,
};

struct options {
#define OPT(type, field, ...) option_##type##_t field;
#include "process/options.tbl.h"
#undef OPT
	char *app;                     /* owned; the positional APP, NULL when not given */
	bool dev;                      /* the command is dev: see options_dev */
	unsigned char from[OPTIONS_N]; /* enum option_from of each value */
};

void options_init(struct options *o); /* the defaults */
void options_fini(struct options *o);

/*
 * The defaults, then what all sources say; argv holds what follows the sub-command. 0, or
 * ERR_INVALID with one line in err. `o` is to be given to options_fini in both cases.
 */
int options_load(struct options *o, int argc, char **argv, char *err, size_t cap);

/*
 * Moves the options of the table, with their values, to the front of argv, in their order; returns
 * how many words they are. What follows is somebody else's.
 */
int options_first(int argc, char **argv);

/*
 * After options_load: what `moonloop dev` has in other ways, wherever no source said something.
 * `dev` itself is no option, so that nothing can bring it into `moonloop run`.
 */
void options_dev(struct options *o);

#endif
