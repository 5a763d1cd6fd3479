#include "dns_rig.h"

#include <sys/resource.h>

static void test_literals_ask_nobody(void **state)
{
	assert_string_equal(look_up(DNS_ANY, "192.0.2.9"), "192.0.2.9");
	assert_string_equal(look_up(DNS_ANY, "::1"), "::1");
	assert_string_equal(look_up(DNS_AAAA, "2001:DB8::1"), "2001:DB8::1");
	assert_string_equal(look_up(DNS_ANY, "fe80::1%lo"), "fe80::1%lo");
	assert_string_equal(look_up(DNS_A, "::1"), "not_found: ::1 has no IPv4 address");
	assert_string_equal(look_up(DNS_TXT, "::1"), "not_found: ::1 has no TXT record");
	assert_int_equal(rig.asked, 0);
}

static void test_localhost_whatever_the_file_says(void **state)
{
	write_file(rig.hosts, "192.0.2.66 localhost evil.localhost\n");
	for (int i = 0; i < 4; i++) {
		static const char *const names[] = {
			"localhost", "LOCALHOST.", "a.b.localhost", "evil.localhost"};

		assert_string_equal(look_up(DNS_A, names[i]), "127.0.0.1");
		assert_string_equal(look_up(DNS_AAAA, names[i]), "::1");
	}
	assert_string_equal(
		look_up(DNS_SRV, "localhost"), "not_found: localhost has no SRV record");
	assert_int_equal(rig.asked, 0);
	assert_string_equal(look_up(DNS_A, "notlocalhost.test"), "192.0.2.1");
}

static void test_bad_names(void **state)
{
	static const struct {
		const char *name, *wrong;
	} rows[] = {
		{"", "is empty"},
		{".", "is empty"},
		{"a..b", "has an empty part between its dots"},
		{".a", "has an empty part between its dots"},
		{"a..", "has an empty part between its dots"},
		{"a b", "has a character that no name has"},
		{"a\\.b", "has a character that no name has"},
		{"[::1]", "has a character that no name has"},
		{"::1%", "has a character that no name has"},
		{"b\xc3\xbc"
		 "cher.test",
			"is not ASCII: write it as xn--..."},
		{"127.1", "is not an address, and no name ends in a number"},
		{"1.2.3.256", "is not an address, and no name ends in a number"},
		{"a123456789b123456789c123456789d123456789e123456789f123456789g123.test",
			"has a part of more than 63 bytes"},
	};
	char text[256], expected[256];
	double id;
	struct span detail;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(expected, sizeof(expected), "invalid: the name %s", rows[i].wrong);
		assert_string_equal(look_up(DNS_ANY, rows[i].name), expected);
	}
	for (size_t i = 0; i < 254; i++)
		text[i] = i % 50 == 49 ? '.' : 'a';
	text[254] = '\0';
	assert_string_equal(look_up(DNS_A, text), "invalid: the name has more than 253 bytes");
	text[253] = '\0';
	assert_string_equal(look_up(DNS_A, text), "192.0.2.1");
	id = dns_ask(DNS_A, (struct span){"a\0b", 3});
	assert_int_equal(await(id, &detail), ERR_INVALID);
	dns_free(id);
	id = dns_ask(DNS_A, (struct span){"127.0.0.1\0b", 11});
	assert_int_equal(await(id, &detail), ERR_INVALID);
	dns_free(id);
	assert_int_equal(rig.asked, 1);
}

static void test_hosts_file(void **state)
{
	write_file(rig.hosts, "# comment\n\n192.0.2.7\tONE two # three\nnonsense four\n"
			      "192.0.2.8 one\n2001:db8::7 one six\n192.0.2.9\n192.0.2.10 last");
	assert_string_equal(look_up(DNS_A, "one"), "192.0.2.7 192.0.2.8");
	assert_string_equal(look_up(DNS_AAAA, "one."), "2001:db8::7");
	assert_string_equal(look_up(DNS_A, "TWO"), "192.0.2.7");
	assert_string_equal(look_up(DNS_A, "last"), "192.0.2.10");
	assert_string_equal(look_up(DNS_A, "six"), "not_found: six has no IPv4 address");
	assert_int_equal(rig.asked, 0);
	look_up(DNS_A, "three");
	look_up(DNS_A, "four");
	assert_int_equal(rig.asked, 2);
}

static void test_hosts_file_changes(void **state)
{
	assert_string_equal(look_up(DNS_A, "new.test"), "192.0.2.1");
	write_file(rig.hosts, "192.0.2.77 new.test\n");
	fake_clock_advance(2 * CLOCK_SECOND);
	clock_update();
	assert_string_equal(look_up(DNS_A, "new.test"), "192.0.2.77");
	unlink(rig.hosts);
	fake_clock_advance(2 * CLOCK_SECOND);
	clock_update();
	assert_string_equal(look_up(DNS_A, "new.test"), "192.0.2.1");
	assert_int_equal(rig.asked, 1);
}

static void test_asks_the_server(void **state)
{
	const char *both = look_up(DNS_ANY, "a.test");

	assert_non_null(strstr(both, "192.0.2.1"));
	assert_non_null(strstr(both, "2001:db8::1"));
	assert_int_equal(rig.asked, 2);
	assert_string_equal(look_up(DNS_A, "A.Test"), "192.0.2.1");
	assert_string_equal(look_up(DNS_A, "alias.test"), "192.0.2.1");
	assert_string_equal(look_up(DNS_ANY, "only4.test"), "192.0.2.1");
	assert_string_equal(
		look_up(DNS_AAAA, "only4.test"), "not_found: only4.test has no IPv6 address");
	assert_string_equal(look_up(DNS_A, "noise.test"), "192.0.2.1");
	assert_string_equal(look_up(DNS_TXT, "long.test"), "abcdefg");
}

static void test_failures(void **state)
{
	char expected[128];

	assert_string_equal(look_up(DNS_ANY, "none.test"), "not_found: none.test: no such name");
	snprintf(expected, sizeof(expected), "failed: broken.test: the name server at %s failed",
		rig.servers);
	assert_string_equal(look_up(DNS_A, "broken.test"), expected);
	snprintf(expected, sizeof(expected),
		"refused: refuses.test: the name server at %s refused to answer", rig.servers);
	assert_string_equal(look_up(DNS_A, "refuses.test"), expected);
	snprintf(expected, sizeof(expected),
		"failed: garbage.test: the name server at %s answered with garbage", rig.servers);
	assert_string_equal(look_up(DNS_A, "garbage.test"), expected);
	snprintf(expected, sizeof(expected),
		"failed: short.test: the name server at %s answered with garbage", rig.servers);
	assert_string_equal(look_up(DNS_TXT, "short.test"), expected);
}

static void test_kept_for_its_time(void **state)
{
	static const struct {
		const char *name;
		unsigned seconds;
	} rows[] = {{"a.test", 60}, {"alias.test", 5}, {"brief.test", DNS_TTL_MIN},
		{"eternal.test", DNS_TTL_MAX}, {"none.test", 7}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned before = rig.asked;

		look_up(DNS_A, rows[i].name);
		fake_clock_advance(rows[i].seconds * CLOCK_SECOND - 1);
		clock_update();
		look_up(DNS_A, rows[i].name);
		assert_int_equal(rig.asked, before + 1);
		fake_clock_advance(1);
		clock_update();
		look_up(DNS_A, rows[i].name);
		assert_int_equal(rig.asked, before + 2);
	}
}

static void test_tells_what_is_left(void **state)
{
	struct dns_answer_record r;
	struct span detail;
	double id;

	look_up(DNS_A, "a.test");
	fake_clock_advance(CLOCK_SECOND * 39 / 2);
	clock_update();
	id = ask(DNS_A, "a.test");
	assert_int_equal(dns_answer(id, 0, &detail), 1);
	assert_true(dns_record(id, 0, &r));
	assert_int_equal(r.ttl, 41);
	assert_int_equal(r.family, 4);
	dns_free(id);
}

static void test_failures_are_not_kept(void **state)
{
	unsigned before;

	look_up(DNS_A, "broken.test");
	before = rig.asked;
	look_up(DNS_A, "broken.test");
	assert_true(rig.asked > before);
}

static void test_cache_is_bounded(void **state)
{
	char name[32];
	unsigned before;

	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		look_up(DNS_A, name);
		look_up(DNS_A, "a.test"); /* used all the time: stays */
	}
	assert_int_equal(rig.asked, 151);
	look_up(DNS_A, "n149.test");
	look_up(DNS_A, "n51.test");
	assert_int_equal(rig.asked, 151);
	before = rig.asked;
	look_up(DNS_A, "n0.test");
	assert_int_equal(rig.asked, before + 1);
}

static void test_no_cache(void **state)
{
	dns_teardown();
	set_up_dns(0, CLOCK_SECOND);
	look_up(DNS_A, "a.test");
	look_up(DNS_A, "a.test");
	assert_int_equal(rig.asked, 2);
}

static void turn(int n)
{
	while (n-- > 0)
		ev_run(rig.loop.ev, EVRUN_ONCE);
}

static void test_ten_ask_once(void **state)
{
	double ids[10];
	struct span detail;

	for (int i = 0; i < 10; i++)
		ids[i] = ask(DNS_A, i % 2 ? "late.test" : "LATE.test");
	turn(5);
	assert_int_equal(rig.asked, 1);
	dns_free(ids[0]); /* the first one leaves: the others are answered */
	dns_free(ids[9]);
	assert_int_equal(dns_answer(ids[0], 0, &detail), ERR_GONE);
	release();
	for (int i = 1; i < 9; i++) {
		assert_int_equal(await(ids[i], &detail), 1);
		dns_free(ids[i]);
	}
	assert_int_equal(rig.asked, 1);
	assert_int_equal(dns_live(), 0);
}

static void test_all_leave(void **state)
{
	double id = ask(DNS_A, "late.test");

	turn(3);
	dns_free(id);
	release();
	turn(5);
	assert_string_equal(look_up(DNS_A, "late.test"), "192.0.2.1");
	assert_int_equal(rig.asked, 1);
}

static void test_teardown_with_pending(void **state)
{
	ask(DNS_ANY, "late.test");
	ask(DNS_ANY, "silent.test");
	ask(DNS_A, "a.test");
	turn(2);
	dns_free(ask(DNS_TXT, "silent.test"));
}

static void test_half_will_do(void **state)
{
	double id = ask(DNS_ANY, "half.test");
	struct dns_answer_record r;
	struct span detail;

	dns_hurry(id); /* nothing is known: nothing is changed */
	for (int i = 0; i < 100 && rig.asked < 2; i++)
		turn(1);
	turn(3);
	assert_int_equal(dns_answer(id, 0, &detail), ERR_AGAIN);
	dns_hurry(id);
	assert_int_equal(dns_answer(id, 0, &detail), 1);
	assert_true(dns_record(id, 0, &r));
	assert_int_equal(r.family, 4);
	dns_hurry(id);
	dns_free(id);
	dns_hurry(id);
}

static void test_search_list(void **state)
{
	dns_teardown();
	write_file(rig.resolv_conf, "nameserver 127.0.0.1\nsearch one.test two.test\n");
	set_up_dns(100, CLOCK_SECOND);
	assert_string_equal(look_up(DNS_A, "host"), "192.0.2.1");
	assert_int_equal(rig.asked, 1);
	assert_string_equal(look_up(DNS_A, "none"), "not_found: none: no such name");
	assert_int_equal(rig.asked, 4); /* with both domains, and as it is */
	look_up(DNS_A, "none.");
	assert_int_equal(rig.asked, 5); /* a last dot: only as it is */
	look_up(DNS_TXT, "none");
	assert_int_equal(rig.asked, 6);
}

static void test_resolv_conf_changes(void **state)
{
	double id = ask(DNS_A, "late.test");
	struct span detail;

	look_up(DNS_A, "a.test");
	turn(2);
	write_file(rig.resolv_conf, "nameserver 127.0.0.1\nsearch elsewhere.test\n");
	fake_clock_advance(2 * CLOCK_SECOND);
	clock_update();
	look_up(DNS_A, "a.test");
	assert_int_equal(rig.asked, 3); /* what was known is forgotten */
	release();
	assert_int_equal(await(id, &detail), 1); /* and who waits is answered by the old channel */
	dns_free(id);
	turn(2);
}

static void test_time_out(void **state)
{
	char expected[128];

	dns_teardown();
	fake_clock_stop();
	set_up_dns(100, 50000);
	snprintf(expected, sizeof(expected),
		"timeout: silent.test: the name server at %s did not answer", rig.servers);
	assert_string_equal(look_up(DNS_A, "silent.test"), expected);
	assert_int_equal(rig.asked, DNS_TRIES);
}

static void test_server_down(void **state)
{
	dns_teardown();
	strcpy(rig.servers, "127.0.0.1:1");
	set_up_dns(100, 100000);
	assert_string_equal(look_up(DNS_A, "a.test"),
		"refused: a.test: the name server at 127.0.0.1:1 could not be reached");
	dns_teardown();
	strcpy(rig.servers, "127.0.0.1:1,[::1]:1");
	set_up_dns(100, 100000);
	assert_string_equal(look_up(DNS_A, "a.test"),
		"refused: a.test: the name servers at 127.0.0.1:1, [::1]:1 could not be reached, or failed");
}

static void test_no_descriptors(void **state)
{
	struct rlimit was, none;

	look_up(DNS_A, "192.0.2.1"); /* the files are read */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_string_equal(look_up(DNS_A, "b.test"),
		"io: b.test: no socket for the query: Too many open files");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_string_equal(look_up(DNS_A, "b.test"), "192.0.2.1");
}

static void test_too_many(void **state)
{
	char name[32];
	struct span detail;
	double id;

	for (int i = 0; i < DNS_PENDING_MAX; i++) {
		snprintf(name, sizeof(name), "silent.n%d.test", i);
		dns_free(ask(DNS_A, name));
	}
	id = ask(DNS_A, "one.more.test");
	assert_int_equal(dns_answer(id, 0, &detail), ERR_QUEUE_FULL);
	dns_free(id);
	id = ask(DNS_A, "silent.n0.test"); /* shares */
	assert_int_equal(dns_answer(id, 0, &detail), ERR_AGAIN);
	dns_free(id);
}

/* RFC 6724: ::1 has the higher precedence; what cannot be reached comes last. */
static void test_addresses_in_order(void **state)
{
	const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	const struct sockaddr_in6 loopback = {
		.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = 1};
	const bool has_v6 = fd >= 0 && connect(fd, (const void *)&loopback, sizeof(loopback)) == 0;

	if (fd >= 0)
		close(fd);
	write_file(rig.hosts, "127.0.0.1 both\n::1 both\n240.0.0.1 worse\n127.0.0.2 worse\n"
			      "127.0.0.3 same\n127.0.0.1 same\n127.0.0.2 same\n");
	assert_string_equal(look_up(DNS_ANY, "both"), has_v6 ? "::1 127.0.0.1" : "127.0.0.1 ::1");
	assert_string_equal(look_up(DNS_ANY, "worse"), "127.0.0.2 240.0.0.1");
	assert_string_equal(look_up(DNS_ANY, "same"), "127.0.0.3 127.0.0.1 127.0.0.2");
}

static void test_services_in_order(void **state)
{
	unsigned first_b = 0;

	for (int i = 0; i < 400; i++) {
		const char *order = look_up(DNS_SRV, "srv.test");

		first_b += strcmp(order, "b.srv.test a.srv.test c.srv.test") == 0;
		assert_true(strstr(order, "c.srv.test") == order + 22);
	}
	/* 9 of 11 are due (0 to 10, of which 0 and 1 are a's): 327 and seven deviations. */
	assert_in_range(first_b, 273, 381);
	assert_int_equal(rig.asked, 1);
	assert_string_equal(look_up(DNS_SRV, "off.test"),
		"not_found: off.test says that there is no such service");
}

static void test_not_set_up(void **state)
{
	struct span detail;

	dns_teardown();
	assert_int_equal(dns_ask(DNS_A, SPAN("a.test")), ERR_SHUTDOWN);
	assert_int_equal(dns_answer(1, 0, &detail), ERR_GONE);
	dns_free(1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_literals_ask_nobody),
		TEST(test_localhost_whatever_the_file_says),
		TEST(test_bad_names),
		TEST(test_hosts_file),
		TEST(test_hosts_file_changes),
		TEST(test_asks_the_server),
		TEST(test_failures),
		TEST(test_kept_for_its_time),
		TEST(test_tells_what_is_left),
		TEST(test_failures_are_not_kept),
		TEST(test_cache_is_bounded),
		TEST(test_no_cache),
		TEST(test_ten_ask_once),
		TEST(test_all_leave),
		TEST(test_teardown_with_pending),
		TEST(test_half_will_do),
		TEST(test_search_list),
		TEST(test_resolv_conf_changes),
		TEST(test_time_out),
		TEST(test_server_down),
		TEST(test_no_descriptors),
		TEST(test_too_many),
		TEST(test_addresses_in_order),
		TEST(test_services_in_order),
		TEST(test_not_set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
