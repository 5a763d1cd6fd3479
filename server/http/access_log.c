#include "http/access_log.h"

#include "base/err.h"
#include "http/access_escape.h"
#include "http/access_log_int.h"

#include <stdio.h>
#include <unistd.h>

/* The presets are format strings as well. */
static const char combined[] =
	"%{remote} - - [%{time_clf}] \"%{method} %{target} %{protocol}\" %{status} %{bytes} "
	"\"%{referer}\" \"%{user_agent}\"";

/* Without quotes around the strings: they come with the value, as null has none. */
static const char json[] =
	"{\"time\":%{time},\"remote\":%{remote},\"method\":%{method},\"target\":%{target},"
	"\"protocol\":%{protocol},\"status\":%{status},\"bytes\":%{bytes},"
	"\"referer\":%{referer},\"user_agent\":%{user_agent},\"queue_ms\":%{queue_ms},"
	"\"lua_ms\":%{lua_ms},\"total_ms\":%{total_ms},\"host\":%{host},"
	"\"request_bytes\":%{request_bytes}}";

enum step_kind {
	STEP_LITERAL, /* bytes of the format */
	STEP_HEADER,  /* a request field by name */
	STEP_NAME,    /* a row of access_log.tbl.h */
};

struct step {
	uint8_t kind;                   /* enum step_kind */
	uint8_t style;                  /* enum access_style */
	uint16_t at, n;                 /* STEP_LITERAL, STEP_HEADER: which bytes of text */
	const struct access_name *name; /* STEP_NAME */
};

struct format {
	bool json;
	bool pretty; /* access_pretty.c makes the lines */
	bool quoted; /* while it is compiled: between double quotes */
	unsigned steps_n, fields_n;
	size_t text_n;
	struct step steps[2 * ACCESS_FIELDS_MAX + 1]; /* two literals never stand together */
	char text[ACCESS_FORMAT_MAX];
};

/* What a value takes at most: cut, marked, in quotes. These and the literals make a line. */
#define FIELD_ROOM (ACCESS_VALUE_MAX + sizeof(ACCESS_MARK) + 2)
#define LINE_ROOM  (ACCESS_FIELDS_MAX * FIELD_ROOM + ACCESS_FORMAT_MAX + 1)

static struct {
	struct format format;
	log_sink_fn *sink; /* NULL: no log */
	void *sink_arg;
	const char *hidden;
	pid_t pid;
	char line[LINE_ROOM]; /* pages are touched only as far as lines come */
} house;

/* Compiling. */

static int refuse(char *err, size_t cap, struct span culprit, const char *why)
{
	snprintf(err, cap, "\"%.*s\" %s", (int)MIN(culprit.n, (size_t)100), culprit.p, why);
	return ERR_INVALID;
}

static struct step *add_step(struct format *f, enum step_kind kind)
{
	struct step *s = &f->steps[f->steps_n++];

	*s = (struct step){.kind = (uint8_t)kind, .at = (uint16_t)f->text_n};
	s->style = f->json ? ACCESS_JSON : f->quoted ? ACCESS_QUOTED : ACCESS_BARE;
	return s;
}

/* The texts of a format are never longer than the format, so there is room. */
static void add_text(struct format *f, struct step *s, struct span text)
{
	ENSURE(f->text_n + text.n <= sizeof(f->text));
	memcpy(f->text + f->text_n, text.p, text.n);
	f->text_n += text.n;
	s->n += (uint16_t)text.n;
}

static void add_literal(struct format *f, struct span text)
{
	struct step *last = f->steps_n > 0 ? &f->steps[f->steps_n - 1] : NULL;

	if (text.n == 0)
		return;
	if (last == NULL || last->kind != STEP_LITERAL)
		last = add_step(f, STEP_LITERAL);
	add_text(f, last, text);
	for (size_t i = 0; i < text.n; i++)
		f->quoted ^= text.p[i] == '"';
}

static int add_header(struct format *f, struct span name, char *err, size_t cap)
{
	struct step *s;

	if (!field_name_ok(name))
		return refuse(err, cap, name, "in %{header:NAME} is not the name of a field");
	s = add_step(f, STEP_HEADER);
	add_text(f, s, name);
	for (char *p = f->text + s->at; p < f->text + f->text_n; p++)
		if (*p >= 'A' && *p <= 'Z') /* as the names of a head are kept */
			*p |= 0x20;
	return 0;
}

/* `name`: what stands between the braces. */
static int add_field(struct format *f, struct span name, char *err, size_t cap)
{
	const struct access_name *row = access_name_find(name);
	const struct span prefix = SPAN("header:");

	if (f->fields_n++ == ACCESS_FIELDS_MAX)
		return refuse(err, cap, name, "is one placeholder too many");
	if (name.n >= prefix.n && memcmp(name.p, prefix.p, prefix.n) == 0) {
		name = (struct span){name.p + prefix.n, name.n - prefix.n};
		return add_header(f, name, err, cap);
	}
	if (row == NULL) {
		snprintf(err, cap, "unknown placeholder %%{%.*s}; known are %s",
			(int)MIN(name.n, (size_t)100), name.p, access_names_list);
		return ERR_INVALID;
	}
	add_step(f, STEP_NAME)->name = row;
	return 0;
}

static int compile(struct format *f, const char *p, char *err, size_t cap)
{
	while (*p != '\0') {
		size_t n = strcspn(p, "%");
		const char *end;
		int rc;

		add_literal(f, (struct span){p, n});
		p += n;
		if (p[0] == '%' && p[1] == '%') {
			add_literal(f, SPAN("%"));
			p += 2;
		} else if (p[0] == '%') {
			end = p[1] == '{' ? strchr(p, '}') : NULL;
			if (end == NULL)
				return refuse(err, cap, span_of(p), "is neither %{name} nor %%");
			rc = add_field(f, (struct span){p + 2, (size_t)(end - p) - 2}, err, cap);
			if (rc != 0)
				return rc;
			p = end + 1;
		}
	}
	return 0;
}

/* A line must stay one line. */
static int check(const char *format, char *err, size_t cap)
{
	size_t n = strlen(format);

	if (n > ACCESS_FORMAT_MAX)
		return refuse(err, cap, span_of(format), "is too long for a format");
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)format[i] < 0x20 && format[i] != '\t') || format[i] == 0x7f)
			return refuse(err, cap, (struct span){format, i},
				"is followed by a control character in the format");
	return 0;
}

int access_log_compile(const char *format, char *err, size_t cap)
{
	static struct format draft; /* too large for the stack of a thread, were there one */
	int rc = check(format, err, cap);

	if (rc != 0)
		return rc;
	memset(&draft, 0, sizeof(draft));
	draft.pretty = strcmp(format, "pretty") == 0;
	if (draft.pretty) {
		house.format = draft;
		return 0;
	}
	draft.json = strcmp(format, "json") == 0;
	if (draft.json)
		format = json;
	else if (strcmp(format, "combined") == 0)
		format = combined;
	rc = compile(&draft, format, err, cap);
	if (rc != 0)
		return rc;
	if (draft.fields_n == 0) /* most likely a preset mistyped */
		return refuse(err, cap, span_of(format),
			"is none of combined, json and pretty, and has no placeholder such as "
			"%{path}");
	house.format = draft;
	return 0;
}

/* Writing. */

static inline char *put(char *out, const char *p, size_t n)
{
	memcpy(out, p, n);
	return out + n;
}

/* Microseconds as milliseconds: "12.345". */
static char *put_ms(char *out, uint64_t us)
{
	unsigned rest = (unsigned)(us % 1000);

	out = span_put_u64(out, us / 1000);
	*out++ = '.';
	*out++ = (char)('0' + rest / 100);
	*out++ = (char)('0' + rest / 10 % 10);
	*out++ = (char)('0' + rest % 10);
	return out;
}

static char *put_missing(char *out, enum access_style style)
{
	return style == ACCESS_JSON ? put(out, "null", 4) : put(out, "-", 1);
}

/* An empty value is a missing one in text, where it would shift the columns. */
static char *put_span(char *out, enum access_style style, struct span v, bool ours)
{
	if (v.p == NULL || (v.n == 0 && (style != ACCESS_JSON || ours)))
		return put_missing(out, style);
	if (style == ACCESS_JSON)
		*out++ = '"';
	out = ours ? put(out, v.p, v.n) : access_escape(out, v, style);
	if (style == ACCESS_JSON)
		*out++ = '"';
	return out;
}

static char *put_name(
	char *out, enum access_style style, const struct access_name *name, struct access_line *l)
{
	int64_t v;

	if (name->kind == ACCESS_TEXT || name->kind == ACCESS_WORD)
		return put_span(out, style, name->get.span(l), name->kind == ACCESS_WORD);
	v = name->get.number(l);
	if (v < 0)
		return put_missing(out, style);
	return name->kind == ACCESS_MS ? put_ms(out, (uint64_t)v) : span_put_u64(out, (uint64_t)v);
}

static char *put_step(char *out, const struct step *s, struct access_line *l)
{
	struct span text = {house.format.text + s->at, s->n};
	enum access_style style = (enum access_style)s->style;

	switch ((enum step_kind)s->kind) {
	case STEP_LITERAL:
		return put(out, text.p, text.n);
	case STEP_HEADER:
		return put_span(out, style, access_header(l, text), false);
	case STEP_NAME:
		return put_name(out, style, s->name, l);
	}
	return out;
}

void access_log_set_sink(log_sink_fn *fn, void *arg)
{
	house.sink = fn;
	house.sink_arg = arg;
	house.pid = getpid();
}

void access_log_hide(const char *part)
{
	house.hidden = part;
}

static bool is_hidden(struct span path)
{
	return house.hidden != NULL &&
	       memmem(path.p, path.n, house.hidden, strlen(house.hidden)) != NULL;
}

void access_log_write(const struct exchange *ex)
{
	const struct format *f = &house.format;
	char *out = house.line;
	struct access_line l;

	if (house.sink == NULL || (f->steps_n == 0 && !f->pretty) || is_hidden(ex->head.path))
		return;
	l.ex = ex;
	l.pid = house.pid;
	l.has_peer = false;
	if (f->pretty)
		out = access_pretty(out, ex);
	for (unsigned i = 0; i < f->steps_n; i++)
		out = put_step(out, &f->steps[i], &l);
	*out++ = '\n';
	house.sink(house.sink_arg, house.line, (size_t)(out - house.line));
}
