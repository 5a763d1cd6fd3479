#include "check.h"

#include "base/slab.h"

#include <float.h>
#include <math.h>

static void test_sizes(void **state)
{
	static const size_t sizes[] = {1, 8, 15, 16, 17, 100, 1000, 4096, 100000};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *objects[40];
		struct slab s;

		slab_init(&s, "sizes", sizes[i]);
		for (size_t k = 0; k < ARRAY_LEN(objects); k++) {
			objects[k] = slab_alloc(&s);
			assert_int_equal((uintptr_t)objects[k] % 16, 0);
			memset(objects[k], (int)k, sizes[i]);
		}
		assert_int_equal(s.live, ARRAY_LEN(objects));
		for (size_t k = 0; k < ARRAY_LEN(objects); k++) {
			assert_int_equal(objects[k][0], k);
			assert_int_equal(objects[k][sizes[i] - 1], k);
			assert_ptr_equal(slab_find(&s, slab_id(objects[k])), objects[k]);
			slab_free(&s, objects[k]);
		}
		slab_fini(&s);
	}
}

/* Numbers that nobody was given, with one object live and one slot free. */
static void test_bad_ids(void **state)
{
	struct slab s;
	void *object, *gone;
	double id, old;

	slab_init(&s, "ids", 24);
	assert_null(slab_find(&s, 1048576)); /* nothing was ever allocated */
	object = slab_alloc(&s);
	gone = slab_alloc(&s);
	id = slab_id(object);
	old = slab_id(gone);
	slab_free(&s, gone);
	{
		const double bad[] = {0, -0.0, 1, -1, 0.5, -0.5, -id, id + 0.5, id - 0.25, id + 1,
			id + 2, id + 1048576, id - 1048576, old, old + 1048576, old - 1048576,
			old + 2097152, 1048575, 4503599627370495.0, 4503599627370496.0,
			9007199254740992.0, 9223372036854775807.0, 18446744073709551615.0,
			4294967296.0, -9223372036854775808.0, NAN, -NAN, INFINITY, -INFINITY,
			DBL_MAX, -DBL_MAX, DBL_MIN, DBL_EPSILON, nextafter(id, 0),
			nextafter(id, INFINITY)};

		for (size_t i = 0; i < ARRAY_LEN(bad); i++)
			assert_null(slab_find(&s, bad[i]));
	}
	assert_ptr_equal(slab_find(&s, id), object);
	slab_free(&s, object);
	assert_null(slab_find(&s, id));
	slab_fini(&s);
}

static void test_generations(void **state)
{
	double ids[100];
	struct slab s;

	slab_init(&s, "generations", 8);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		void *object = slab_alloc(&s);

		ids[i] = slab_id(object);
		assert_true(ids[i] > 0 && ids[i] < 9007199254740992.0 && floor(ids[i]) == ids[i]);
		for (size_t k = 0; k < i; k++) {
			assert_true(ids[k] != ids[i]);
			assert_null(slab_find(&s, ids[k]));
		}
		assert_ptr_equal(slab_find(&s, ids[i]), object);
		slab_free(&s, object);
	}
	assert_int_equal(s.slots, 1); /* it was the same slot all the time */
	slab_fini(&s);
}

/* No test can free one slot four thousand million times: its count is put there by hand. */
static void test_last_generation(void **state)
{
	struct slab s;
	uint32_t *object, *next;
	double id;

	slab_init(&s, "last", 8);
	object = slab_alloc(&s);
	assert_int_equal(object[-2], 1);
	object[-2] = UINT32_MAX - 1;
	slab_free(&s, object);
	assert_ptr_equal(slab_alloc(&s), object);
	id = slab_id(object);
	assert_true(id == 4294967295.0 * 1048576.0);
	assert_ptr_equal(slab_find(&s, id), object);
	slab_free(&s, object);
	next = slab_alloc(&s);
	assert_ptr_not_equal(next, object); /* left aside */
	assert_null(slab_find(&s, id));
	assert_null(slab_find(&s, 0));
	slab_free(&s, next);
	slab_fini(&s);
}

static void test_full(void **state)
{
	void *first, *last = NULL;
	struct slab s;

	slab_init(&s, "full", 1);
	first = slab_alloc(&s);
	for (uint32_t i = 1; i < SLAB_MAX_SLOTS; i++)
		last = slab_alloc(&s);
	assert_non_null(last);
	assert_int_equal(s.live, SLAB_MAX_SLOTS);
	assert_null(slab_alloc(&s));
	assert_ptr_equal(slab_find(&s, slab_id(last)), last);
	slab_free(&s, last);
	assert_ptr_equal(slab_alloc(&s), last);
	assert_ptr_equal(slab_find(&s, slab_id(first)), first);
	for (uint32_t i = 0; i < SLAB_MAX_SLOTS; i++)
		slab_free(&s, slab_find(&s, 1048576.0 + i +
						    (slab_find(&s, 1048576.0 + i) ? 0 : 1048576)));
	assert_int_equal(s.live, 0);
	slab_fini(&s);
}

static struct slab *visited;

static void count_and_free_odd(void *object, void *arg)
{
	int number = *(int *)object;

	*(int *)arg += number;
	if (number % 2)
		slab_free(visited, object);
}

static void free_all(void *object, void *arg)
{
	slab_free(visited, object);
}

static void test_each(void **state)
{
	struct slab s;
	int sum = 0;

	slab_init(&s, "each", sizeof(int));
	visited = &s;
	slab_each(&s, count_and_free_odd, &sum);
	assert_int_equal(sum, 0);
	for (int i = 1; i <= 1000; i++)
		*(int *)slab_alloc(&s) = i;
	slab_each(&s, count_and_free_odd, &sum);
	assert_int_equal(sum, 500500);
	assert_int_equal(s.live, 500);
	sum = 0;
	slab_each(&s, count_and_free_odd, &sum);
	assert_int_equal(sum, 250500);
	slab_each(&s, free_all, NULL);
	assert_int_equal(s.live, 0);
	slab_fini(&s);
}

/* Against a plain array of what should be there. */
static void test_random(void **state)
{
	enum {
		COUNT = 500,
		ROUNDS = 200000
	};
	static struct {
		void *object; /* NULL: freed */
		double id;
	} model[COUNT];
	struct slab s;

	random_start("slab");
	slab_init(&s, "random", 40);
	for (int i = 0; i < ROUNDS; i++) {
		size_t at = random_below(COUNT);

		if (model[at].id != 0)
			assert_ptr_equal(slab_find(&s, model[at].id), model[at].object);
		if (model[at].object) {
			slab_free(&s, model[at].object);
			model[at].object = NULL;
		} else {
			model[at].object = slab_alloc(&s);
			model[at].id = slab_id(model[at].object);
		}
	}
	visited = &s;
	slab_each(&s, free_all, NULL);
	for (size_t i = 0; i < COUNT; i++)
		assert_null(slab_find(&s, model[i].id));
	assert_true(s.slots <= COUNT);
	slab_fini(&s);
}

static void free_twice(void)
{
	struct slab s;
	void *object;

	slab_init(&s, "twice", 8);
	object = slab_alloc(&s);
	slab_free(&s, object);
	slab_free(&s, object);
}

static void free_foreign(void)
{
	struct slab s, other;
	void *object;

	slab_init(&s, "mine", 8);
	slab_init(&other, "other", 8);
	object = slab_alloc(&s);
	slab_alloc(&other);
	slab_free(&other, object);
}

static void fini_live(void)
{
	struct slab s;

	slab_init(&s, "exchanges", 8);
	slab_alloc(&s);
	slab_fini(&s);
}

static void test_misuse(void **state)
{
	assert_dies(free_twice, "panic: ENSURE");
	assert_dies(free_foreign, "panic: ENSURE");
	assert_dies(fini_live, "panic: slab exchanges: 1 objects live at the end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_sizes),
		ZERO_TEST(test_bad_ids),
		ZERO_TEST(test_generations),
		ZERO_TEST(test_last_generation),
		ZERO_TEST(test_full),
		ZERO_TEST(test_each),
		ZERO_TEST(test_random),
		ZERO_TEST(test_misuse),
	};

	return cmocka_run_group_tests_name("slab", tests, NULL, NULL);
}
