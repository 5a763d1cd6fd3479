#include "rig.h"

#include <fcntl.h>

/* What the master keeps in the file system and on the net: sockets, pid file, log. */

static char dir[] = "/tmp/moonloop-master-XXXXXX";

static int make_dir(void **state)
{
	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return -1;
	return rig_group_setup(state);
}

static int remove_dir(void **state)
{
	return chdir("/") | rmdir(dir); /* fails when a test left a file */
}

static void read_text(const char *path, char *out, size_t cap)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, out, cap - 1) : -1;

	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
}

/* A socket that somebody else listens on; its port is left in shared->port. */
static int occupy(bool reuse_port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (reuse_port)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	assert_int_equal(bind(fd, (void *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (void *)&in, &len), 0);
	atomic_store(&shared->port, ntohs(in.sin_port));
	return fd;
}

static void test_address_in_use(void **state)
{
	static const char *const workers[] = {"1", "3"};

	for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
		struct rig r;
		int fd = occupy(true), port = atomic_load(&shared->port);
		char bind[64], line[128];

		snprintf(bind, sizeof(bind), "127.0.0.1:%d", port);
		rig_init(&r, (const char *const[]){"app", "--bind", "unix:here.sock", "--bind",
				     bind, "--workers", workers[i], "--pid-file", "pid", NULL});
		rig_start(&r);
		assert_int_equal(rig_wait(&r), EXIT_ENVIRONMENT);
		snprintf(line, sizeof(line),
			"moonloop: cannot listen on %s: Address already in use\n", bind);
		assert_string_equal(rig_said(&r), line);
		assert_int_equal(events_count(EVENT_START, ANY, ANY), 0);
		assert_int_equal(access("here.sock", F_OK), -1);
		assert_int_equal(access("pid", F_OK), -1);
		rig_fini(&r);
		close(fd);
	}
}

/* Two gateways on one port: the second must not slip in beside the first. */
static void test_two_masters(void **state)
{
	static const struct {
		const char *first, *second;
	} rows[] = {{"1", "1"}, {"1", "2"}, {"2", "1"}, {"2", "2"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rig first, second;
		char bind[64];

		rig_init(&first, RIG_ARGS("--workers", rows[i].first));
		rig_start(&first);
		await_boot(&first);
		snprintf(bind, sizeof(bind), "127.0.0.1:%d", atomic_load(&shared->port));
		rig_load(&second, (const char *const[]){"app", "--bind", bind, "--workers",
					  rows[i].second, NULL});
		rig_start(&second);
		assert_int_equal(rig_wait(&second), EXIT_ENVIRONMENT);
		assert_said(&second, "Address already in use");
		fclose(second.err);
		options_fini(&second.o);
		rig_stop(&first, EXIT_OK);
	}
}

/* One socket for all workers; a worker holds it and its own TCP socket. */
static void test_unix(void **state)
{
	struct rig r;
	struct stat st;
	struct addr a;
	char err[128];

	rig_init(&r, RIG_ARGS("--workers", "3", "--bind", "unix:here.sock", "--unix-mode", "0606"));
	rig_start(&r);
	await_boot(&r);
	assert_said(&r, " and unix:here.sock (3 workers");
	assert_int_equal(atomic_load(&shared->listening), 2);
	assert_int_equal(stat("here.sock", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0606);
	assert_int_equal(addr_parse(&a, "unix:here.sock", err, sizeof(err)), 0);
	for (int i = 0; i < 10; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		char byte = 0;

		assert_int_equal(connect(fd, &a.sa, a.len), 0);
		assert_int_equal(read(fd, &byte, 1), 1);
		assert_int_equal(byte, '0');
		close(fd);
	}
	rig_stop(&r, EXIT_OK);
	assert_int_equal(access("here.sock", F_OK), -1);
}

static void test_every_address(void **state)
{
	struct rig r;
	char line[64];

	rig_init(&r, (const char *const[]){"app", "--bind", ":0", NULL});
	rig_start(&r);
	await_boot(&r);
	snprintf(line, sizeof(line), "http://localhost:%d (every address)",
		atomic_load(&shared->port));
	assert_said(&r, line);
	assert_int_equal(ask(), 0);
	rig_stop(&r, EXIT_OK);
}

static void test_pid_file(void **state)
{
	struct rig r;
	char text[64], wanted[64];

	rig_init(&r, RIG_ARGS("--pid-file", "pid"));
	rig_start(&r);
	await_boot(&r);
	read_text("pid", text, sizeof(text));
	snprintf(wanted, sizeof(wanted), "%d\n", r.master);
	assert_string_equal(text, wanted);
	rig_stop(&r, EXIT_OK);
	assert_int_equal(access("pid", F_OK), -1);
}

static void test_cannot_write(void **state)
{
	static const struct {
		const char *option, *line;
	} rows[] = {
		{"--pid-file",
			"moonloop: cannot write the pid file no/such: No such file or directory\n"},
		{"--log", "moonloop: cannot open the log no/such: No such file or directory\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rig r;

		rig_init(&r, RIG_ARGS(rows[i].option, "no/such"));
		rig_start(&r);
		assert_int_equal(rig_wait(&r), EXIT_ENVIRONMENT);
		assert_string_equal(rig_said(&r), rows[i].line);
		rig_fini(&r);
	}
}

/* SIGUSR1, as after logrotate: later lines are in the new file, and the workers are told. */
static void test_log_file(void **state)
{
	struct rig r;
	char old[4096], new[4096];

	rig_init(&r, RIG_ARGS("--log", "log", "--workers", "2"));
	rig_start(&r);
	await_boot(&r);
	assert_null(strstr(rig_said(&r), "worker.started"));
	assert_int_equal(rename("log", "log.1"), 0);
	kill(r.master, SIGUSR1);
	await_events(&r, EVENT_USR1, ANY, 0, 2);
	rig_stop(&r, EXIT_OK);
	read_text("log.1", old, sizeof(old));
	read_text("log", new, sizeof(new));
	assert_non_null(strstr(old, "worker.started"));
	assert_null(strstr(old, "master.stopping"));
	assert_non_null(strstr(new, "master.stopping"));
	assert_int_equal(unlink("log") | unlink("log.1"), 0);
}

static void test_log_options(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--log-format", "json", "--log-level", "warn", "--quiet"));
	rig_start(&r);
	await_events(&r, EVENT_READY, 0, 0, 1);
	kill(pid_of(EVENT_READY, 0, 0, 0), SIGKILL);
	await_events(&r, EVENT_READY, 0, 0, 2);
	await_said(&r, "\"signal\":\"SIGKILL\"");
	assert_null(strstr(rig_said(&r), "worker.started"));
	assert_null(strstr(rig_said(&r), " serving "));
	rig_stop(&r, EXIT_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_address_in_use),
		RIG_TEST(test_two_masters),
		RIG_TEST(test_unix),
		RIG_TEST(test_every_address),
		RIG_TEST(test_pid_file),
		RIG_TEST(test_cannot_write),
		RIG_TEST(test_log_file),
		RIG_TEST(test_log_options),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
