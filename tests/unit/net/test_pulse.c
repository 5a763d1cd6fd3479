#include "../base/check.h"

#include "net/pulse.h"

static void test_age(void **state)
{
	struct pulse *p = pulse_map();

	assert_non_null(p);
	assert_int_equal(pulse_age_us(p, 1000), 0); /* before the first poll */
	pulse_use(p);
	pulse_beat(1000);
	assert_int_equal(pulse_age_us(p, 1000), 0);
	assert_int_equal(pulse_age_us(p, 1300), 300);
	assert_int_equal(pulse_age_us(p, 900), 0);
	pulse_rest();
	assert_int_equal(pulse_age_us(p, 99999), 0);
	pulse_beat(2000);
	assert_int_equal(pulse_age_us(p, 2001), 1);
	pulse_use(NULL);
	pulse_beat(5000); /* into the private one */
	assert_int_equal(pulse_age_us(p, 2001), 1);
	pulse_unmap(&p);
	assert_null(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
