#include "../base/check.h"

#include "http/proxy_fields.h"

static void test_list(void **state)
{
	static const struct {
		const char *values[3]; /* of three fields of the name; NULL: fewer */
		const char *joined;    /* the elements as they come, each in < > */
	} rows[] = {
		{{"a"}, "<a>"}, {{"a, b ,\tc"}, "<c><b><a>"},
		{{"a, b", "c", "d, e"}, "<e><d><c><b><a>"}, {{"", " , ,, ", "a,"}, "<a>"},
		{{""}, ""}, {{NULL}, ""},
		{{"for=\"a,b\", for=\"c\\\",d\""}, "<for=\"c\\\",d\"><for=\"a,b\">"},
		{{"for=\"a\\\\\", b"}, "<b><for=\"a\\\\\">"},
		{{"\"a, b, c"}, "<c><b><\"a>"}, /* what is open at the left stays there */
		{{"a\", b"}, "<b><a\">"}, {{"\"a", "b"}, "<b><\"a>"},
		{{"a, \"b\\"}, "<a, \"b\\>"}, /* a proxy's own garbage: as a whole */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena arena;
		struct fields f;
		struct proxy_list l;
		struct span element;
		char joined[128] = "";
		size_t n = 0;

		arena_init(&arena);
		fields_init(&f, &arena);
		fields_add(&f, SPAN("x-other"), SPAN("no"));
		for (size_t j = 0; j < 3 && rows[i].values[j] != NULL; j++) {
			fields_add(&f, SPAN("x-list"), span_of(rows[i].values[j]));
			fields_add(&f, SPAN("x-list2"), SPAN("no, no"));
		}
		l = proxy_list(&f, SPAN("x-list"));
		while (proxy_list_next(&l, &element))
			n += (size_t)snprintf(joined + n, sizeof(joined) - n, "<%.*s>",
				(int)element.n, element.p);
		assert_string_equal(joined, rows[i].joined);
		assert_false(proxy_list_next(&l, &element));
		arena_fini(&arena);
	}
}

static void test_node(void **state)
{
	static const struct {
		struct span in;
		const char *host; /* NULL: garbage */
		int port;
	} rows[] = {
		{SPAN("192.0.2.1"), "192.0.2.1", 0},
		{SPAN("192.0.2.1:80"), "192.0.2.1", 80},
		{SPAN("192.0.2.1:65535"), "192.0.2.1", 65535},
		{SPAN("2001:db8::1"), "2001:db8::1", 0},
		{SPAN("2001:DB8:0::1"), "2001:db8::1", 0},
		{SPAN("[2001:db8::1]"), "2001:db8::1", 0},
		{SPAN("[2001:db8::1]:4711"), "2001:db8::1", 4711},
		{SPAN("::"), "::", 0},
		{SPAN("2001:db8::1:80"), "2001:db8::1:80",
			0}, /* without brackets there is no port */
		{SPAN("::ffff:192.0.2.1"), "192.0.2.1", 0},
		{SPAN("[::ffff:c000:201]:9"), "192.0.2.1", 9},
		{SPAN(""), NULL, 0},
		{SPAN(":"), NULL, 0},
		{SPAN(":80"), NULL, 0},
		{SPAN("192.0.2"), NULL, 0},
		{SPAN("192.0.2.256"), NULL, 0},
		{SPAN("192.0.2.01"), NULL, 0},
		{SPAN("192.0.2.1:"), NULL, 0},
		{SPAN("192.0.2.1:65536"), NULL, 0},
		{SPAN("192.0.2.1:000080"), NULL, 0},
		{SPAN("192.0.2.1:-1"), NULL, 0},
		{SPAN("192.0.2.1:http"), NULL, 0},
		{SPAN("192.0.2.1 80"), NULL, 0},
		{SPAN("192.0.2.1\0"), NULL, 0},
		{SPAN("192.0.2.1\0.example"), NULL, 0},
		{SPAN("[192.0.2.1]"), NULL, 0},
		{SPAN("[2001:db8::1"), NULL, 0},
		{SPAN("[2001:db8::1]80"), NULL, 0},
		{SPAN("[2001:db8::1]:"), NULL, 0},
		{SPAN("[]"), NULL, 0},
		{SPAN("["), NULL, 0},
		{SPAN("]"), NULL, 0},
		{SPAN("2001:db8::1]"), NULL, 0},
		{SPAN("fe80::1%eth0"), NULL, 0},
		{SPAN("unknown"), NULL, 0},
		{SPAN("_hidden"), NULL, 0},
		{SPAN("unix:"), NULL, 0},
		{SPAN("example.org"), NULL, 0},
		{SPAN("\"192.0.2.1\""), NULL, 0},
		{SPAN("0000000000000000000000000000000000000000000000000000000000:1"), NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;
		char host[ADDR_HOST_MAX];
		bool ok = proxy_node_parse(rows[i].in, &a);

		if (ok != (rows[i].host != NULL))
			fail_msg("%.*s", (int)rows[i].in.n, rows[i].in.p);
		if (!ok)
			continue;
		assert_string_equal(addr_host(&a.sa, host, sizeof(host)), rows[i].host);
		assert_int_equal(addr_port(&a.sa), rows[i].port);
	}
}

static void test_forwarded(void **state)
{
	static const struct {
		const char *in;
		const char *node, *proto; /* "": not given */
		bool bad;
	} rows[] = {
		{"for=192.0.2.1", "192.0.2.1", "", false},
		{"For=\"[2001:db8::1]:4711\"", "[2001:db8::1]:4711", "", false},
		{"for=192.0.2.1;proto=https;by=203.0.113.4", "192.0.2.1", "https", false},
		{"by=x; PROTO=http ;for=_y", "_y", "http", false},
		{"proto=https", "", "https", false},
		{"by=1", "", "", false},
		{";for=a;;proto=b;", "a", "b", false},
		{"", "", "", false},
		{"host=\"a;for=b\";for=c", "c", "", false},
		{"host=\"a\\\";for=b\";for=c", "c", "", false},
		{"for=192.0.2.1:80", "192.0.2.1:80", "", false}, /* should be quoted */
		{"for=a;for=b", "", "", true},
		{"proto=a;proto=a", "", "", true},
		{"for", "", "", true},
		{"for=", "", "", true},
		{"=a", "", "", true},
		{"for =a", "", "", true},
		{"for=\"a", "", "", true},
		{"for=\"a\\\"", "", "", true},
		{"for=a\"", "", "", true},
		{"for=\"a\"b", "", "", true},
		{"192.0.2.1", "", "", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct forwarded f;
		bool ok = forwarded_parse(span_of(rows[i].in), &f);

		if (ok == rows[i].bad)
			fail_msg("%s", rows[i].in);
		if (!ok)
			continue;
		assert_true(span_eq(f.node, span_of(rows[i].node)));
		assert_true(span_eq(f.proto, span_of(rows[i].proto)));
		assert_true((f.node.p == NULL) == (rows[i].node[0] == '\0'));
	}
}

/* Nothing that a peer may send is read past its end. */
static void test_random(void **state)
{
	static const char pieces[] = "for=proto\";,\\[]:. 1a\t\0_";

	random_start("proxy_fields");
	for (int round = 0; round < 20000; round++) {
		struct arena arena;
		struct fields f;
		struct proxy_list l;
		struct span element;
		struct forwarded forwarded;
		struct addr a;
		size_t n = random_below(40);
		char *in = malloc(MAX(n, (size_t)1)); /* so that the sanitizer knows its end */

		for (size_t i = 0; i < n; i++)
			in[i] = pieces[random_below(sizeof(pieces) - 1)];
		proxy_node_parse((struct span){in, n}, &a);
		forwarded_parse((struct span){in, n}, &forwarded);
		arena_init(&arena);
		fields_init(&f, &arena);
		fields_add(&f, SPAN("x"), (struct span){in, n});
		l = proxy_list(&f, SPAN("x"));
		for (n = 0; proxy_list_next(&l, &element); n++)
			assert_true(element.n > 0 && n < 40);
		arena_fini(&arena);
		free(in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_list),
		ZERO_TEST(test_node),
		ZERO_TEST(test_forwarded),
		ZERO_TEST(test_random),
	};

	return cmocka_run_group_tests_name("proxy_fields", tests, NULL, NULL);
}
