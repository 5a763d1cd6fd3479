#include "check.h"

#include "base/mem.h"
#include "http/fields.h"

static struct arena arena;
static struct fields f;
static long live;

static int setup(void **state)
{
	arena_drop_cache();
	live = mem_live();
	arena_init(&arena);
	fields_init(&f, &arena);
	return 0;
}

static int teardown(void **state)
{
	arena_fini(&arena);
	arena_drop_cache();
	assert_int_equal(mem_live(), live);
	return 0;
}

/* One field, its name and value in pieces of k bytes. */
static void build(const char *name, const char *value, size_t k)
{
	fields_open(&f);
	for (size_t i = 0, n = strlen(name); i < n; i += k)
		assert_true(fields_name(&f, name + i, MIN(k, n - i)));
	for (size_t i = 0, n = strlen(value); i < n; i += k)
		fields_value(&f, value + i, MIN(k, n - i));
	fields_close(&f);
}

static void test_built_in_pieces(void **state)
{
	static const struct {
		const char *name, *value, *lower, *trimmed;
	} rows[] = {
		{"Host", "a", "host", "a"},
		{"X-Long-Name_0", " \t both \t ", "x-long-name_0", "both"},
		{"x", "", "x", ""},
		{"X", "  \t", "x", ""},
		{"Inner", "a \t b", "inner", "a \t b"},
	};

	for (size_t k = 1; k < 20; k++) {
		fields_init(&f, &arena);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			build(rows[i].name, rows[i].value, k);
		assert_int_equal(f.n, ARRAY_LEN(rows));
		for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
			assert_bytes(field_name(&f, i), rows[i].lower);
			assert_bytes(field_value(&f, i), rows[i].trimmed);
		}
	}
}

static void test_grows(void **state)
{
	char name[32], value[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "name-%d", i);
		snprintf(value, sizeof(value), "value-%d", i);
		if (i % 2 == 0)
			build(name, value, 3);
		else
			fields_add(&f, span_of(name), span_of(value));
	}
	assert_int_equal(f.n, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "name-%d", (int)i);
		snprintf(value, sizeof(value), "value-%d", (int)i);
		assert_bytes(field_name(&f, i), name);
		assert_bytes(field_value(&f, i), value);
	}
}

static void test_a_value_larger_than_blocks(void **state)
{
	size_t n = 3 * ARENA_BLOCK;
	char *big = mem_zalloc(n);

	memset(big, 'x', n);
	fields_open(&f);
	fields_name(&f, "big", 3);
	for (size_t i = 0; i < n; i += 100)
		fields_value(&f, big + i, MIN((size_t)100, n - i));
	fields_close(&f);
	assert_int_equal(field_value(&f, 0).n, n);
	assert_memory_equal(field_value(&f, 0).p, big, n);
	assert_bytes(field_name(&f, 0), "big");
	mem_free(big);
}

static void test_find(void **state)
{
	struct span value;
	uint32_t i = 0;

	build("A", "1", 9);
	build("b", "2", 9);
	build("a", "3", 9);
	assert_true(fields_find(&f, SPAN("a"), &i, &value));
	assert_bytes(value, "1");
	assert_true(fields_find(&f, SPAN("a"), &i, &value));
	assert_bytes(value, "3");
	assert_false(fields_find(&f, SPAN("a"), &i, &value));
	assert_int_equal(fields_count(&f, SPAN("a")), 2);
	assert_int_equal(fields_count(&f, SPAN("b")), 1);
	assert_int_equal(fields_count(&f, SPAN("c")), 0);
	i = 0;
	fields_init(&f, &arena);
	assert_false(fields_find(&f, SPAN("a"), &i, &value));
}

static void test_tokens(void **state)
{
	build("connection", "TE , Close", 9);
	build("connection", "x", 9);
	assert_true(fields_has_token(&f, SPAN("connection"), SPAN("close")));
	assert_true(fields_has_token(&f, SPAN("connection"), SPAN("te")));
	assert_true(fields_has_token(&f, SPAN("connection"), SPAN("x")));
	assert_false(fields_has_token(&f, SPAN("connection"), SPAN("clos")));
	assert_false(fields_has_token(&f, SPAN("te"), SPAN("te")));
}

static bool is_tchar(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* What a parser may hand over before it finds out that there is no name. */
static void test_nothing(void **state)
{
	fields_open(&f);
	assert_true(fields_name(&f, "", 0));
	fields_value(&f, "", 0);
	fields_close(&f);
	assert_int_equal(field_name(&f, 0).n, 0);
	assert_int_equal(field_value(&f, 0).n, 0);
}

static void test_every_byte(void **state)
{
	for (int c = 0; c < 256; c++) {
		char byte[3] = {'a', (char)c, 'a'};
		struct span s = {byte, 3};
		bool control = (c < 0x20 && c != '\t') || c == 0x7f;

		assert_int_equal(field_name_ok(s), is_tchar(c));
		assert_int_equal(field_value_ok(s), !control);
		fields_init(&f, &arena);
		fields_open(&f);
		assert_int_equal(fields_name(&f, byte, 3), is_tchar(c));
	}
	/* wherever it stands in a long one */
	for (size_t at = 0; at < 50; at++) {
		char value[50];

		memset(value, 'a', sizeof(value));
		assert_true(field_value_ok((struct span){value, sizeof(value)}));
		value[at] = '\n';
		assert_false(field_value_ok((struct span){value, sizeof(value)}));
		assert_true(field_value_ok((struct span){value, at}));
	}
	assert_false(field_name_ok(SPAN("")));
	assert_true(field_value_ok(SPAN("")));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_built_in_pieces),
		T(test_grows),
		T(test_a_value_larger_than_blocks),
		T(test_find),
		T(test_tokens),
		T(test_nothing),
		T(test_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
