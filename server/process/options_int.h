#ifndef PROCESS_OPTIONS_INT_H
#define PROCESS_OPTIONS_INT_H

#include "process/options.h"

/*
 * Private to server/process: the rows of options.tbl.h as data, and the one way in which a text
 * becomes a value. Defaults, configuration file, environment and command line all go through
 * option_assign, so that a value is checked by the same code wherever it was written.
 */
struct option_row {
	const char *name;    /* "drain-timeout" */
	const char *value;   /* "TIME"; the words of an ENUM: "text|json" */
	const char *initial; /* the default, as text; "" for an empty list */
	const char *group;
	const char *help;
	enum option_type type;
	uint64_t min, max;
	size_t offset; /* of the field in struct options */
};

extern const struct option_row option_rows[OPTIONS_N];

/* Whose words are being read, and where the one line about a mistake goes. */
struct option_source {
	struct options *o; /* borrowed */
	enum option_from from;
	char *err; /* borrowed */
	size_t cap;
};

#define OPTION_NAME_MAX 48

const struct option_row *option_find(const char *name); /* NULL: no such option */

/* The name that was meant, NULL when none is close; misspelt: a beginning alone is no hint. */
const char *option_suggest(const char *name);
const char *option_misspelt(const char *name);

bool option_repeatable(const struct option_row *row);
void option_env_name(const struct option_row *row, char *out); /* OPTION_NAME_MAX bytes */

/* `where` is how the source calls the option ("conf.lua:workers"). 0 or ERR_INVALID. */
int option_assign(
	struct option_source *s, const struct option_row *row, const char *where, const char *text);

/* The line "where: problem", blanks instead of control characters. Returns ERR_INVALID. */
int option_fail(struct option_source *s, const char *where, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* option_value.c: one type at a time */

/* Reads text into the field; a list grows. 0, or ERR_INVALID with the problem in err. */
int option_read(const struct option_row *row, const char *text, void *field, char *err, size_t cap);
void option_clear(const struct option_row *row, void *field); /* frees; the field is empty then */

/* "from 1 to 256", "from 1ms to 24h"; "" where nothing is counted. */
const char *option_print_range(const struct option_row *row, char *out, size_t cap);

/* options_help.c */

struct buf;
void options_help(struct buf *out);     /* all groups, for a terminal */
void options_markdown(struct buf *out); /* the tables of the manual */

#endif
