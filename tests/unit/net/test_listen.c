#include "../base/check.h"

#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

static char dir[] = "/tmp/moonloop-listen-XXXXXX";

static int make_dir(void **state)
{
	return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
	return rmdir(dir); /* fails when a test left a file */
}

static struct addr parse(const char *text)
{
	struct addr a;
	char err[256];

	if (addr_parse(&a, text, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	return a;
}

static struct addr unix_addr(const char *name)
{
	char text[128];

	snprintf(text, sizeof(text), "unix:%s/%s", dir, name);
	return parse(text);
}

/* Opens, and has the port that the kernel chose in `a`. */
static int open_ok(struct addr *a, bool reuse_port)
{
	char err[256] = "";
	int fd = listen_open(a, 8, reuse_port, err, sizeof(err));

	if (fd < 0)
		fail_msg("%s", err);
	listen_fill_port(fd, a);
	return fd;
}

static void assert_refused(const struct addr *a, const char *why)
{
	char err[256] = "", where[ADDR_TEXT_MAX];

	assert_int_equal(listen_open(a, 8, false, err, sizeof(err)), -1);
	assert_non_null(strstr(err, addr_print(a, where, sizeof(where))));
	if (strstr(err, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err, why);
}

static int try_connect(const struct addr *to)
{
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = connect(fd, &to->sa, to->len) == 0 ? 0 : errno;

	close(fd);
	return rc;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void test_tcp(void **state)
{
	struct addr a = parse("127.0.0.1:0");
	int fd = open_ok(&a, false);

	assert_int_not_equal(addr_port(&a.sa), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEPORT), 0);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(try_connect(&a), 0);
	close(fd);
	assert_int_equal(try_connect(&a), ECONNREFUSED);
}

static void test_in_use(void **state)
{
	struct addr a = parse("127.0.0.1:0");
	int fd = open_ok(&a, false);
	char err[256] = "";

	assert_refused(&a, "in use");
	assert_false(listen_probe(&a, err, sizeof(err)));
	assert_non_null(strstr(err, "in use"));
	close(fd);
	assert_true(listen_probe(&a, err, sizeof(err)));
}

static void test_reuse_port(void **state)
{
	struct addr a = parse("127.0.0.1:0");
	int first = open_ok(&a, true);
	int second = open_ok(&a, true);
	char err[256] = "";

	assert_int_equal(option(second, SOL_SOCKET, SO_REUSEPORT), 1);
	assert_false(listen_probe(&a, err, sizeof(err)));
	close(first);
	assert_int_equal(try_connect(&a), 0);
	close(second);
}

static void test_every_address(void **state)
{
	struct addr a = parse(":0"), v4 = parse("127.0.0.1:1");
	int fd = open_ok(&a, false);

	addr_set_port(&v4, addr_port(&a.sa));
	assert_int_equal(try_connect(&v4), 0);
	close(fd);
}

static void test_v6_beside_v4(void **state)
{
	struct addr v4 = parse("0.0.0.0:0"), v6 = parse("[::]:1");
	int fd4 = open_ok(&v4, false), fd6, probe = socket(AF_INET6, SOCK_STREAM, 0);

	close(probe);
	if (probe >= 0) {
		addr_set_port(&v6, addr_port(&v4.sa));
		fd6 = open_ok(&v6, false);
		close(fd6);
	}
	close(fd4);
}

static void test_not_ours(void **state)
{
	struct addr a = parse("192.0.2.1:80");

	assert_refused(&a, "assign requested address");
}

static void test_unix(void **state)
{
	struct addr a = unix_addr("plain");
	int fd = open_ok(&a, false);
	char err[256];
	struct stat st;

	assert_int_equal(stat(a.un.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(listen_set_mode(&a, 0666, err, sizeof(err)), 0);
	assert_int_equal(stat(a.un.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	assert_int_equal(try_connect(&a), 0);
	listen_unlink(&a);
	close(fd);
	assert_int_equal(stat(a.un.sun_path, &st), -1);
	assert_int_equal(listen_set_mode(&a, 0666, err, sizeof(err)), -1);
	assert_non_null(strstr(err, a.un.sun_path));
}

static void test_unix_stale(void **state)
{
	struct addr a = unix_addr("stale");
	int dead = open_ok(&a, false), fd;

	close(dead); /* as a killed server would: the file stays */
	assert_int_equal(try_connect(&a), ECONNREFUSED);
	fd = open_ok(&a, false);
	assert_int_equal(try_connect(&a), 0);
	assert_refused(&a, "another server");
	assert_int_equal(try_connect(&a), 0);
	listen_unlink(&a);
	close(fd);
}

/* A server whose backlog is full does not answer, but it is there. */
static void test_unix_busy(void **state)
{
	struct addr a = unix_addr("busy");
	int fd, clients[8];
	char err[256];

	fd = listen_open(&a, 0, false, err, sizeof(err));
	assert_true(fd >= 0);
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(clients[i], &a.sa, a.len);
	}
	assert_refused(&a, "another server");
	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		close(clients[i]);
	listen_unlink(&a);
	close(fd);
}

static void test_unix_no_socket(void **state)
{
	struct addr a = unix_addr("file"), nowhere = unix_addr("no/such/dir");
	int file = open(a.un.sun_path, O_CREAT | O_WRONLY, 0600);

	assert_true(file >= 0);
	close(file);
	assert_refused(&a, "no socket");
	assert_int_equal(unlink(a.un.sun_path), 0);
	assert_refused(&nowhere, "No such file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_tcp),
		ZERO_TEST(test_in_use),
		ZERO_TEST(test_reuse_port),
		ZERO_TEST(test_every_address),
		ZERO_TEST(test_v6_beside_v4),
		ZERO_TEST(test_not_ours),
		ZERO_TEST(test_unix),
		ZERO_TEST(test_unix_stale),
		ZERO_TEST(test_unix_busy),
		ZERO_TEST(test_unix_no_socket),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
