#include "base/clock.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define DAY_SECONDS 86400u
#define LAST_SECOND 253402300799ull /* 9999-12-31T23:59:59Z: the formats have four digits */

/* What a number of seconds since 1970 means in UTC. gmtime_r would take the lock of the time zone.
 */
struct moment {
	unsigned year, month, day; /* month and day from 1 */
	unsigned weekday;          /* 0 = Sunday */
	unsigned hour, minute, second;
};

static _Atomic(clock_source_fn *) source; /* NULL: the system's own */

/* Of the last update; the loop's thread only. */
static bool updated;
static uint64_t now_us;
static uint64_t now_wall_us;

static uint64_t date_second; /* what `date` says; 0: nothing yet */
static char date[CLOCK_HTTP_DATE_LEN + 1];

static uint64_t ask(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts); /* cannot fail for the two clocks asked */
	return (uint64_t)ts.tv_sec * CLOCK_SECOND + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_mono_us(void)
{
	clock_source_fn *fn = atomic_load_explicit(&source, memory_order_relaxed);

	return UNLIKELY(fn) ? fn() : ask(CLOCK_MONOTONIC);
}

uint64_t clock_wall_us(void)
{
	return ask(CLOCK_REALTIME);
}

/* What is remembered came from the old source, so it is forgotten. */
void clock_set_source(clock_source_fn *mono)
{
	atomic_store_explicit(&source, mono, memory_order_relaxed);
	updated = false;
}

void clock_update(void)
{
	now_us = clock_mono_us();
	now_wall_us = ask(CLOCK_REALTIME_COARSE); /* for whole seconds: a few ms late is no harm */
	updated = true;
}

uint64_t clock_now_us(void)
{
	if (UNLIKELY(!updated))
		clock_update();
	return now_us;
}

/* Days to year, month, day: in years that begin in March the leap day comes last, every 400 years.
 */
static void set_date(struct moment *m, uint64_t days)
{
	uint64_t z = days + 719468; /* since 0000-03-01 */
	uint64_t era = z / 146097;
	unsigned day_of_era = (unsigned)(z % 146097);
	unsigned year =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day = day_of_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * day + 2) / 153; /* 0 = March */

	m->day = day - (153 * month + 2) / 5 + 1;
	m->month = month < 10 ? month + 3 : month - 9;
	m->year = (unsigned)(era * 400) + year + (m->month <= 2);
	m->weekday = (unsigned)((days + 4) % 7);
}

static struct moment moment_of(uint64_t seconds)
{
	struct moment m;
	unsigned rest = (unsigned)(seconds % DAY_SECONDS);

	set_date(&m, seconds / DAY_SECONDS);
	m.hour = rest / 3600;
	m.minute = rest / 60 % 60;
	m.second = rest % 60;
	return m;
}

static char *put_digits(char *out, unsigned value, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + width;
}

static char *put_bytes(char *out, const char *s, size_t n)
{
	memcpy(out, s, n);
	return out + n;
}

static char *put_time(char *out, const struct moment *m)
{
	out = put_digits(out, m->hour, 2);
	*out++ = ':';
	out = put_digits(out, m->minute, 2);
	*out++ = ':';
	return put_digits(out, m->second, 2);
}

void clock_http_format(uint64_t wall_us, char *out)
{
	struct moment m = moment_of(MIN(wall_us / CLOCK_SECOND, LAST_SECOND));

	out = put_bytes(out, &"SunMonTueWedThuFriSat"[m.weekday * 3], 3);
	out = put_bytes(out, ", ", 2);
	out = put_digits(out, m.day, 2);
	*out++ = ' ';
	out = put_bytes(out, &"JanFebMarAprMayJunJulAugSepOctNovDec"[(m.month - 1) * 3], 3);
	*out++ = ' ';
	out = put_digits(out, m.year, 4);
	*out++ = ' ';
	out = put_time(out, &m);
	memcpy(out, " GMT", 5);
}

const char *clock_http_date(void)
{
	uint64_t second;

	if (UNLIKELY(!updated))
		clock_update();
	second = now_wall_us / CLOCK_SECOND;
	if (UNLIKELY(second != date_second || !date[0])) {
		clock_http_format(now_wall_us, date);
		date_second = second;
	}
	return date;
}

void clock_iso8601(uint64_t wall_us, char *out)
{
	struct moment m = moment_of(MIN(wall_us / CLOCK_SECOND, LAST_SECOND));

	out = put_digits(out, m.year, 4);
	*out++ = '-';
	out = put_digits(out, m.month, 2);
	*out++ = '-';
	out = put_digits(out, m.day, 2);
	*out++ = 'T';
	out = put_time(out, &m);
	*out++ = '.';
	out = put_digits(out, (unsigned)(wall_us % CLOCK_SECOND / 1000), 3);
	memcpy(out, "Z", 2);
}
