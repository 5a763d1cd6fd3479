#include "check.h"

/* Each piece gets its own bytes, which are all still there at the end: no two overlap. */
static void test_pieces(void **state)
{
	static const size_t sizes[] = {
		1, 0, 7, 8, 9, 100, 4096, 1, 4097, 3, 4095, 4088, 8, 100000, 2};
	char *pieces[ARRAY_LEN(sizes)];
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		pieces[i] = arena_alloc(&a, sizes[i]);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % 8, 0);
		memset(pieces[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(pieces[i][k], i + 1);
	arena_fini(&a);
}

static void test_init_allocates_nothing(void **state)
{
	long before = mem_live();
	struct arena a;

	arena_init(&a);
	assert_non_null(arena_alloc(&a, 0));
	assert_int_equal(mem_live(), before);
	arena_fini(&a);
	arena_fini(&a);
}

/* A large request in between does not waste the rest of the block. */
static void test_large_keeps_block(void **state)
{
	struct arena a;
	char *small;

	arena_init(&a);
	arena_alloc(&a, 50000); /* first of all */
	small = arena_alloc(&a, 8);
	arena_alloc(&a, 50000);
	assert_ptr_equal(arena_alloc(&a, 8), small + 8);
	arena_fini(&a);
}

static void test_dup(void **state)
{
	struct arena a;
	struct span copy;

	arena_init(&a);
	copy = arena_dup(&a, SPAN("a\0b"));
	assert_int_equal(copy.n, 3);
	assert_memory_equal(copy.p, "a\0b", 4);
	copy = arena_dup(&a, (struct span){NULL, 0});
	assert_int_equal(copy.n, 0);
	assert_string_equal(copy.p, "");
	arena_fini(&a);
}

static void serve(struct arena *a)
{
	for (int i = 0; i < 100; i++)
		memset(arena_alloc(a, 200), i, 200);
	arena_fini(a);
}

/* The second request and all after it cost no malloc (with AddressSanitizer there is no cache). */
static void test_cache(void **state)
{
	struct arena a;
	long warm;

	arena_init(&a);
	serve(&a);
	warm = mem_live();
	for (int i = 0; i < 10; i++) {
		serve(&a);
		assert_int_equal(mem_live(), warm);
	}
	arena_drop_cache();
	assert_true(mem_live() <= warm);
	serve(&a); /* works without a cache too */
}

/* A burst does not keep its blocks for ever. */
static void test_cache_is_bounded(void **state)
{
	long before = mem_live();
	struct arena a;

	arena_init(&a);
	for (int i = 0; i < 1000; i++)
		arena_alloc(&a, ARENA_BLOCK);
	assert_int_equal(mem_live(), before + 1000);
	arena_fini(&a);
	assert_true(mem_live() <= before + 256);
}

static void alloc_everything(void)
{
	struct arena a;

	arena_init(&a);
	arena_alloc(&a, 8);
	arena_alloc(&a, SIZE_MAX - 3); /* rounded up it would be nothing */
}

static void test_overflow(void **state)
{
	assert_dies(alloc_everything, "panic: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_pieces),
		ZERO_TEST(test_init_allocates_nothing),
		ZERO_TEST(test_large_keeps_block),
		ZERO_TEST(test_dup),
		ZERO_TEST(test_cache),
		ZERO_TEST(test_cache_is_bounded),
		ZERO_TEST(test_overflow),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
