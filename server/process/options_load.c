#include "process/options_int.h"

#include "base/err.h"
#include "base/mem.h"
#include "process/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENV_PREFIX "MOONLOOP_"

/* One option or positional word of the command line. */
struct arg {
	const struct option_row *row; /* NULL: positional */
	const char *text;
	char where[64]; /* "command line: --workers" */
};

struct args {
	int n;
	char **v;
	int next;
	bool only_words; /* behind "--" */
};

static int unknown(struct option_source *s, const char *word)
{
	char where[64], name[OPTION_NAME_MAX];
	const char *bare = word + strspn(word, "-"), *close;
	int n = (int)strcspn(bare, "=");

	snprintf(where, sizeof(where), "command line: %.40s", word);
	where[strcspn(where, "=")] = '\0';
	snprintf(name, sizeof(name), "%.*s", n, bare);
	close = option_suggest(name);
	if (close != NULL)
		return option_fail(s, where, "unknown option; did you mean --%s?", close);
	return option_fail(s, where, "unknown option; see moonloop help run");
}

static const struct option_row *find_bool(const char *name)
{
	const struct option_row *row = option_find(name);

	return row != NULL && row->type == OPTION_BOOL ? row : NULL;
}

/* The row of "--name[=value]"; --no-name is its opposite for a BOOL, with the text "no". */
static const struct option_row *find_row(const char *word, size_t n, const char **text_r)
{
	char name[OPTION_NAME_MAX];
	const struct option_row *row;

	if (n < 3 || n - 2 >= sizeof(name) || word[1] != '-')
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)(n - 2), word + 2);
	row = option_find(name);
	if (row == NULL && strncmp(name, "no-", 3) == 0 && word[n] == '\0') {
		row = find_bool(name + 3);
		*text_r = "no";
	} else if (row != NULL && row->type == OPTION_BOOL && *text_r == NULL) {
		*text_r = "yes";
	}
	return row;
}

/* 1 and the next word or option, 0 at the end, ERR_INVALID with the line written. */
static int next_arg(struct args *args, struct arg *out, struct option_source *s)
{
	const char *word = args->next < args->n ? args->v[args->next++] : NULL;
	size_t n;

	if (word != NULL && !args->only_words && strcmp(word, "--") == 0) {
		args->only_words = true;
		word = args->next < args->n ? args->v[args->next++] : NULL;
	}
	if (word == NULL)
		return 0;
	out->row = NULL;
	out->text = word;
	if (args->only_words || word[0] != '-')
		return 1;

	n = strcspn(word, "=");
	out->text = word[n] == '=' ? word + n + 1 : NULL;
	out->row = find_row(word, n, &out->text);
	if (out->row == NULL)
		return unknown(s, word);
	snprintf(out->where, sizeof(out->where), "command line: --%s", out->row->name);
	if (out->text == NULL && args->next < args->n && strncmp(args->v[args->next], "--", 2) != 0)
		out->text = args->v[args->next++];
	if (out->text == NULL)
		return option_fail(s, out->where, "wants a value: %s", out->row->value);
	return 1;
}

int options_first(int argc, char **argv)
{
	char **others = mem_alloc((size_t)MAX(argc, 1) * sizeof(*others));
	int n = 0, m = 0, i = 0;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		size_t name = strcspn(argv[i], "=");
		const char *text = argv[i][name] == '=' ? argv[i] + name + 1 : NULL;

		if (argv[i][0] != '-' || find_row(argv[i], name, &text) == NULL) {
			others[m++] = argv[i];
			continue;
		}
		argv[n++] = argv[i];
		if (text == NULL && i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0)
			argv[n++] = argv[++i];
	}
	while (i < argc)
		others[m++] = argv[i++];
	for (int k = 0; k < m; k++)
		argv[n + k] = others[k];
	mem_free(others);
	return n;
}

static int take_word(struct option_source *s, const char *word)
{
	if (word[0] == '\0')
		return option_fail(
			s, "command line", "an empty word where the application belongs");
	if (s->o->app != NULL)
		return option_fail(s, "command line",
			"unexpected \"%.100s\": the application is \"%.100s\" already", word,
			s->o->app);
	s->o->app = mem_strdup(word);
	return 0;
}

static int load_args(struct option_source *s, int argc, char **argv)
{
	struct args args = {argc, argv, 0, false};
	struct arg arg;
	int rc;

	s->from = OPTION_FROM_COMMAND_LINE;
	while ((rc = next_arg(&args, &arg, s)) > 0) {
		if (arg.row == NULL)
			rc = take_word(s, arg.text);
		else
			rc = option_assign(s, arg.row, arg.where, arg.text);
		if (rc != 0)
			break;
	}
	return rc;
}

/*
 * A variable that is one slip away from an option's is an error. Others that begin like ours are
 * let alone: the application may have its own, and Kubernetes sets MOONLOOP_PORT and the like for
 * a service of that name.
 */
static int check_env_name(struct option_source *s, const char *variable)
{
	char name[OPTION_NAME_MAX], where[OPTION_NAME_MAX + 16], env[OPTION_NAME_MAX];
	const char *word = variable + strlen(ENV_PREFIX), *close;
	size_t n = strcspn(word, "=");

	if (n >= sizeof(name))
		return 0;
	for (size_t i = 0; i < n; i++)
		name[i] = word[i] == '_' ? '-' : (char)(word[i] | 0x20);
	name[n] = '\0';
	if (option_find(name) != NULL)
		return 0;
	close = option_misspelt(name);
	if (close == NULL)
		return 0;
	option_env_name(option_find(close), env);
	snprintf(where, sizeof(where), "%.*s", (int)(n + strlen(ENV_PREFIX)), variable);
	return option_fail(s, where, "unknown option; did you mean %s?", env);
}

static int load_env(struct option_source *s)
{
	int rc = 0;

	s->from = OPTION_FROM_ENVIRONMENT;
	for (char **v = environ; rc == 0 && v != NULL && *v != NULL; v++)
		if (strncmp(*v, ENV_PREFIX, strlen(ENV_PREFIX)) == 0)
			rc = check_env_name(s, *v);
	for (size_t i = 0; rc == 0 && i < OPTIONS_N; i++) {
		char name[OPTION_NAME_MAX];
		const char *text;

		option_env_name(&option_rows[i], name);
		text = getenv(name);
		if (text != NULL && text[0] != '\0')
			rc = option_assign(s, &option_rows[i], name, text);
	}
	return rc;
}

/* The file that --config or MOONLOOP_CONFIG names, before any option is assigned; NULL: none. */
static int find_config(struct option_source *s, int argc, char **argv, const char **path_r)
{
	struct args args = {argc, argv, 0, false};
	struct arg arg;
	int rc;

	*path_r = getenv(ENV_PREFIX "CONFIG");
	while ((rc = next_arg(&args, &arg, s)) > 0)
		if (arg.row == &option_rows[OPT_config])
			*path_r = arg.text;
	if (*path_r != NULL && **path_r == '\0')
		*path_r = NULL;
	return rc;
}

int options_load(struct options *o, int argc, char **argv, char *err, size_t cap)
{
	struct option_source s = {o, OPTION_FROM_DEFAULT, err, cap};
	const char *config;
	int rc;

	options_init(o);
	rc = find_config(&s, argc, argv, &config);
	if (rc == 0 && config != NULL) {
		s.from = OPTION_FROM_CONFIG;
		rc = config_load(&s, config);
	}
	if (rc == 0)
		rc = load_env(&s);
	if (rc == 0)
		rc = load_args(&s, argc, argv);
	return rc;
}
