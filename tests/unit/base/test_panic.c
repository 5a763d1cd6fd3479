#include "check.h"

#include "base/panic.h"

static void describe(char *out, size_t cap)
{
	snprintf(out, cap, "conn=7 exchange=9 state=reading");
}

static void describe_nothing(char *out, size_t cap)
{
}

static void describe_badly(char *out, size_t cap)
{
	panic("the describer broke");
}

static void describe_too_much(char *out, size_t cap)
{
	memset(out, 'x', cap); /* against the rules: no NUL */
}

static void die_plain(void)
{
	panic("number %d of %s", 42, "nothing");
}

static void die_long(void)
{
	char message[5000];

	memset(message, 'm', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	panic("%s", message);
}

static void die_ensure(void)
{
	ENSURE(1 + 1 == 3);
}

static void test_messages(void **state)
{
	static const struct {
		void (*die)(void);
		panic_describe_fn *describer;
		const char *starts;
		const char *contains;
		bool breadcrumb;
	} rows[] = {
		{die_plain, NULL, "panic: number 42 of nothing\n", "", false},
		{die_plain, describe, "panic: number 42", "conn=7 exchange=9 state=reading\n",
			true},
		{die_plain, describe_nothing, "panic: number 42", "", false},
		{die_plain, describe_badly, "panic: number 42", "panic: the describer broke\n",
			false},
		{die_plain, describe_too_much, "panic: number 42", "xxxxxxxx\n", true},
		{die_long, describe, "panic: mmmmmm", "mm\npanic: serving conn=7", true},
		{die_ensure, describe, "panic: ENSURE(1 + 1 == 3) failed at ",
			"test_panic.c:", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char said[8192];

		panic_set_describer(rows[i].describer);
		assert_aborts(rows[i].die, said, sizeof(said));
		panic_set_describer(NULL);
		assert_memory_equal(said, rows[i].starts, strlen(rows[i].starts));
		assert_non_null(strstr(said, rows[i].contains));
		assert_int_equal(strstr(said, "panic: serving ") != NULL, rows[i].breadcrumb);
	}
}

static void test_ensure_holds(void **state)
{
	int evaluated = 0;

	ENSURE(++evaluated == 1);
	assert_int_equal(evaluated, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_messages),
		ZERO_TEST(test_ensure_holds),
	};

	return cmocka_run_group_tests_name("panic", tests, NULL, NULL);
}
