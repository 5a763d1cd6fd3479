#include "process/options_int.h"

#include "base/err.h"
#include "base/mem.h"
#include "process/suggest.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct option_row option_rows[OPTIONS_N] = {
#define OPT(type_, field_, name_, value_, initial_, min_, max_, group_, help_)                     \
	{                                                                                          \
		.name = name_,                                                                     \
		.value = value_,                                                                   \
		.initial = initial_,                                                               \
		.group = group_,                                                                   \
		.help = help_,                                                                     \
		.type = OPTION_##type_,                                                            \
		.min = min_,                                                                       \
		.max = max_,                                                                       \
		.offset = offsetof(struct options, field_),                                        \
	},
#include "process/options.tbl.h"
#undef OPT
};

static void *field_of(struct options *o, const struct option_row *row)
{
	return (char *)o + row->offset;
}

static unsigned char *from_of(struct options *o, const struct option_row *row)
{
	return &o->from[row - option_rows];
}

const struct option_row *option_find(const char *name)
{
	for (size_t i = 0; i < OPTIONS_N; i++)
		if (strcmp(option_rows[i].name, name) == 0)
			return &option_rows[i];
	return NULL;
}

typedef const char *suggest_fn(const char *word, const char *const *words, size_t n);

static const char *suggest_with(suggest_fn *suggest, const char *name)
{
	const char *names[OPTIONS_N];

	for (size_t i = 0; i < OPTIONS_N; i++)
		names[i] = option_rows[i].name;
	return suggest(name, names, OPTIONS_N);
}

const char *option_suggest(const char *name)
{
	/* What other servers call it. */
	static const char *const bind[] = {"port", "host", "listen", "address"};

	for (size_t i = 0; i < ARRAY_LEN(bind); i++)
		if (strcmp(name, bind[i]) == 0)
			return option_rows[OPT_bind].name;
	return suggest_with(suggest_word, name);
}

const char *option_misspelt(const char *name)
{
	return suggest_with(suggest_near, name);
}

bool option_repeatable(const struct option_row *row)
{
	static const bool repeatable[] = {
#define OPTION_TYPE(type, ctype, repeats) repeats,
#include "process/option_types.tbl.h"
#undef OPTION_TYPE
	};

	return repeatable[row->type];
}

void option_env_name(const struct option_row *row, char *out)
{
	snprintf(out, OPTION_NAME_MAX, "MOONLOOP_%s", row->name);
	for (char *p = out; *p != '\0'; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

int option_fail(struct option_source *s, const char *where, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(s->err, s->cap, "%.256s: ", where);

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < s->cap)
		vsnprintf(s->err + n, s->cap - (size_t)n, fmt, ap);
	va_end(ap);
	for (char *p = s->err; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = ' ';
	return ERR_INVALID;
}

int option_assign(
	struct option_source *s, const struct option_row *row, const char *where, const char *text)
{
	unsigned char *from = from_of(s->o, row);
	void *field = field_of(s->o, row);
	char problem[512];

	/* A list grows as long as one source speaks; all else is replaced by the last word. */
	if (!option_repeatable(row) || *from != s->from)
		option_clear(row, field);
	*from = (unsigned char)s->from;
	if (option_read(row, text, field, problem, sizeof(problem)) != 0)
		return option_fail(s, where, "%s", problem);
	return 0;
}

void options_init(struct options *o)
{
	char err[512];
	struct option_source s = {o, OPTION_FROM_DEFAULT, err, sizeof(err)};

	memset(o, 0, sizeof(*o));
	for (size_t i = 0; i < OPTIONS_N; i++)
		ENSURE(option_assign(&s, &option_rows[i], "default", option_rows[i].initial) == 0);
}

void options_dev(struct options *o)
{
	static const struct {
		enum option_id id;
		const char *text;
	} defaults[] = {
		{OPT_workers, "1"},
		{OPT_cpu_budget_us, "2s"},
		{OPT_reload, "yes"},
		{OPT_log_format, "pretty"},
		{OPT_access_log, "-"},
		{OPT_access_log_format, "pretty"},
	};
	char err[512];
	struct option_source s = {o, OPTION_FROM_DEFAULT, err, sizeof(err)};

	o->dev = true;
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		if (o->from[defaults[i].id] == OPTION_FROM_DEFAULT)
			ENSURE(option_assign(&s, &option_rows[defaults[i].id], "default",
				       defaults[i].text) == 0);
}

void options_fini(struct options *o)
{
	for (size_t i = 0; i < OPTIONS_N; i++)
		option_clear(&option_rows[i], field_of(o, &option_rows[i]));
	mem_free(o->app);
	memset(o, 0, sizeof(*o));
}
