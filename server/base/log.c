#include "base/log.h"
#include "base/clock.h"
#include "base/log_int.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define MARK    "...[cut]"
#define NUM_MAX 48 /* bytes of a number */

/* At the end the text is moved up to where the line stops, so that both leave in one call. */
_Static_assert(offsetof(struct log_line, text) == offsetof(struct log_line, line) + LOG_LINE_MAX,
	"the text lies behind the line");

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static _Atomic int min_level = LOG_INFO;
static _Atomic int format = LOG_FORMAT_TEXT;

/* Guards the sink and the field: once log_set_sink has returned, nobody is in the old sink. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static log_sink_fn *sink;
static void *sink_arg;
static char field_key[64];
static char field_value[256];

void log_set_sink(log_sink_fn *fn, void *arg)
{
	pthread_rwlock_wrlock(&lock);
	sink = fn;
	sink_arg = arg;
	pthread_rwlock_unlock(&lock);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&min_level, level, memory_order_relaxed);
}

void log_set_format(enum log_format f)
{
	atomic_store_explicit(&format, f, memory_order_relaxed);
}

void log_set_field(const char *key, const char *value)
{
	pthread_rwlock_wrlock(&lock);
	snprintf(field_key, sizeof(field_key), "%s", key ? key : "");
	snprintf(field_value, sizeof(field_value), "%s", value ? value : "");
	pthread_rwlock_unlock(&lock);
}

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&min_level, memory_order_relaxed);
}

int log_level_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
		if (strcmp(name, level_names[i]) == 0)
			return (int)i;
	return -1;
}

/* ` key=` or `,"key":`, when that and `more` bytes have room. */
static bool open_pair(struct log_out *o, const char *key, size_t more)
{
	if (!log_out_fits(o, strlen(key) + (o->pretty ? LOG_PRETTY_KEY : 5) + more)) {
		o->cut = true;
		return false;
	}
	if (o->pretty) {
		o->bare = !log_pretty_key(o, key);
		return true;
	}
	log_out_puts(o, o->json ? ",\"" : " ");
	log_out_word(o, key);
	log_out_puts(o, o->json ? "\":" : "=");
	return true;
}

/* `mark`: the caller has cut the value already. */
static void put_value(struct log_out *o, struct span value, bool mark)
{
	enum log_style style = o->json   ? LOG_STYLE_JSON
	                       : o->bare ? LOG_STYLE_PLAIN
	                                 : LOG_STYLE_QUOTED;
	bool quoted = o->json || (!o->bare && log_needs_quotes(value));

	if (quoted)
		log_out_put(o, "\"", 1);
	if (!log_out_escaped(o, style, value))
		o->cut = mark = true;
	if (mark)
		log_out_puts(o, MARK);
	if (quoted)
		log_out_put(o, "\"", 1);
}

static struct log_out line_of(struct log_line *l)
{
	return (struct log_out){
		.p = l->line,
		.n = l->n,
		.json = l->format == LOG_FORMAT_JSON,
		.cut = l->cut,
		.pretty = l->format == LOG_FORMAT_PRETTY,
	};
}

static void set_line(struct log_line *l, const struct log_out *o)
{
	l->n = o->n;
	l->cut = o->cut;
}

static void add_number(struct log_line *l, const char *key, const char *digits)
{
	struct log_out o = line_of(l);

	if (open_pair(&o, key, NUM_MAX))
		log_out_puts(&o, digits);
	set_line(l, &o);
}

static void add_str(struct log_line *l, const char *key, struct span value)
{
	struct log_out o = line_of(l);
	bool mark = value.n > LOG_VALUE_MAX;

	if (mark) {
		value.n = LOG_VALUE_MAX;
		/* Not in the middle of a character; more than three of these is no character. */
		for (int i = 0; i < 3 && ((unsigned char)value.p[value.n] & 0xc0) == 0x80; i++)
			value.n--;
	}
	if (open_pair(&o, key, 2))
		put_value(&o, value, mark);
	set_line(l, &o);
}

static void put_head(struct log_out *o, enum log_level level, const char *event)
{
	char time[32];

	clock_iso8601(clock_wall_us(), time);
	log_out_puts(o, o->json ? "{\"time\":\"" : "");
	log_out_puts(o, time);
	log_out_puts(o, o->json ? "\",\"level\":\"" : " ");
	log_out_puts(o, level_names[level]);
	log_out_puts(o, o->json ? "\",\"event\":\"" : " ");
	log_out_word(o, log_out_fits(o, strlen(event)) ? event : "");
	log_out_puts(o, o->json ? "\"" : "");
}

/* Leaves the two buffers as they are: zeroing 32 KiB would cost more than the line. */
void log_begin(struct log_line *l, enum log_level level, const char *event)
{
	struct log_out o;

	l->on = log_enabled(level);
	if (!l->on)
		return;
	l->level = level;
	l->format = (enum log_format)atomic_load_explicit(&format, memory_order_relaxed);
	l->n = l->text_n = 0;
	l->cut = false;
	o = line_of(l);
	if (o.pretty)
		log_pretty_begin(&o, level, event);
	else
		put_head(&o, level, event);
	set_line(l, &o);
	pthread_rwlock_rdlock(&lock);
	if (field_key[0])
		add_str(l, field_key, span_of(field_value));
	pthread_rwlock_unlock(&lock);
}

void log_str(struct log_line *l, const char *key, struct span value)
{
	if (l->on)
		add_str(l, key, value);
}

void log_cstr(struct log_line *l, const char *key, const char *value)
{
	if (l->on)
		add_str(l, key, span_of(value ? value : ""));
}

void log_int(struct log_line *l, const char *key, int64_t value)
{
	char digits[NUM_MAX];

	if (!l->on)
		return;
	snprintf(digits, sizeof(digits), "%lld", (long long)value);
	add_number(l, key, digits);
}

/*
 * Six decimals without the zeros at their end; numbers too small or too large for that as "1e+20".
 * The decimal point is put right, as an application may have set a locale with a comma.
 */
static void format_number(double value, char out[NUM_MAX])
{
	double size = fabs(value);
	bool fixed = size >= 1e-3 && size < 1e15;
	char raw[NUM_MAX];
	size_t n = 0;

	snprintf(raw, sizeof(raw), fixed ? "%.6f" : "%.6g", value);
	for (const char *p = raw; *p; p++) {
		if (strchr("0123456789+-e", *p))
			out[n++] = *p;
		else if (n > 0 && out[n - 1] != '.')
			out[n++] = '.';
	}
	while (fixed && out[n - 1] == '0')
		n--;
	if (fixed && out[n - 1] == '.')
		n--;
	out[n] = '\0';
}

void log_num(struct log_line *l, const char *key, double value)
{
	char digits[NUM_MAX];

	if (!l->on)
		return;
	if (isfinite(value))
		format_number(value, digits);
	else if (l->format == LOG_FORMAT_JSON)
		strcpy(digits, "null");
	else
		strcpy(digits, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
	add_number(l, key, digits);
}

/* Each line of the text behind a tab: none of them can pass for a line of the log. */
static void put_lines(struct log_out *o, struct span text)
{
	bool whole = true, first = true;

	while (text.n > 0 && whole) {
		const char *newline = memchr(text.p, '\n', text.n);
		size_t n = newline ? (size_t)(newline - text.p) : text.n;
		size_t step = newline ? n + 1 : n;

		if (!log_out_fits(o, o->pretty ? 6 + 2 * ANSI_MAX : 2)) {
			whole = false;
			break;
		}
		log_out_puts(o, o->pretty ? "    " : "\t");
		if (o->pretty)
			log_out_puts(o, log_pretty_line((struct span){text.p, n}, first));
		first = false;
		whole = log_out_escaped(o, LOG_STYLE_PLAIN, (struct span){text.p, n});
		log_out_puts(o, o->pretty ? ansi(ANSI_RESET) : "");
		log_out_put(o, "\n", 1);
		text.p += step;
		text.n -= step;
	}
	if (!whole) {
		log_out_puts(o, "\t" MARK "\n"); /* ends past LOG_ROOM, so there is but one */
		o->cut = true;
	}
}

/* In JSON a pair as well, but kept in `text`, so that it takes no room from the pairs after it. */
void log_text(struct log_line *l, const char *key, struct span value)
{
	struct log_out o;

	if (!l->on)
		return;
	o = line_of(l);
	o.p = l->text;
	o.n = l->text_n;
	if (!o.json && o.n <= LOG_ROOM)
		put_lines(&o, value);
	else if (o.json && open_pair(&o, key, 2))
		put_value(&o, value, false);
	l->text_n = o.n;
	l->cut = o.cut;
}

static void write_stderr(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return; /* nowhere left to say so */
		p += done;
		n -= (size_t)done;
	}
}

static void emit(const char *p, size_t n)
{
	pthread_rwlock_rdlock(&lock);
	if (sink)
		sink(sink_arg, p, n);
	else
		write_stderr(p, n);
	pthread_rwlock_unlock(&lock);
}

/*
 * Text: line, end, text. JSON: line, text, end. The text moves before the end is written, which
 * might else overwrite it; and all goes by the record's address, across the border of its arrays.
 */
void log_end(struct log_line *l)
{
	bool json = l->on && l->format == LOG_FORMAT_JSON;
	char *p = (char *)l + offsetof(struct log_line, line);
	const char *end;
	size_t end_n;
	int saved = errno;

	if (!l->on)
		return;
	if (json)
		end = l->cut ? ",\"cut\":true}\n" : "}\n";
	else
		end = l->cut ? " cut=true\n" : "\n";
	end_n = strlen(end);
	memmove(p + l->n + (json ? 0 : end_n), l->text, l->text_n);
	memcpy(p + l->n + (json ? l->text_n : 0), end, end_n);
	emit(p, l->n + l->text_n + end_n);
	l->on = false;
	errno = saved;
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	char message[LOG_VALUE_MAX +
		     2]; /* one more than fits, for log_str to see that it was cut */
	struct log_line l;
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	log_begin(&l, level, event);
	log_cstr(&l, "message", message);
	log_end(&l);
}
