#include "tls_check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ev.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* Our ends against those of the openssl command, which is another user of the same library. */

#define PATIENCE_MS 20000

static char dir[] = "/tmp/moonloop-interop-XXXXXX";
static char ca_path[64], cert_path[64], key_path[64];

static void put_file(char *path, size_t cap, const char *name, const char *text)
{
	FILE *f;

	snprintf(path, cap, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	tls_setup(state);
	assert_non_null(mkdtemp(dir));
	put_file(ca_path, sizeof(ca_path), "ca.pem", pki_get()->ca.pem);
	put_file(cert_path, sizeof(cert_path), "cert.pem", pki_get()->server.pem);
	put_file(key_path, sizeof(key_path), "key.pem", pki_get()->server.key);
	return 0;
}

static int teardown(void **state)
{
	unlink(ca_path);
	unlink(cert_path);
	unlink(key_path);
	rmdir(dir);
	return tls_teardown(state);
}

/* A program with pipes at its standard input and output. */
struct program {
	pid_t pid;
	int in, out;
};

static void program_start(struct program *p, const char *const *argv)
{
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a test that failed */
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	p->out = out[0];
}

static void program_stop(struct program *p)
{
	close(p->in);
	close(p->out);
	kill(p->pid, SIGKILL);
	assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
}

static void wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	if (poll(&p, 1, PATIENCE_MS) != 1)
		fail_msg("nothing came in %d ms", PATIENCE_MS);
}

/* Reads until the text ends in `what`. */
static void read_until(int fd, char *text, size_t cap, const char *what)
{
	size_t n = 0;
	ssize_t got;

	text[0] = '\0';
	while (strstr(text, what) == NULL || text[n - 1] != '\n') {
		assert_true(n < cap - 1);
		wait_for(fd, POLLIN);
		got = read(fd, text + n, 1);
		if (got <= 0)
			fail_msg("ended with \"%s\"", text);
		n += (size_t)got;
		text[n] = '\0';
	}
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void wait_tls(const struct tls *t, int fd)
{
	wait_for(fd, tls_wants(t) == EV_READ ? POLLIN : POLLOUT);
}

static void shake_here(struct tls *t, int fd)
{
	int rc;

	while ((rc = tls_handshake(t)) == ERR_AGAIN)
		wait_tls(t, fd);
	if (rc != 0)
		fail_msg("%s", tls_reason(t));
}

static void read_here(struct tls *t, int fd, char *text, size_t n)
{
	size_t all = 0;
	ssize_t got;

	while (all < n) {
		got = tls_read(t, text + all, n - all);
		if (got == ERR_AGAIN)
			wait_tls(t, fd);
		else if (got <= 0)
			fail_msg("%zd: %s", got, tls_reason(t));
		else
			all += (size_t)got;
	}
	text[n] = '\0';
}

static int dial(int port)
{
	struct sockaddr_in to = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* It answers each line reversed. */
static void talk_to_server(int port, struct tls_ctx *ctx, const char *version, bool resumed)
{
	int fd = dial(port);
	struct tls *t = tls_new(ctx, fd, "example.org");
	struct tls_info info;
	char text[64];

	shake_here(t, fd);
	tls_describe(t, &info);
	assert_string_equal(info.version, version);
	assert_true(span_eq(info.alpn, SPAN("echo")));
	assert_int_equal(info.resumed, resumed);
	tls_pair_write(t, "hello\n", 6);
	read_here(t, fd, text, 6);
	assert_string_equal(text, "olleh\n");
	assert_int_equal(tls_shut(t), 0);
	tls_free(&t);
	close(fd);
}

static void against_server(const char *flag, const char *version)
{
	const char *argv[] = {"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", cert_path,
		"-key", key_path, "-alpn", "echo", "-rev", flag, NULL};
	struct tls_config config = pki_client(&pki_get()->ca);
	struct tls_ctx *ctx;
	struct program server;
	char text[4096];

	config.alpn = SPAN("other,echo");
	ctx = pki_ctx(config);
	program_start(&server, argv);
	read_until(server.out, text, sizeof(text), "ACCEPT ");
	talk_to_server(atoi(strrchr(text, ':') + 1), ctx, version, false);
	talk_to_server(atoi(strrchr(text, ':') + 1), ctx, version, true);
	program_stop(&server);
	tls_ctx_unref(&ctx);
}

static void test_s_server(void **state)
{
	against_server("-tls1_2", "TLSv1.2");
	against_server("-tls1_3", "TLSv1.3");
}

static int listen_here(int *port_r)
{
	struct sockaddr_in at = loopback(0);
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	*port_r = ntohs(at.sin_port);
	return fd;
}

static void serve_client(int fd, struct tls_ctx *ctx, struct program *client, const char *version)
{
	struct tls *t = tls_new(ctx, fd, NULL);
	struct tls_info info;
	char text[64];

	shake_here(t, fd);
	tls_describe(t, &info);
	assert_string_equal(info.version, version);
	assert_string_equal(info.name, "example.org");
	assert_true(span_eq(info.alpn, SPAN("echo")));
	assert_int_equal(write(client->in, "hello\n", 6), 6);
	read_here(t, fd, text, 6);
	assert_string_equal(text, "hello\n");
	tls_pair_write(t, "answer\n", 7);
	read_until(client->out, text, sizeof(text), "answer");
	assert_int_equal(tls_shut(t), 0);
	tls_free(&t);
}

static void against_client(const char *flag, const char *version)
{
	char address[32];
	const char *argv[] = {"openssl", "s_client", "-connect", address, "-CAfile", ca_path,
		"-verify_return_error", "-verify_hostname", "example.org", "-servername",
		"example.org", "-alpn", "echo", "-quiet", "-no_ign_eof", flag, NULL};
	struct tls_config config = pki_server(&pki_get()->server);
	struct tls_ctx *ctx;
	struct program client;
	int port, listening, fd;

	config.alpn = SPAN("other,echo");
	ctx = pki_ctx(config);
	listening = listen_here(&port);
	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	program_start(&client, argv);
	wait_for(listening, POLLIN);
	fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fd >= 0);
	serve_client(fd, ctx, &client, version);
	program_stop(&client);
	close(fd);
	close(listening);
	tls_ctx_unref(&ctx);
}

static void test_s_client(void **state)
{
	against_client("-tls1_2", "TLSv1.2");
	against_client("-tls1_3", "TLSv1.3");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ZERO_TEST(test_s_server),
		ZERO_TEST(test_s_client),
	};

	return cmocka_run_group_tests_name("tls interop", tests, setup, teardown);
}
