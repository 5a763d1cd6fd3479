#include "script.h"

#include "base/clock.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const words[] = {"eof", "reset", "go", "drain", "open", "closed", "dead",
	"quiet", "reading", "paused", "not called", "take all", "ignore"};

static const char *const number_words[] = {"called", "live", "took", "failed", "writes", "take",
	"short-writes", "short-reads", "queued at most", "held at most", "unread at least"};

struct reader {
	struct script *script;
	int line;
	bool ok;
};

static void wrong(struct reader *r, const char *why, const char *text)
{
	fprintf(stderr, "%s:%d: %s: %s\n", r->script->path, r->line, why, text);
	r->ok = false;
}

static struct step *add_step(struct reader *r, enum step_kind kind)
{
	struct script *s = r->script;
	struct conversation *c;

	if (s->n == 0) {
		wrong(r, "a conversation begins with", "== title");
		return NULL;
	}
	c = &s->list[s->n - 1];
	if (c->n == c->cap) {
		c->cap = c->cap != 0 ? c->cap * 2 : 16;
		c->steps = mem_realloc(c->steps, c->cap * sizeof(*c->steps));
	}
	c->steps[c->n] = (struct step){.kind = kind, .line = r->line};
	return &c->steps[c->n++];
}

static void add_conversation(struct reader *r, const char *title)
{
	struct script *s = r->script;

	if (s->n == s->cap) {
		s->cap = s->cap != 0 ? s->cap * 2 : 16;
		s->list = mem_realloc(s->list, s->cap * sizeof(*s->list));
	}
	s->list[s->n++] = (struct conversation){.title = mem_strdup(title), .line = r->line};
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* \r \n \t \0 \\ and \xNN. */
static void unescape(struct reader *r, struct buf *to, const char *s)
{
	for (; *s != '\0'; s++) {
		const char *at;

		if (*s != '\\') {
			buf_putc(to, *s);
			continue;
		}
		s++;
		at = *s != '\0' ? strchr("r\rn\nt\t\\\\", *s) : NULL;
		if (*s == '0') {
			buf_putc(to, '\0');
		} else if (at != NULL) {
			buf_putc(to, at[1]);
		} else if (*s == 'x' && isxdigit((unsigned char)s[1]) &&
			   isxdigit((unsigned char)s[2])) {
			buf_putc(to, (char)(hex_digit(s[1]) << 4 | hex_digit(s[2])));
			s += 2;
		} else {
			wrong(r, "unknown escape", s);
			return;
		}
	}
}

/* "70000 xy": the text as often as the number says. */
static void repeat(struct reader *r, struct buf *to, const char *s)
{
	char *text;
	unsigned long n = strtoul(s, &text, 10);
	struct buf once = {0};

	if (text == s || *text != ' ') {
		wrong(r, "a count and a text belong here", s);
		return;
	}
	unescape(r, &once, text + 1);
	while (n-- > 0)
		buf_append(to, once.p, once.n);
	buf_fini(&once);
}

/* Sends that follow each other are one step. */
static struct buf *send_bytes(struct reader *r)
{
	struct script *s = r->script;
	struct conversation *c = s->n > 0 ? &s->list[s->n - 1] : NULL;
	struct step *step;

	if (c != NULL && c->n > 0 && c->steps[c->n - 1].kind == STEP_SEND)
		return &c->steps[c->n - 1].bytes;
	step = add_step(r, STEP_SEND);
	return step != NULL ? &step->bytes : NULL;
}

/* What follows '>' or '<': "", "| raw", "* N text" or " line". */
static void read_bytes(struct reader *r, struct buf *to, const char *s)
{
	if (to == NULL)
		return;
	if (*s == '|') {
		unescape(r, to, s[1] == ' ' ? s + 2 : s + 1);
	} else if (*s == '*') {
		repeat(r, to, s[1] == ' ' ? s + 2 : s + 1);
	} else {
		unescape(r, to, *s == ' ' ? s + 1 : s);
		buf_puts(to, "\r\n");
	}
}

static void read_output(struct reader *r, const char *s)
{
	struct step *step;

	if (strcmp(s, " ...") == 0) {
		add_step(r, STEP_REST);
		return;
	}
	step = add_step(r, *s == '|' || *s == '*' ? STEP_RAW : STEP_LINE);
	if (step != NULL)
		read_bytes(r, &step->bytes, s);
}

/* "answer 200 hello\n" and its like. */
static bool read_response(struct reader *r, const char *s)
{
	static const struct {
		const char *word;
		enum step_kind kind;
	} kinds[] = {
		{"answer ", STEP_ANSWER},
		{"answer-head ", STEP_HEAD},
		{"refused ", STEP_REFUSED},
		{"cut off ", STEP_CUT_OFF},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t n = strlen(kinds[i].word);
		struct step *step;
		char *rest;

		if (strncmp(s, kinds[i].word, n) != 0)
			continue;
		step = add_step(r, kinds[i].kind);
		if (step == NULL)
			return true;
		step->number = strtoul(s + n, &rest, 10);
		if (step->number < 100 || step->number > 599)
			wrong(r, "a status belongs here", s);
		if (strncmp(rest, " * ", 3) == 0)
			repeat(r, &step->bytes, rest + 3);
		else if (*rest == ' ')
			unescape(r, &step->bytes, rest + 1);
		return true;
	}
	return false;
}

static bool read_number(struct reader *r, const char *s)
{
	for (size_t i = 0; i < ARRAY_LEN(number_words); i++) {
		size_t n = strlen(number_words[i]);
		struct step *step;

		if (strncmp(s, number_words[i], n) != 0 || s[n] != ' ' ||
			!isdigit((unsigned char)s[n + 1]))
			continue;
		step = add_step(r, STEP_NUMBER);
		if (step == NULL)
			return true;
		snprintf(step->word, sizeof(step->word), "%s", number_words[i]);
		step->number = strtoull(s + n, NULL, 10);
		return true;
	}
	return false;
}

static uint64_t read_duration(struct reader *r, const char *s)
{
	char *unit;
	uint64_t n = strtoull(s, &unit, 10);

	if (strcmp(unit, "ms") == 0)
		return n * (CLOCK_SECOND / 1000);
	if (strcmp(unit, "s") != 0)
		wrong(r, "a duration ends in s or ms", s);
	return n * CLOCK_SECOND;
}

static void read_limit(struct reader *r, const char *s)
{
	const char *blank = strchr(s, ' ');
	struct step *step = add_step(r, STEP_LIMIT);

	if (step == NULL)
		return;
	if (blank == NULL) {
		wrong(r, "a limit has a name and a value", s);
		return;
	}
	snprintf(step->word, sizeof(step->word), "%.*s", (int)(blank - s), s);
	step->number = strstr(step->word, "timeout") != NULL ? read_duration(r, blank + 1)
	                                                     : strtoull(blank + 1, NULL, 10);
}

static void read_directive(struct reader *r, const char *s)
{
	struct step *step;

	if (strncmp(s, "limit ", 6) == 0) {
		read_limit(r, s + 6);
		return;
	}
	if (strncmp(s, "wait ", 5) == 0) {
		step = add_step(r, STEP_WAIT);
		if (step != NULL)
			step->number = read_duration(r, s + 5);
		return;
	}
	if (strncmp(s, "app: ", 5) == 0)
		s += 5;
	if (strncmp(s, "gone ", 5) == 0) {
		step = add_step(r, STEP_GONE);
		if (step != NULL)
			snprintf(step->word, sizeof(step->word), "%s", s + 5);
		return;
	}
	if (read_response(r, s) || read_number(r, s))
		return;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(s, words[i]) != 0)
			continue;
		step = add_step(r, STEP_WORD);
		if (step != NULL)
			snprintf(step->word, sizeof(step->word), "%s", s);
		return;
	}
	wrong(r, "no such directive", s);
}

static void read_line(struct reader *r, char *s)
{
	size_t n = strlen(s);

	while (n > 0 && (s[n - 1] == '\n' || s[n - 1] == '\r'))
		s[--n] = '\0';
	if (*s == '\0' || *s == '#')
		return;
	if (strncmp(s, "== ", 3) == 0)
		add_conversation(r, s + 3);
	else if (*s == '>')
		read_bytes(r, send_bytes(r), s + 1);
	else if (*s == '<')
		read_output(r, s + 1);
	else
		read_directive(r, s);
}

bool script_read(struct script *s, const char *path)
{
	struct reader r = {.script = s, .ok = true};
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;

	*s = (struct script){.path = path};
	if (f == NULL) {
		perror(path);
		return false;
	}
	while (getline(&line, &cap, f) >= 0) {
		r.line++;
		read_line(&r, line);
	}
	free(line);
	fclose(f);
	return r.ok;
}

void script_fini(struct script *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct conversation *c = &s->list[i];

		for (size_t j = 0; j < c->n; j++)
			buf_fini(&c->steps[j].bytes);
		mem_free(c->steps);
		mem_free(c->title);
	}
	mem_free(s->list);
}

void script_escape(struct buf *out, struct span bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];

		if (c == '\r')
			buf_puts(out, "\\r");
		else if (c == '\n')
			buf_puts(out, "\\n\n");
		else if (c < 0x20 || c >= 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_putc(out, (char)c);
	}
}
