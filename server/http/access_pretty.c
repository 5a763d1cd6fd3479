#include "base/ansi.h"
#include "base/log.h"
#include "http/access_escape.h"
#include "http/access_log.h"
#include "http/access_log_int.h"

#include <stdio.h>

/*
 * The preset "pretty": one line for people, with what has one width first, so that the eye finds
 * its column: time, method, status, duration, target, and then what is remarkable.
 */
static struct {
	uint64_t slow_us, held_us; /* UINT64_MAX: never remarkable */
} marks = {UINT64_MAX, UINT64_MAX};

void access_log_set_marks(uint64_t slow_us, uint64_t held_us)
{
	marks.slow_us = slow_us != 0 ? slow_us : UINT64_MAX;
	marks.held_us = held_us != 0 ? held_us : UINT64_MAX;
}

static char *puts_at(char *out, const char *s)
{
	return stpcpy(out, s);
}

static char *put_colored(char *out, enum ansi color, const char *s)
{
	out = puts_at(out, ansi(color));
	out = puts_at(out, s);
	return puts_at(out, ansi(ANSI_RESET));
}

static enum ansi color_of(int status)
{
	static const enum ansi colors[] = {
		ANSI_RED, ANSI_DIM, ANSI_GREEN, ANSI_CYAN, ANSI_YELLOW, ANSI_RED};

	return colors[status / 100 < (int)ARRAY_LEN(colors) ? status / 100 : 0];
}

/* "3.21 ms", "321 ms", "3.21 s", in seven columns. */
static void print_time(char *out, size_t cap, uint64_t us)
{
	if (us < 10000)
		snprintf(out, cap, "%.2f ms", (double)us / 1e3);
	else if (us < CLOCK_SECOND)
		snprintf(out, cap, "%4.0f ms", (double)us / 1e3);
	else
		snprintf(out, cap, "%5.2f s", (double)us / 1e6);
}

/* The columns of fixed width; the method is the peer's. */
static char *put_columns(char *out, const struct exchange *ex, uint64_t total_us)
{
	char word[64];
	bool slow = total_us > marks.slow_us;

	log_clock_time(word);
	out = put_colored(out, ANSI_DIM, word);
	*out++ = ' ';
	out = access_escape(out, ex->head.method, ACCESS_BARE);
	for (size_t n = ex->head.method.n; n < 6; n++)
		*out++ = ' ';
	*out++ = ' ';
	if (ex->status > 0)
		snprintf(word, sizeof(word), "%3d", ex->status);
	out = put_colored(out, color_of(ex->status), ex->status > 0 ? word : "---");
	*out++ = ' ';
	print_time(word, sizeof(word), total_us);
	out = put_colored(out, slow ? ANSI_YELLOW : ANSI_DIM, word);
	*out++ = ' ';
	*out++ = ' ';
	return out;
}

static char *put_mark(char *out, enum ansi color, const char *text)
{
	*out++ = ' ';
	*out++ = ' ';
	return put_colored(out, color, text);
}

char *access_pretty(char *out, const struct exchange *ex)
{
	uint64_t now = clock_mono_us();
	uint64_t total = ex->opened_us != 0 && now > ex->opened_us ? now - ex->opened_us : 0;
	char word[64];

	out = put_columns(out, ex, total);
	out = access_escape(out, ex->head.target, ACCESS_BARE);
	if (total > marks.slow_us)
		out = put_mark(out, ANSI_YELLOW, "slow");
	if (ex->held_us > marks.held_us) {
		snprintf(word, sizeof(word), "held the loop %llu ms",
			(unsigned long long)(ex->held_us / 1000));
		out = put_mark(out, ANSI_RED, word);
	}
	if (ex->out_state < OUT_END && ex->gone == GONE_CLOSED)
		out = put_mark(out, ANSI_DIM, "the client left");
	else if (ex->out_state == OUT_BROKEN)
		out = put_mark(out, ANSI_RED, "cut off");
	return out;
}
