#include "process/options_int.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#define HELP_COLUMN 26 /* where the text begins */
#define HELP_WIDTH  92

/* Words from `text`, wrapped; `column` is where the line stands now. */
static void put_wrapped(struct buf *out, const char *text, int column)
{
	while (*text != '\0') {
		int n = (int)strcspn(text, " ");

		if (column > HELP_COLUMN && column + 1 + n > HELP_WIDTH) {
			buf_printf(out, "\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		} else if (column > HELP_COLUMN) {
			buf_putc(out, ' ');
			column++;
		}
		buf_append(out, text, (size_t)n);
		column += n;
		text += n + (text[n] == ' ');
	}
}

static void put_option(struct buf *out, const struct option_row *row)
{
	char text[512], left[128];
	bool bare = row->value[0] == '\0';

	snprintf(left, sizeof(left), "  --%s%s%s", row->name, bare ? "" : " ", row->value);
	buf_printf(out, "%-*s", HELP_COLUMN, left);
	if (strlen(left) >= HELP_COLUMN)
		buf_printf(out, "\n%*s", HELP_COLUMN, "");
	snprintf(text, sizeof(text), "%s%s%s%s%s", row->help,
		option_repeatable(row) ? " (repeatable)" : "",
		bare || row->initial[0] == '\0' ? "" : " [", bare ? "" : row->initial,
		bare || row->initial[0] == '\0' ? "" : "]");
	put_wrapped(out, text, HELP_COLUMN);
	buf_putc(out, '\n');
}

/* True when the row opens a new group. */
static bool opens_group(size_t i)
{
	return i == 0 || strcmp(option_rows[i].group, option_rows[i - 1].group) != 0;
}

void options_help(struct buf *out)
{
	for (size_t i = 0; i < OPTIONS_N; i++) {
		if (opens_group(i))
			buf_printf(out, "%s%s:\n", i == 0 ? "" : "\n", option_rows[i].group);
		put_option(out, &option_rows[i]);
	}
}

/* A cell: | would end it. */
static void put_cell(struct buf *out, const char *text, bool code)
{
	const char *quote = code && text[0] != '\0' ? "`" : "";

	buf_printf(out, " %s", quote);
	for (; *text != '\0'; text++) {
		if (*text == '|')
			buf_putc(out, '\\');
		buf_putc(out, *text);
	}
	buf_printf(out, "%s |", quote);
}

static void put_row(struct buf *out, const struct option_row *row)
{
	char name[256], env[OPTION_NAME_MAX], range[96];

	snprintf(name, sizeof(name), "--%s%s%s", row->name, row->value[0] != '\0' ? " " : "",
		row->value);
	option_env_name(row, env);
	option_print_range(row, range, sizeof(range));
	buf_putc(out, '|');
	put_cell(out, name, true);
	put_cell(out, env, true);
	put_cell(out, row->initial, true);
	put_cell(out, range, false);
	put_cell(out, row->help, false);
	buf_puts(out, "\n");
}

void options_markdown(struct buf *out)
{
	for (size_t i = 0; i < OPTIONS_N; i++) {
		if (opens_group(i))
			buf_printf(out,
				"%s## %s\n\n"
				"| option | environment | default | range | what it sets |\n"
				"|---|---|---|---|---|\n",
				i == 0 ? "" : "\n", option_rows[i].group);
		put_row(out, &option_rows[i]);
	}
}
