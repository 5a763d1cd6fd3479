#include "../base/check.h"

#include "base/err.h"
#include "net/addr.h"

#include <arpa/inet.h>

static void test_parse(void **state)
{
	static const struct {
		const char *text, *printed, *host;
		int port;
		bool dual, any;
	} rows[] = {
		{"127.0.0.1:8000", "127.0.0.1:8000", "127.0.0.1", 8000, false, false},
		{"0.0.0.0:0", "0.0.0.0:0", "0.0.0.0", 0, false, true},
		{"192.0.2.1:65535", "192.0.2.1:65535", "192.0.2.1", 65535, false, false},
		{"[::1]:80", "[::1]:80", "::1", 80, false, false},
		{"[::]:80", "[::]:80", "::", 80, false, true},
		{":8000", "[::]:8000", "::", 8000, true, true},
		{"localhost:8000", "127.0.0.1:8000", "127.0.0.1", 8000, false, false},
		{"unix:/run/x.sock", "unix:/run/x.sock", "/run/x.sock", 0, false, false},
		{"unix:x:1", "unix:x:1", "x:1", 0, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;
		char err[256] = "", out[ADDR_TEXT_MAX];

		if (addr_parse(&a, rows[i].text, err, sizeof(err)) != 0)
			fail_msg("%s: %s", rows[i].text, err);
		assert_string_equal(a.text, rows[i].text);
		assert_string_equal(addr_print(&a, out, sizeof(out)), rows[i].printed);
		assert_string_equal(addr_host(&a.sa, out, sizeof(out)), rows[i].host);
		assert_int_equal(addr_port(&a.sa), rows[i].port);
		assert_int_equal(a.dual, rows[i].dual);
		assert_int_equal(addr_is_any(&a), rows[i].any);
		assert_int_equal(addr_is_unix(&a), strncmp(rows[i].text, "unix:", 5) == 0);
	}
}

static void test_ip(void **state)
{
	static const struct {
		const char *text, *printed; /* NULL: refused */
	} rows[] = {
		{"192.0.2.1", "192.0.2.1:53"},
		{"192.0.2.1:5353", "192.0.2.1:5353"},
		{"::1", "[::1]:53"},
		{"[::1]:5353", "[::1]:5353"},
		{"2001:db8::1:53", "[2001:db8::1:53]:53"},
		{"[::1]", NULL},
		{":53", NULL},
		{"unix:/run/dns", NULL},
		{"resolver.test", NULL},
		{"resolver.test:53", NULL},
		{"127.1", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;
		char err[256] = "", out[ADDR_TEXT_MAX];
		int rc = addr_parse_ip(&a, rows[i].text, 53, err, sizeof(err));

		assert_int_equal(rc == 0, rows[i].printed != NULL);
		assert_int_equal(rc != 0, err[0] != '\0');
		if (rc != 0)
			continue;
		assert_string_equal(addr_print(&a, out, sizeof(out)), rows[i].printed);
		assert_string_equal(a.text, rows[i].text);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "no address"},
		{"8000", "\"8000\" has no port"},
		{"127.0.0.1", "\"127.0.0.1\" has no port"},
		{"[::1]", "has no port"},
		{"::1", "IPv6 address that is not in [ ]"},
		{"127.0.0.1:", "no port from 0 to 65535"},
		{"127.0.0.1:http", "no port from 0 to 65535"},
		{"127.0.0.1:65536", "no port from 0 to 65535"},
		{"127.0.0.1:-1", "no port from 0 to 65535"},
		{"127.0.0.1: 80", "no port from 0 to 65535"},
		{"127.0.0:80", "no valid IPv4"},
		{"127.0.0.256:80", "no valid IPv4"},
		{"1:80", "no valid IPv4"},
		{"[]:80", "no IPv6 address between"},
		{"[127.0.0.1]:80", "no IPv6 address between"},
		{"[::g]:80", "no IPv6 address between"},
		{"fe80::1:80", "IPv6 address that is not in [ ]"},
		{"unix:", "no path"},
		{"no.such.host.invalid:80", "cannot look up \"no.such.host.invalid\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;
		char err[256] = "";

		assert_true(addr_parse(&a, rows[i].text, err, sizeof(err)) < 0);
		if (strstr(err, rows[i].why) == NULL)
			fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].text, err, rows[i].why);
	}
}

static void test_too_long(void **state)
{
	struct addr a;
	char err[512], text[300] = "unix:/";

	memset(text + 6, 'x', sizeof(text) - 7);
	assert_int_equal(addr_parse(&a, text, err, sizeof(err)), ERR_INVALID);
	assert_non_null(strstr(err, "too long"));
	text[5 + 108] = '\0'; /* one byte over what sockaddr_un takes */
	assert_int_equal(addr_parse(&a, text, err, sizeof(err)), ERR_INVALID);
	assert_non_null(strstr(err, "too long"));
	text[5 + 107] = '\0';
	assert_int_equal(addr_parse(&a, text, err, sizeof(err)), 0);
}

static void make_peer(struct sockaddr_storage *out, const char *host)
{
	struct sockaddr_in *in = (void *)out;
	struct sockaddr_in6 *in6 = (void *)out;

	memset(out, 0, sizeof(*out));
	if (strcmp(host, "unix") == 0) {
		out->ss_family = AF_UNIX;
	} else if (strchr(host, ':') != NULL) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(1234);
		assert_int_equal(inet_pton(AF_INET6, host, &in6->sin6_addr), 1);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons(1234);
		assert_int_equal(inet_pton(AF_INET, host, &in->sin_addr), 1);
	}
}

static void test_peer(void **state)
{
	static const struct {
		const char *peer, *host;
		int port;
	} rows[] = {
		{"192.0.2.7", "192.0.2.7", 1234},
		{"2001:db8::7", "2001:db8::7", 1234},
		{"::ffff:192.0.2.7", "192.0.2.7", 1234},
		{"unix", "", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sockaddr_storage peer;
		char out[ADDR_HOST_MAX];

		make_peer(&peer, rows[i].peer);
		assert_string_equal(addr_host((void *)&peer, out, sizeof(out)), rows[i].host);
		assert_int_equal(addr_port((void *)&peer), rows[i].port);
	}
}

static void test_networks(void **state)
{
	static const struct {
		const char *net, *peer;
		bool inside;
	} rows[] = {
		{"10.0.0.0/8", "10.255.0.1", true},
		{"10.0.0.0/8", "11.0.0.1", false},
		{"10.1.2.3/8", "10.9.9.9", true}, /* host bits do not count */
		{"10.0.0.0/8", "::ffff:10.1.1.1", true},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.128/25", "192.0.2.200", true},
		{"0.0.0.0/0", "203.0.113.9", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "2001:db8::1", true},
		{"::/0", "192.0.2.1", false},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"::1", "::1", true},
		{"unix", "unix", true},
		{"unix", "127.0.0.1", false},
		{"127.0.0.1", "unix", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sockaddr_storage peer;
		struct cidr c;
		char err[256];

		assert_int_equal(cidr_parse(&c, rows[i].net, err, sizeof(err)), 0);
		make_peer(&peer, rows[i].peer);
		if (cidr_contains(&c, (void *)&peer) != rows[i].inside)
			fail_msg("%s in %s", rows[i].peer, rows[i].net);
	}
}

static void test_networks_refused(void **state)
{
	static const char *const rows[] = {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129",
		"10.0.0.0/x", "10.0.0/8", "localhost", "10.0.0.0/8/8", "[::1]",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222:3333:4444:5555:6666:7777"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cidr c;
		char err[256], quoted[128];

		snprintf(quoted, sizeof(quoted), "\"%s\"", rows[i]);
		assert_int_equal(cidr_parse(&c, rows[i], err, sizeof(err)), ERR_INVALID);
		assert_non_null(strstr(err, quoted));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_parse),
		ZERO_TEST(test_ip),
		ZERO_TEST(test_refused),
		ZERO_TEST(test_too_long),
		ZERO_TEST(test_peer),
		ZERO_TEST(test_networks),
		ZERO_TEST(test_networks_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
