#include "check.h"

#include <pthread.h>

static void test_count(void **state)
{
	long before = mem_live();
	void *a = mem_alloc(10), *b = mem_zalloc(0), *c = mem_realloc(NULL, 5);

	assert_int_equal(mem_live(), before + 3);
	c = mem_realloc(c, 100000);
	c = mem_realloc(c, 0);
	assert_int_equal(mem_live(), before + 3);
	mem_free(a);
	mem_free(b);
	mem_free(c);
	mem_free(NULL);
	assert_int_equal(mem_live(), before);
}

static void test_contents(void **state)
{
	static const char zeros[4096];
	char *z = mem_zalloc(sizeof(zeros)), *d = mem_dup("a\0b", 3), *e = mem_dup(NULL, 0);
	char *s = mem_strdup("text"), *p = mem_printf("%s-%03d", "x", 7), *r = mem_strdup("kept");

	assert_memory_equal(z, zeros, sizeof(zeros));
	assert_memory_equal(d, "a\0b", 4);
	assert_string_equal(e, "");
	assert_string_equal(s, "text");
	assert_string_equal(p, "x-007");
	r = mem_realloc(r, 1 << 20);
	assert_string_equal(r, "kept");
	mem_free(z);
	mem_free(d);
	mem_free(e);
	mem_free(s);
	mem_free(p);
	mem_free(r);
}

#define THREADS 4
#define ROUNDS  20000

static void *churn(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		mem_free(mem_alloc((size_t)i % 64));
	return mem_alloc(1);
}

static void test_threads(void **state)
{
	long before = mem_live();
	pthread_t threads[THREADS];
	void *left[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], &left[i]), 0);
	assert_int_equal(mem_live(), before + THREADS);
	for (int i = 0; i < THREADS; i++)
		mem_free(left[i]);
}

/* The sanitizers' allocators end the process themselves before they answer NULL. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static volatile size_t too_much = SIZE_MAX / 4;

static void alloc_too_much(void)
{
	mem_alloc(too_much);
}

static void zalloc_too_much(void)
{
	mem_zalloc(too_much);
}

static void realloc_too_much(void)
{
	mem_realloc(mem_alloc(1), too_much);
}

static void test_no_memory(void **state)
{
	assert_dies(alloc_too_much, "panic: out of memory: 4611686018427387903 bytes");
	assert_dies(zalloc_too_much, "panic: out of memory");
	assert_dies(realloc_too_much, "panic: out of memory");
}
#else
static void test_no_memory(void **state)
{
	skip();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_count),
		ZERO_TEST(test_contents),
		ZERO_TEST(test_threads),
		ZERO_TEST(test_no_memory),
	};

	return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
