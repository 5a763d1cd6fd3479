#include "base/ansi.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/log_int.h"

#include <stdio.h>
#include <time.h>

void log_clock_time(char *out)
{
	time_t now = (time_t)(clock_wall_us() / CLOCK_SECOND);
	struct tm tm;

	localtime_r(&now, &tm);
	if (strftime(out, LOG_TIME_MAX, "%H:%M:%S", &tm) == 0)
		out[0] = '\0';
}

void log_pretty_begin(struct log_out *o, enum log_level level, const char *event)
{
	static const struct {
		const char *name;
		enum ansi color;
	} levels[] = {
		[LOG_DEBUG] = {"debug", ANSI_DIM},
		[LOG_INFO] = {"info ", ANSI_BLUE},
		[LOG_WARN] = {"warn ", ANSI_YELLOW},
		[LOG_ERROR] = {"error", ANSI_RED},
	};
	char time[LOG_TIME_MAX];

	log_clock_time(time);
	log_out_puts(o, ansi(ANSI_DIM));
	log_out_puts(o, time);
	log_out_puts(o, ansi(ANSI_RESET));
	log_out_puts(o, " ");
	log_out_puts(o, ansi(levels[level].color));
	log_out_puts(o, levels[level].name);
	log_out_puts(o, ansi(ANSI_RESET));
	log_out_puts(o, " ");
	log_out_puts(o, ansi(ANSI_BOLD));
	log_out_word(o, log_out_fits(o, strlen(event)) ? event : "");
	log_out_puts(o, ansi(ANSI_RESET));
}

bool log_pretty_key(struct log_out *o, const char *key)
{
	if (strcmp(key, "message") == 0) { /* a sentence needs no name */
		log_out_puts(o, "  ");
		return false;
	}
	log_out_puts(o, " ");
	log_out_puts(o, ansi(ANSI_DIM));
	log_out_word(o, key);
	log_out_puts(o, "=");
	log_out_puts(o, ansi(ANSI_RESET));
	return true;
}

/* The message stands out, and of the stack the lines that somebody wrote in Lua. */
const char *log_pretty_line(struct span line, bool first)
{
	bool lua = memmem(line.p, line.n, ".lua:", 5) != NULL;

	return first ? ansi(ANSI_RED) : lua ? "" : ansi(ANSI_DIM);
}
