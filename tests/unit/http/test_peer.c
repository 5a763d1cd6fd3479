#include "stub_exchange.h"

#include "base/err.h"
#include "http/peer.h"
#include "net/acceptor.h"

#include <sys/un.h>

static const struct transport tls = {.scheme = "https"};

/* Trusts every word of `nets`, separated by blanks. */
static void trust(const char *nets)
{
	char words[128], err[256];

	peer_trust_clear();
	snprintf(words, sizeof(words), "%s", nets);
	for (char *rest, *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		assert_int_equal(peer_trust_add(w, err, sizeof(err)), 0);
}

struct row {
	const char *peer; /* as stub_peer has it; its port is 99 */
	const char *nets;
	const char *fields[6]; /* name, value, name, value, … */
	const char *host;      /* wanted; "unix": is_unix */
	int port;
	const char *scheme; /* NULL: "http" */
};

#define XFF   "x-forwarded-for"
#define XFP   "x-forwarded-proto"
#define FWD   "forwarded"
#define PROXY "10.0.0.0/8 ::1 2001:db8:1::/48"

static void check(const struct row *row)
{
	const char *scheme = row->scheme != NULL ? row->scheme : "http";
	bool is_unix = strcmp(row->host, "unix") == 0;
	struct peer peer;
	struct stub s;

	trust(row->nets);
	stub_init(&s);
	stub_peer(&s, row->peer, 99);
	for (size_t i = 0; i < ARRAY_LEN(row->fields) && row->fields[i] != NULL; i += 2)
		stub_field(&s, row->fields[i], span_of(row->fields[i + 1]));
	memset(&peer, 'x', sizeof(peer));
	peer_of(&s.ex, &peer);
	assert_string_equal(peer.host, is_unix ? "" : row->host);
	assert_int_equal(peer.is_unix, is_unix);
	assert_int_equal(peer.port, row->port);
	assert_string_equal(peer.scheme, scheme);
	stub_fini(&s);
	peer_trust_clear();
}

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(&rows[i]);
}

static void test_untrusted(void **state)
{
	static const struct row rows[] = {
		{"192.0.2.1", "", {NULL}, "192.0.2.1", 99, NULL},
		{"255.255.255.255", "", {NULL}, "255.255.255.255", 99, NULL},
		{"0.10.99.100", "", {NULL}, "0.10.99.100", 99, NULL},
		{"2001:db8::1", "", {NULL}, "2001:db8::1", 99, NULL},
		{"::ffff:192.0.2.1", "", {NULL}, "192.0.2.1", 99, NULL},
		{"unix", "", {NULL}, "unix", 0, NULL},
		{"", PROXY " unix", {XFF, "1.2.3.4"}, "", 0, NULL},
		{"192.0.2.1", "", {XFF, "1.2.3.4", XFP, "https"}, "192.0.2.1", 99, NULL},
		{"192.0.2.1", PROXY, {XFF, "1.2.3.4", XFP, "https"}, "192.0.2.1", 99, NULL},
		{"192.0.2.1", PROXY, {FWD, "for=1.2.3.4;proto=https"}, "192.0.2.1", 99, NULL},
		{"unix", PROXY, {XFF, "1.2.3.4", XFP, "https"}, "unix", 0, NULL},
		{"10.0.0.1", "unix", {XFF, "1.2.3.4"}, "10.0.0.1", 99, NULL},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

static void test_x_forwarded_for(void **state)
{
	static const struct row rows[] = {
		{"10.0.0.1", PROXY, {NULL}, "10.0.0.1", 99, NULL},
		{"10.0.0.1", PROXY, {XFF, "192.0.2.9"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "192.0.2.9:1234"}, "192.0.2.9", 1234, NULL},
		{"10.0.0.1", PROXY, {XFF, "2001:db8::9"}, "2001:db8::9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "[2001:db8::9]"}, "2001:db8::9", 0, NULL},
		{"::1", PROXY, {XFF, "[2001:db8::9]:77"}, "2001:db8::9", 77, NULL},
		{"unix", PROXY " unix", {XFF, "192.0.2.9"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "::ffff:192.0.2.9"}, "192.0.2.9", 0, NULL},
		{"::ffff:10.0.0.1", PROXY, {XFF, "192.0.2.9"}, "192.0.2.9", 0, NULL},

		/* The walk: proxies are skipped, what the client wrote is not reached. */
		{"10.0.0.1", PROXY, {XFF, "192.0.2.9, 10.0.0.2, ::1"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "1.1.1.1, 192.0.2.9, 10.0.0.2"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "10.0.0.9, 192.0.2.9"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "127.0.0.1, 192.0.2.9"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "1.1.1.1", XFF, "192.0.2.9", XFF, "10.0.0.2"},
			"192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "192.0.2.9,::ffff:10.0.0.3"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "192.0.2.9, 2001:db8:1::5"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "10.0.0.3, 10.0.0.2"}, "10.0.0.3", 0, NULL},

		/* Garbage: the last good one. */
		{"10.0.0.1", PROXY, {XFF, ""}, "10.0.0.1", 99, NULL},
		{"10.0.0.1", PROXY, {XFF, ", ,"}, "10.0.0.1", 99, NULL},
		{"10.0.0.1", PROXY, {XFF, "unknown"}, "10.0.0.1", 99, NULL},
		{"unix", "unix", {XFF, "unix:"}, "unix", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "192.0.2.9, rubbish"}, "10.0.0.1", 99, NULL},
		{"10.0.0.1", PROXY, {XFF, "192.0.2.9, rubbish, 10.0.0.2"}, "10.0.0.2", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "rubbish, 192.0.2.9"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "\"x, 192.0.2.9"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "\"", XFF, "192.0.2.9"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {XFF, "192.0.2.9:99999"}, "10.0.0.1", 99, NULL},
		{"10.0.0.1", PROXY, {XFF, "192.0.2.9 10.0.0.2"}, "10.0.0.1", 99, NULL},
		{"10.0.0.1", PROXY, {XFF, "fe80::1%eth0"}, "10.0.0.1", 99, NULL},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

static void test_scheme(void **state)
{
	static const struct row rows[] = {
		{"10.0.0.1", PROXY, {XFP, "https"}, "10.0.0.1", 99, "https"},
		{"10.0.0.1", PROXY, {XFP, "HTTPS"}, "10.0.0.1", 99, "https"},
		{"10.0.0.1", PROXY, {XFP, "http"}, "10.0.0.1", 99, "http"},
		{"10.0.0.1", PROXY, {XFP, "wss"}, "10.0.0.1", 99, "https"},
		{"10.0.0.1", PROXY, {XFP, "ws"}, "10.0.0.1", 99, "http"},
		{"10.0.0.1", PROXY, {XFP, "gopher"}, "10.0.0.1", 99, "http"},
		{"10.0.0.1", PROXY, {XFP, ""}, "10.0.0.1", 99, "http"},
		{"10.0.0.1", PROXY, {XFP, "http, https"}, "10.0.0.1", 99, "https"},
		{"10.0.0.1", PROXY, {XFP, "https", XFP, "http"}, "10.0.0.1", 99, "http"},
		{"10.0.0.1", PROXY, {XFF, "192.0.2.9", XFP, "https"}, "192.0.2.9", 0, "https"},
		{"10.0.0.1", PROXY, {XFF, "rubbish", XFP, "https"}, "10.0.0.1", 99, "https"},
		{"unix", "unix", {XFP, "https"}, "unix", 0, "https"},
	};
	struct peer peer;
	struct stub s;

	check_rows(rows, ARRAY_LEN(rows));

	stub_init(&s);
	s.conn.transport = &tls;
	stub_peer(&s, "192.0.2.1", 99);
	stub_field(&s, XFP, SPAN("http"));
	peer_of(&s.ex, &peer);
	assert_string_equal(peer.scheme, "https"); /* not believed */
	trust("192.0.2.1");
	peer_of(&s.ex, &peer);
	assert_string_equal(peer.scheme, "http");
	peer_trust_clear();
	stub_fini(&s);
}

static void test_forwarded(void **state)
{
	static const struct row rows[] = {
		{"10.0.0.1", PROXY, {FWD, "for=192.0.2.9"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {FWD, "for=192.0.2.9;proto=https;by=10.0.0.1"}, "192.0.2.9", 0,
			"https"},
		{"10.0.0.1", PROXY, {FWD, "For=\"[2001:db8::9]:4711\""}, "2001:db8::9", 4711, NULL},
		{"10.0.0.1", PROXY,
			{FWD, "for=1.1.1.1;proto=x, for=192.0.2.9;proto=https, "
			      "for=10.0.0.2;proto=http"},
			"192.0.2.9", 0, "https"},
		{"10.0.0.1", PROXY, {FWD, "for=192.0.2.9;proto=https", FWD, "for=\"10.0.0.2\""},
			"192.0.2.9", 0, "https"},
		{"10.0.0.1", PROXY, {FWD, "for=\"", FWD, "for=192.0.2.9"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {FWD, "for=\"1.1.1.1, for=192.0.2.9"}, "192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {FWD, "for=192.0.2.9;host=\"a,for=6.6.6.6;x=\\\"\""},
			"192.0.2.9", 0, NULL},
		{"10.0.0.1", PROXY, {FWD, "for=unknown;proto=https"}, "10.0.0.1", 99, "https"},
		{"10.0.0.1", PROXY, {FWD, "for=1.1.1.1, for=_hidden"}, "10.0.0.1", 99, NULL},
		{"10.0.0.1", PROXY, {FWD, "for=1.1.1.1, for=_hidden, for=10.0.0.2"}, "10.0.0.2", 0,
			NULL},
		{"10.0.0.1", PROXY, {FWD, "192.0.2.9"}, "10.0.0.1", 99, NULL},
		{"10.0.0.1", PROXY, {FWD, "for=192.0.2.9;for=1.1.1.1"}, "10.0.0.1", 99, NULL},

		/* Beside the other fields. */
		{"10.0.0.1", PROXY, {FWD, "for=1.1.1.1;proto=https", XFF, "192.0.2.9"}, "192.0.2.9",
			0, NULL},
		{"10.0.0.1", PROXY, {FWD, "for=1.1.1.1;proto=https", XFF, "rubbish"}, "10.0.0.1",
			99, NULL},
		{"10.0.0.1", PROXY, {FWD, "for=192.0.2.9;proto=http", XFP, "https"}, "192.0.2.9", 0,
			"http"},
		{"10.0.0.1", PROXY, {FWD, "for=192.0.2.9", XFP, "https"}, "192.0.2.9", 0, "https"},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

static void test_trust(void **state)
{
	static const struct row rows[] = {
		{"10.0.0.1", "10.0.0.1", {XFF, "1.2.3.4"}, "1.2.3.4", 0, NULL},
		{"10.0.0.2", "10.0.0.1", {XFF, "1.2.3.4"}, "10.0.0.2", 99, NULL},
		{"10.0.0.2", "::ffff:10.0.0.0/104", {XFF, "1.2.3.4"}, "1.2.3.4", 0, NULL},
		{"11.0.0.2", "::ffff:10.0.0.0/104", {XFF, "1.2.3.4"}, "11.0.0.2", 99, NULL},
		{"::ffff:10.0.0.2", "::ffff:10.0.0.2", {XFF, "1.2.3.4"}, "1.2.3.4", 0, NULL},
		{"10.0.0.2", "::ffff:0:0/96", {XFF, "1.2.3.4"}, "1.2.3.4", 0, NULL},
		{"2001:db8:1::7", PROXY, {XFF, "1.2.3.4"}, "1.2.3.4", 0, NULL},
		{"2001:db8:2::7", PROXY, {XFF, "1.2.3.4"}, "2001:db8:2::7", 99, NULL},
	};
	static const char *const wrong[] = {"", "10.0.0.0/33", "localhost", "10.0.0.1:80", "Unix"};
	char err[256];

	check_rows(rows, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		err[0] = '\0';
		assert_int_equal(peer_trust_add(wrong[i], err, sizeof(err)), ERR_INVALID);
		assert_non_null(strstr(err, wrong[i]));
	}
	peer_trust_clear();
	peer_trust_clear();
}

/* Once the wire end is done, nobody knows any more. */
static void test_gone(void **state)
{
	struct peer peer;
	struct stub s;
	char host[ADDR_TEXT_MAX];
	int port;

	stub_init(&s);
	stub_peer(&s, "192.0.2.1", 99);
	s.ex.codec = NULL;
	peer_of(&s.ex, &peer);
	assert_string_equal(peer.host, "");
	assert_int_equal(peer.port, 0);
	assert_false(peer.is_unix);
	assert_string_equal(peer.scheme, "http");
	peer_server(&s.ex, host, sizeof(host), &port);
	assert_string_equal(host, "");
	assert_int_equal(port, 0);
	stub_fini(&s);
}

static int listen_on(struct sockaddr *sa, socklen_t *n)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, sa, *n) != 0 || listen(fd, 4) != 0)
		return -1; /* a machine without IPv6 */
	assert_int_equal(getsockname(fd, sa, n), 0);
	return fd;
}

static void check_tcp(struct sockaddr *any, socklen_t n, struct sockaddr *to, const char *want)
{
	int fd = listen_on(any, &n), client, port;
	struct listener listener = {.fd = fd};
	char host[ADDR_TEXT_MAX];
	struct stub s;

	if (fd < 0)
		return;
	memcpy(&listener.address, any, n);
	memcpy(to->sa_data, any->sa_data, 2); /* the port */
	client = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, to,
				 to->sa_family == AF_INET ? sizeof(struct sockaddr_in)
							  : sizeof(struct sockaddr_in6)),
		0);
	stub_init(&s);
	s.conn.listener = &listener;
	s.conn.fd = accept(fd, NULL, NULL);
	stub_peer(&s, "192.0.2.1", 1);
	peer_server(&s.ex, host, sizeof(host), &port);
	assert_string_equal(host, want);
	assert_int_equal(port, addr_port(any));

	/* The connection is closed: the listener knows the port, at least. */
	close(s.conn.fd);
	s.conn.fd = -1;
	peer_server(&s.ex, host, sizeof(host), &port);
	assert_int_equal(port, addr_port(any));
	stub_fini(&s);
	close(client);
	close(fd);
}

static void test_server_tcp(void **state)
{
	struct sockaddr_in any4 = {.sin_family = AF_INET};
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6};
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	check_tcp((struct sockaddr *)&any4, sizeof(any4), (struct sockaddr *)&to4, "127.0.0.1");
	check_tcp((struct sockaddr *)&any6, sizeof(any6), (struct sockaddr *)&to6, "::1");
	any6.sin6_port = 0;
	check_tcp((struct sockaddr *)&any6, sizeof(any6), (struct sockaddr *)&to4, "127.0.0.1");
}

static void test_server_unix(void **state)
{
	struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/run/x/moonloop.sock"};
	struct listener listener = {.fd = -1};
	char host[ADDR_TEXT_MAX];
	struct stub s;
	int port = 7;

	memcpy(&listener.address, &path, sizeof(path));
	stub_init(&s);
	stub_peer(&s, "unix", 0);
	peer_server(&s.ex, host, sizeof(host), &port);
	assert_string_equal(host, ""); /* no listener: as in a test */
	s.conn.listener = &listener;
	peer_server(&s.ex, host, sizeof(host), &port);
	assert_string_equal(host, "/run/x/moonloop.sock");
	assert_int_equal(port, 0);
	peer_server(&s.ex, host, 6, &port);
	assert_string_equal(host, "/run/");
	stub_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_untrusted),
		ZERO_TEST(test_x_forwarded_for),
		ZERO_TEST(test_scheme),
		ZERO_TEST(test_forwarded),
		ZERO_TEST(test_trust),
		ZERO_TEST(test_gone),
		ZERO_TEST(test_server_tcp),
		ZERO_TEST(test_server_unix),
	};

	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
