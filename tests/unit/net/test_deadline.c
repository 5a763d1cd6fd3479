#include "check.h"

#include "base/mem.h"
#include "net/deadline.h"

#define N 500

struct item {
	struct deadline d;
	uint64_t want; /* 0: must not fire */
	uint64_t fired;
	unsigned times;
};

static struct deadlines ds;
static struct item items[N];
static uint64_t now;
static long live;

static void fire(struct deadline *d)
{
	struct item *i = (struct item *)((char *)d - offsetof(struct item, d));

	assert_false(deadline_armed(d));
	i->fired = now;
	i->times++;
}

static int setup(void **state)
{
	live = mem_live();
	now = 1;
	deadlines_init(&ds);
	for (int i = 0; i < N; i++) {
		items[i] = (struct item){0};
		deadline_init(&items[i].d, fire);
	}
	return 0;
}

static int teardown(void **state)
{
	deadlines_fini(&ds);
	assert_int_equal(mem_live(), live);
	return 0;
}

static void run(uint64_t to)
{
	while (now < to) {
		now++;
		deadlines_run(&ds, now);
	}
}

static void test_fires_once(void **state)
{
	deadline_set(&ds, &items[0].d, 10);
	assert_true(deadline_armed(&items[0].d));
	assert_int_equal(deadlines_next(&ds), 10);
	run(9);
	assert_int_equal(items[0].times, 0);
	run(100);
	assert_int_equal(items[0].fired, 10);
	assert_int_equal(items[0].times, 1);
	assert_int_equal(deadlines_next(&ds), 0);
}

static void test_later(void **state)
{
	deadline_set(&ds, &items[0].d, 10);
	deadline_set(&ds, &items[0].d, 50);
	deadline_set(&ds, &items[0].d, 30);
	deadline_set(&ds, &items[0].d, 40);
	run(39);
	assert_int_equal(items[0].times, 0);
	run(100);
	assert_int_equal(items[0].fired, 40);
	assert_int_equal(items[0].times, 1);
}

static void test_earlier(void **state)
{
	deadline_set(&ds, &items[1].d, 20);
	deadline_set(&ds, &items[0].d, 1000);
	deadline_set(&ds, &items[0].d, 10);
	assert_int_equal(deadlines_next(&ds), 10);
	run(2000);
	assert_int_equal(items[0].fired, 10);
	assert_int_equal(items[0].times, 1);
	assert_int_equal(items[1].fired, 20);
}

/* Lazily moved later, then earlier again, but still behind the key that the heap knows. */
static void test_later_then_earlier(void **state)
{
	deadline_set(&ds, &items[0].d, 10);
	deadline_set(&ds, &items[0].d, 500);
	deadline_set(&ds, &items[0].d, 100);
	run(1000);
	assert_int_equal(items[0].fired, 100);
	assert_int_equal(items[0].times, 1);
}

static void test_cleared(void **state)
{
	deadline_set(&ds, &items[0].d, 10);
	deadline_clear(&items[0].d);
	assert_false(deadline_armed(&items[0].d));
	run(50);
	assert_int_equal(items[0].times, 0);
	/* cleared and armed anew before the heap noticed, both ways */
	deadline_set(&ds, &items[0].d, 100);
	deadline_clear(&items[0].d);
	deadline_set(&ds, &items[0].d, 90);
	deadline_set(&ds, &items[1].d, 100);
	deadline_clear(&items[1].d);
	deadline_set(&ds, &items[1].d, 200);
	run(300);
	assert_int_equal(items[0].fired, 90);
	assert_int_equal(items[1].fired, 200);
}

static void test_removed(void **state)
{
	for (int i = 0; i < N; i++)
		deadline_set(&ds, &items[i].d, (uint64_t)(10 + (i * 37) % 100));
	for (int i = 0; i < N; i += 2)
		deadline_remove(&ds, &items[i].d);
	deadline_remove(&ds, &items[0].d); /* twice does no harm */
	assert_int_equal(ds.n, N / 2);
	run(200);
	for (int i = 0; i < N; i++)
		assert_int_equal(items[i].times, i % 2);
}

static void rearm(struct deadline *d)
{
	if (now < 50)
		deadline_set(&ds, d, now + 10);
	items[0].times++;
}

static void test_armed_in_its_callback(void **state)
{
	deadline_init(&items[0].d, rearm);
	deadline_set(&ds, &items[0].d, 10);
	run(100);
	assert_int_equal(items[0].times, 5);
}

static void remove_next(struct deadline *d)
{
	deadline_remove(&ds, &items[1].d);
}

static void test_removed_by_another(void **state)
{
	deadline_init(&items[0].d, remove_next);
	deadline_set(&ds, &items[0].d, 10);
	deadline_set(&ds, &items[1].d, 10);
	deadline_set(&ds, &items[1].d, 11);
	run(100);
	assert_int_equal(items[1].times, 0);
}

/* Against a model: thousands of random operations. */
static void test_random(void **state)
{
	uint64_t dice = 88172645463325252ull;

	for (int round = 0; round < 20000; round++) {
		dice ^= dice << 13;
		dice ^= dice >> 7;
		dice ^= dice << 17;
		struct item *i = &items[dice % N];
		uint64_t in = 1 + dice / N % 300;

		switch (dice / 1000000 % 5) {
		case 0:
			deadline_clear(&i->d);
			i->want = 0;
			break;
		case 1:
			deadline_remove(&ds, &i->d);
			i->want = 0;
			break;
		default:
			deadline_set(&ds, &i->d, now + in);
			i->want = now + in;
			break;
		}
		if (round % 10 != 0)
			continue;
		now += 3;
		deadlines_run(&ds, now);
		for (int j = 0; j < N; j++) {
			bool due = items[j].want != 0 && items[j].want <= now;

			assert_int_equal(items[j].times, due);
			if (due)
				items[j].want = 0;
			assert_int_equal(items[j].d.at_us, items[j].want);
			items[j].times = 0;
		}
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_fires_once),
		T(test_later),
		T(test_earlier),
		T(test_later_then_earlier),
		T(test_cleared),
		T(test_removed),
		T(test_armed_in_its_callback),
		T(test_removed_by_another),
		T(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
