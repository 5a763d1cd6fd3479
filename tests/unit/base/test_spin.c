#include "check.h"

#include "base/spin.h"

#include <pthread.h>
#include <sched.h>

static void test_gives_up(void **state)
{
	atomic_bool flag = false;
	uint64_t began = clock_mono_us();

	assert_false(spin_on(&flag, 2000));
	assert_true(clock_mono_us() - began >= 2000);
	flag = true;
	assert_true(spin_on(&flag, 0));
}

static int announced;

static void *announce(void *arg)
{
	announced = 7;
	atomic_store_explicit((atomic_bool *)arg, true, memory_order_release);
	return NULL;
}

static void test_sees_another_thread(void **state)
{
	atomic_bool flag = false;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, announce, &flag), 0);
	assert_true(spin_on(&flag, 10 * CLOCK_SECOND));
	assert_int_equal(announced, 7);
	pthread_join(thread, NULL);
}

static void test_one_cpu(void **state)
{
	cpu_set_t all, one;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(spin_pays(), CPU_COUNT(&all) > 1);
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_false(spin_pays());
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gives_up),
		cmocka_unit_test(test_sees_another_thread),
		cmocka_unit_test(test_one_cpu),
	};

	return cmocka_run_group_tests_name("spin", tests, NULL, NULL);
}
