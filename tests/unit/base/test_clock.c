#include "check.h"

#include "base/clock.h"

static const struct {
	uint64_t second;
	const char *http, *iso; /* the latter with 123 milliseconds */
} moments[] = {
	{0, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00.123Z"},
	{784111777, "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37.123Z"},
	{951782399, "Mon, 28 Feb 2000 23:59:59 GMT", "2000-02-28T23:59:59.123Z"},
	{951782400, "Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00.123Z"},
	{951868800, "Wed, 01 Mar 2000 00:00:00 GMT", "2000-03-01T00:00:00.123Z"},
	{1709164800, "Thu, 29 Feb 2024 00:00:00 GMT", "2024-02-29T00:00:00.123Z"},
	{1735689599, "Tue, 31 Dec 2024 23:59:59 GMT", "2024-12-31T23:59:59.123Z"},
	{1795419638, "Mon, 23 Nov 2026 07:40:38 GMT", "2026-11-23T07:40:38.123Z"},
	{4107542400, "Mon, 01 Mar 2100 00:00:00 GMT",
		"2100-03-01T00:00:00.123Z"}, /* no leap year */
	{253402300799, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59.123Z"},
	{253402300800, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59.123Z"}, /* the end */
};

static void test_formats(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
		uint64_t wall = moments[i].second * CLOCK_SECOND + 123999;
		char http[CLOCK_HTTP_DATE_LEN + 1], iso[25];

		clock_http_format(wall, http);
		assert_string_equal(http, moments[i].http);
		assert_int_equal(strlen(http), CLOCK_HTTP_DATE_LEN);
		clock_iso8601(wall, iso);
		assert_string_equal(iso, moments[i].iso);
	}
}

/* libc agrees, at random until the year 2500 and on every day of some leap years' neighbourhood. */
static void assert_like_libc(time_t second)
{
	char ours[CLOCK_HTTP_DATE_LEN + 1], theirs[64];
	struct tm tm;

	gmtime_r(&second, &tm);
	strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	clock_http_format((uint64_t)second * CLOCK_SECOND, ours);
	assert_string_equal(ours, theirs);
}

static void test_like_libc(void **state)
{
	random_start("clock");
	for (int i = 0; i < 20000; i++)
		assert_like_libc((time_t)random_below(16725225600u));
	for (time_t day = 0; day < 366 * 140; day++)
		assert_like_libc(day * 86400 + 86399);
}

static void test_largest(void **state)
{
	char iso[25];

	clock_iso8601(UINT64_MAX, iso);
	assert_memory_equal(iso, "9999-12-31T23:59:59.", 20);
	assert_int_equal(strlen(iso), 24);
}

static uint64_t fake_us;
static int asked;

static uint64_t fake(void)
{
	asked++;
	return fake_us;
}

static void test_source(void **state)
{
	fake_us = 5;
	asked = 0;
	clock_set_source(fake);
	assert_true(clock_now_us() == 5); /* even before the first update */
	clock_update();
	fake_us = 86400 * CLOCK_SECOND;
	assert_true(clock_now_us() == 5);
	assert_true(clock_mono_us() == fake_us);
	clock_update();
	assert_true(clock_now_us() == fake_us);
	asked = 0;
	for (int i = 0; i < 10; i++)
		clock_now_us();
	assert_int_equal(asked, 0);
	clock_set_source(NULL);
	assert_true(clock_now_us() != fake_us);
}

static void test_system(void **state)
{
	uint64_t mono = clock_mono_us(), wall = clock_wall_us(), now;

	clock_update();
	now = clock_now_us();
	assert_true(now >= mono);
	assert_true(clock_mono_us() >= now);
	assert_true(wall > 1700000000 * CLOCK_SECOND);
	assert_true(now - mono < 60 * CLOCK_SECOND);
}

static void test_http_date(void **state)
{
	char before[CLOCK_HTTP_DATE_LEN + 1], after[CLOCK_HTTP_DATE_LEN + 1];
	const char *date;

	clock_http_format(clock_wall_us() - 20000, before); /* as it may be a little late */
	clock_update();
	date = clock_http_date();
	clock_http_format(clock_wall_us(), after);
	assert_int_equal(strlen(date), CLOCK_HTTP_DATE_LEN);
	assert_true(strcmp(date, before) == 0 || strcmp(date, after) == 0);
	assert_ptr_equal(clock_http_date(), date);
	/* It belongs to the update: time passing alone does not change it. */
	snprintf(before, sizeof(before), "%s", date);
	usleep(1100000);
	assert_string_equal(clock_http_date(), before);
	clock_update();
	assert_string_not_equal(clock_http_date(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_formats),
		ZERO_TEST(test_like_libc),
		ZERO_TEST(test_largest),
		ZERO_TEST(test_source),
		ZERO_TEST(test_system),
		ZERO_TEST(test_http_date),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
