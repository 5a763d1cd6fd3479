#include "check.h"

#include "base/list.h"

struct item {
	int number;
	struct list link;
};

static int first_of(struct list *l)
{
	struct list *node = list_take(l);

	return node ? container_of(node, struct item, link)->number : -1;
}

static void test_order(void **state)
{
	struct item a = {.number = 1}, b = {.number = 2}, c = {.number = 3}, d = {.number = 4};
	struct list l;

	list_init(&l);
	assert_true(list_empty(&l));
	assert_null(list_take(&l));
	list_add(&l, &a.link);
	list_add(&l, &b.link);
	list_add(&a.link, &c.link); /* before a */
	list_add(&l, &d.link);
	assert_false(list_empty(&l));
	list_del(&b.link);
	assert_true(list_empty(&b.link));
	list_del(&b.link); /* in no list: nothing happens */
	assert_int_equal(first_of(&l), 3);
	assert_int_equal(first_of(&l), 1);
	assert_int_equal(first_of(&l), 4);
	assert_int_equal(first_of(&l), -1);
	assert_true(list_empty(&l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_order),
	};

	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
