#include "check.h"

#include "base/mem.h"
#include "http/head.h"

static struct arena arena;
static struct head head;
static long live;

static int setup(void **state)
{
	arena_drop_cache();
	live = mem_live();
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	arena_fini(&arena);
	arena_drop_cache();
	assert_int_equal(mem_live(), live);
	return 0;
}

static void make(const char *method, const char *target, int minor)
{
	head = (struct head){.method = span_of(method),
		.target = span_of(target),
		.major = 1,
		.minor = (uint8_t)minor};
	fields_init(&head.fields, &arena);
}

static void test_targets(void **state)
{
	static const struct {
		const char *method, *target, *raw_path, *query, *host; /* raw_path NULL: refused */
	} rows[] = {
		{"GET", "/", "/", "", "given"},
		{"GET", "/a/b", "/a/b", "", "given"},
		{"GET", "/a?", "/a", "", "given"},
		{"GET", "/?b?c", "/", "b?c", "given"},
		{"GET", "//evil/x", "//evil/x", "", "given"},
		{"GET", "/a:80@b", "/a:80@b", "", "given"},
		{"GET", "/\xc3\xa4", "/\xc3\xa4", "", "given"},
		{"OPTIONS", "*", "*", "", "given"},
		{"OPTIONS", "/x", "/x", "", "given"},
		{"GET", "http://h", "/", "", "h"},
		{"GET", "http://h:80/", "/", "", "h:80"},
		{"GET", "HtTpS://[::1]:8/x?y", "/x", "y", "[::1]:8"},
		{"GET", "http://h?y=/z", "/", "y=/z", "h"},
		{"GET", "http://h?", "/", "", "h"},
		{"GET", "", NULL, NULL, NULL},
		{"GET", "*", NULL, NULL, NULL},
		{"GET", "a", NULL, NULL, NULL},
		{"GET", "?a", NULL, NULL, NULL},
		{"GET", "/a#b", NULL, NULL, NULL},
		{"GET", "http://h#b", NULL, NULL, NULL},
		{"GET", "http://h/#b", NULL, NULL, NULL},
		{"GET", "http://", NULL, NULL, NULL},
		{"GET", "http:///a", NULL, NULL, NULL},
		{"GET", "http://?a", NULL, NULL, NULL},
		{"GET", "http://u@h/", NULL, NULL, NULL},
		{"GET", "http://u:p@h/", NULL, NULL, NULL},
		{"GET", "http://h\\x/", NULL, NULL, NULL},
		{"GET", "http://h,g/", NULL, NULL, NULL},
		{"GET", "http:/h", NULL, NULL, NULL},
		{"GET", "h:443", NULL, NULL, NULL},
		{"GET", "ws://h/", NULL, NULL, NULL},
		{"GET", "/a b", NULL, NULL, NULL},
		{"GET", "/a\tb", NULL, NULL, NULL},
		{"GET", "/a\x7f", NULL, NULL, NULL},
		{"GET", "/\x01", NULL, NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span host;
		uint32_t at = 0;
		const char *wrong;

		make(rows[i].method, rows[i].target, 1);
		fields_add(&head.fields, SPAN("accept"), SPAN("x"));
		fields_add(&head.fields, SPAN("host"), SPAN("given"));
		fields_add(&head.fields, SPAN("last"), SPAN("y"));
		wrong = head_split_target(&head);
		if (rows[i].raw_path == NULL) {
			if (wrong == NULL)
				fail_msg("\"%s\" should be refused", rows[i].target);
			continue;
		}
		if (wrong != NULL)
			fail_msg("\"%s\": %s", rows[i].target, wrong);
		assert_bytes(head.raw_path, rows[i].raw_path);
		assert_bytes(head.query, rows[i].query);
		assert_int_equal(head.fields.n, 3);
		assert_true(fields_find(&head.fields, SPAN("host"), &at, &host));
		assert_int_equal(at, 2); /* where it was */
		assert_bytes(host, rows[i].host);
		assert_bytes(field_value(&head.fields, 2), "y");
	}
}

static void test_absolute_without_host_field(void **state)
{
	make("GET", "http://h/x", 0);
	assert_null(head_split_target(&head));
	assert_int_equal(head.fields.n, 1);
	assert_bytes(field_name(&head.fields, 0), "host");
	assert_bytes(field_value(&head.fields, 0), "h");
}

static void test_host(void **state)
{
	static const struct {
		const char *one, *two;
		int minor;
		bool ok;
	} rows[] = {
		{"a", NULL, 1, true},
		{"a:80", NULL, 1, true},
		{"[::1]:80", NULL, 1, true},
		{"", NULL, 1, true},
		{"a%20b", NULL, 1, true},
		{NULL, NULL, 1, false},
		{NULL, NULL, 0, true},
		{"a", "a", 1, false},
		{"a", "b", 1, false},
		{"a", "a", 0, false},
		{"a b", NULL, 1, false},
		{"a,b", NULL, 1, false},
		{"a/b", NULL, 1, false},
		{"a?b", NULL, 1, false},
		{"a#b", NULL, 1, false},
		{"u@a", NULL, 1, false},
		{"a\\b", NULL, 1, false},
		{"<a>", NULL, 1, false},
		{"a\"", NULL, 1, false},
		{"\xc3\xa4", NULL, 1, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		make("GET", "/", rows[i].minor);
		if (rows[i].one != NULL)
			fields_add(&head.fields, SPAN("host"), span_of(rows[i].one));
		fields_add(&head.fields, SPAN("x-host"), SPAN("b"));
		if (rows[i].two != NULL)
			fields_add(&head.fields, SPAN("host"), span_of(rows[i].two));
		if ((head_check_host(&head) == NULL) != rows[i].ok)
			fail_msg("row %zu", i);
	}
}

static void test_decoding(void **state)
{
	static const struct {
		const char *raw, *path; /* NULL: refused */
	} rows[] = {
		{"/", "/"},
		{"/a%20b", "/a b"},
		{"/%41%5a%7A", "/AZz"},
		{"/%2520", "/%20"}, /* once */
		{"/%2f%2F", "///"},
		{"/+", "/+"},
		{"/%c3%a4%ff", "/\xc3\xa4\xff"},
		{"/%0a%0d%01", "/\n\r\x01"},
		{"%41", "A"},
		{"/%", NULL},
		{"/%4", NULL},
		{"/%4g", NULL},
		{"/%g4", NULL},
		{"/%%41", NULL},
		{"/%-1", NULL},
		{"/%00", NULL},
		{"/a%00b", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = strlen(rows[i].raw);
		/* exactly as long, so that a sanitizer sees a look behind its end */
		char *raw = n > 0 ? mem_alloc(n) : NULL;
		struct span path;
		bool ok;

		memcpy(raw, rows[i].raw, n);
		ok = head_decode_path(&arena, (struct span){raw, n}, &path);
		if (ok != (rows[i].path != NULL))
			fail_msg("\"%s\"", rows[i].raw);
		if (ok)
			assert_bytes(path, rows[i].path);
		mem_free(raw);
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_targets),
		T(test_absolute_without_host_field),
		T(test_host),
		T(test_decoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
