#include "check.h"

#include "base/buf.h"

static void test_append(void **state)
{
	struct buf b = {0};

	assert_int_equal(buf_span(&b).n, 0);
	buf_append(&b, NULL, 0);
	assert_null(b.p);
	buf_puts(&b, "ab");
	buf_putc(&b, 'c');
	buf_append(&b, "\0d", 2);
	assert_int_equal(b.n, 5);
	assert_memory_equal(b.p, "abc\0d", 5);
	buf_clear(&b);
	assert_string_equal(buf_cstr(&b), "");
	buf_fini(&b);
	assert_null(b.p);
	assert_int_equal(b.cap, 0);
	buf_fini(&b);
}

static void test_cstr(void **state)
{
	struct buf b = {0};

	assert_string_equal(buf_cstr(&b), "");
	for (int i = 0; i < 64; i++)
		buf_putc(&b, 'x');
	assert_int_equal(strlen(buf_cstr(&b)), 64); /* the NUL did not fit and grew it */
	assert_int_equal(b.n, 64);
	buf_fini(&b);
}

static void test_grow(void **state)
{
	static const size_t sizes[] = {0, 1, 63, 64, 65, 1000, 1 << 20};
	struct buf b = {0};
	size_t sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *at = buf_reserve(&b, sizes[i]);

		assert_non_null(at);
		assert_ptr_equal(at, b.p + b.n);
		memset(at, (int)i, sizes[i]);
		b.n += sizes[i];
		sum += sizes[i];
	}
	assert_int_equal(b.n, sum);
	sum = 0;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (size_t k = 0; k < sizes[i]; k++)
			if (b.p[sum++] != (char)i)
				fail_msg("byte %zu", sum - 1);
	buf_fini(&b);
}

static void test_printf(void **state)
{
	struct buf b = {0};

	/* Every length around the first sizes of the buffer, so that each way to fit is met. */
	for (int n = 0; n < 300; n++) {
		size_t before = b.n;

		buf_printf(&b, "%0*d|", n, 7);
		assert_int_equal(b.n - before, (n ? n : 1) + 1);
		assert_int_equal(b.p[b.n - 1], '|');
		assert_int_equal(b.p[b.n - 2], '7');
	}
	buf_clear(&b);
	buf_printf(&b, "%s", "");
	assert_int_equal(b.n, 0);
	buf_printf(&b, "%s=%d", "a", -1);
	assert_string_equal(buf_cstr(&b), "a=-1");
	buf_fini(&b);
}

static void test_consume(void **state)
{
	static const struct {
		size_t n;
		const char *left;
	} rows[] = {{0, "abcdef"}, {1, "bcdef"}, {5, "f"}, {6, ""}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b = {0};

		buf_puts(&b, "abcdef");
		buf_consume(&b, rows[i].n);
		assert_string_equal(buf_cstr(&b), rows[i].left);
		buf_fini(&b);
	}
}

static void consume_too_much(void)
{
	struct buf b = {0};

	buf_puts(&b, "a");
	buf_consume(&b, 2);
}

static void reserve_everything(void)
{
	struct buf b = {0};

	buf_reserve(&b, SIZE_MAX - 1);
}

static void test_misuse(void **state)
{
	assert_dies(consume_too_much, "panic: ENSURE");
	assert_dies(reserve_everything, "panic: ENSURE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_append),
		ZERO_TEST(test_cstr),
		ZERO_TEST(test_grow),
		ZERO_TEST(test_printf),
		ZERO_TEST(test_consume),
		ZERO_TEST(test_misuse),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
