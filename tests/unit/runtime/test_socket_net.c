#include "socket_rig.h"

static double dial(const char *address)
{
	clock_update();
	return socket_dial(span_of(address), SPAN(""));
}

static int finish_dial(struct socket *s, struct task *t)
{
	int rc;

	for (;;) {
		clock_update();
		rc = socket_dialed(s, task_id(t));
		if (rc != ERR_AGAIN)
			return rc;
		wait_awake(t);
	}
}

static struct socket *listen_at(const char *address)
{
	const struct socket_listen how = {.backlog = 5, .mode = 0640};
	double id = socket_listen(span_of(address), &how);

	if (id < 0)
		fail_msg("%s: %s", address, socket_why());
	return socket_find(id);
}

static struct socket *accept_from(struct socket *ln, struct task *t)
{
	double id;

	for (;;) {
		clock_update();
		id = socket_accept(ln, task_id(t));
		if (id != ERR_AGAIN)
			break;
		wait_awake(t);
	}
	assert_true(id > 0);
	return socket_find(id);
}

static void test_tcp(void **state)
{
	static const char *const addresses[] = {"127.0.0.1:0", "[::1]:0", "localhost:0"};
	struct task *t = new_task();

	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		struct socket *ln = listen_at(addresses[i]), *c, *s;
		char name[128], own[128];
		double id;

		snprintf(name, sizeof(name), "%s", socket_name(ln, false));
		id = dial(name);
		assert_true(id > 0);
		c = socket_find(id);
		assert_int_equal(finish_dial(c, t), 0);
		assert_int_equal(finish_dial(c, t), 0);
		s = accept_from(ln, t);
		assert_string_equal(socket_name(c, true), name);
		snprintf(own, sizeof(own), "%s", socket_name(c, false));
		assert_string_equal(socket_name(s, true), own);
		assert_int_equal(socket_set(c, SOCKET_NODELAY, 0), 0);
		assert_int_equal(socket_set(c, SOCKET_KEEPALIVE, 30), 0);
		put_text(c, "hello\n");
		assert_reads(s, t, ASK_LINE(100), "hello");
		socket_close(c);
		socket_close(s);
		socket_close(ln);
	}
}

static void test_dial_fails(void **state)
{
	struct task *t = new_task();
	struct socket *ln = listen_at("127.0.0.1:0");
	char name[128];
	double id;

	snprintf(name, sizeof(name), "%s", socket_name(ln, false));
	socket_close(ln);
	id = dial(name);
	if (id > 0) {
		assert_int_equal(finish_dial(socket_find(id), t), ERR_REFUSED);
		socket_close(socket_find(id));
	} else {
		assert_int_equal(id, ERR_REFUSED);
	}
	assert_string_not_equal(socket_why(), "");
	assert_int_equal(dial("unix:/nowhere/at/all"), ERR_NOT_FOUND);
	assert_int_equal(dial("no.name:80"), ERR_NOT_FOUND);
	assert_int_equal(dial("127.0.0.1"), ERR_INVALID);
	assert_int_equal(dial("1.2.3:80"), ERR_INVALID);
	assert_int_equal(socket_dial((struct span){"a\0b:1", 5}, SPAN("")), ERR_INVALID);
	assert_int_equal(socket_dial(SPAN("127.0.0.1:1"), SPAN("[::1]:0")), ERR_INVALID);
	assert_int_equal(socket_dial(SPAN("127.0.0.1:1"), SPAN("192.0.2.1:0")), ERR_IO);
}

static void test_in_use(void **state)
{
	const struct socket_listen shared = {.backlog = 5, .reuse_port = true},
				   alone = {.backlog = 5};
	char name[128];
	double a, b;

	a = socket_listen(SPAN("127.0.0.1:0"), &shared);
	snprintf(name, sizeof(name), "%s", socket_name(socket_find(a), false));
	b = socket_listen(span_of(name), &shared);
	assert_true(b > 0);
	assert_int_equal(socket_listen(span_of(name), &alone), ERR_IN_USE);
	assert_non_null(strstr(socket_why(), name));
	socket_close(socket_find(a));
	socket_close(socket_find(b));
}

static void test_unix(void **state)
{
	struct task *t = new_task();
	char address[128];
	struct socket *first, *second, *c, *s;
	struct stat st;

	snprintf(address, sizeof(address), "unix:%s", path_of("s"));
	first = listen_at(address);
	assert_int_equal(stat(path_of("s"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	second = listen_at(address); /* takes the place of the first */
	socket_close(first);
	assert_int_equal(stat(path_of("s"), &st), 0); /* which leaves its successor's file alone */
	c = socket_find(dial(address));
	assert_non_null(c);
	assert_int_equal(finish_dial(c, t), 0);
	s = accept_from(second, t);
	assert_string_equal(socket_name(s, true), "unix:");
	put_text(s, "x");
	assert_reads(c, t, ASK_SOME, "x");
	socket_close(c);
	socket_close(s);
	socket_close(second);
	assert_int_equal(stat(path_of("s"), &st), -1);

	put_file(path_of("s"), SPAN("data"));
	assert_int_equal(
		socket_listen(span_of(address), &(struct socket_listen){.backlog = 1}), ERR_EXISTS);
	assert_int_equal(stat(path_of("s"), &st), 0);
}

static void test_abstract(void **state)
{
	struct task *t = new_task();
	char address[64];
	struct socket *ln, *c, *s;

	snprintf(address, sizeof(address), "unix:@moonloop-test-%d", getpid());
	ln = listen_at(address);
	assert_string_equal(socket_name(ln, false), address);
	c = socket_find(dial(address));
	assert_non_null(c);
	assert_int_equal(finish_dial(c, t), 0);
	s = accept_from(ln, t);
	assert_int_equal(
		socket_listen(span_of(address), &(struct socket_listen){.backlog = 1}), ERR_IN_USE);
	socket_close(c);
	socket_close(s);
	socket_close(ln);
}

/* Without descriptors the listener says so, and takes the connection when there is one again. */
static void test_no_descriptors(void **state)
{
	struct task *t = new_task();
	struct socket *ln = listen_at("127.0.0.1:0"), *c, *s;
	struct rlimit old, low;
	int fd;

	c = socket_find(dial(socket_name(ln, false)));
	assert_int_equal(finish_dial(c, t), 0);
	getrlimit(RLIMIT_NOFILE, &old);
	fd = dup(0);
	close(fd);
	low = (struct rlimit){(rlim_t)fd, old.rlim_max};
	setrlimit(RLIMIT_NOFILE, &low);
	clock_update();
	assert_int_equal(socket_accept(ln, task_id(t)), ERR_QUEUE_FULL);
	clock_update();
	assert_int_equal(socket_accept(ln, task_id(t)), ERR_QUEUE_FULL);
	assert_int_equal(dial("127.0.0.1:1"), ERR_QUEUE_FULL);
	setrlimit(RLIMIT_NOFILE, &old);
	s = accept_from(ln, t);
	socket_close(s);
	socket_close(c);
	socket_close(ln);
}

static void test_reset(void **state)
{
	struct task *t = new_task();
	struct socket *ln = listen_at("127.0.0.1:0"), *c, *s;
	struct span got;

	c = socket_find(dial(socket_name(ln, false)));
	assert_int_equal(finish_dial(c, t), 0);
	s = accept_from(ln, t);
	put_text(c, "unread");
	put_text(s, "early");
	assert_reads(c, t, ASK_EXACT(4), "earl");
	socket_close(s); /* with bytes that nobody read: RST */
	assert_reads(c, t, ASK_SOME, "y");
	assert_int_equal(ask(c, t, ASK_LINE(10), &got), ERR_RESET);
	assert_int_equal(ask(c, t, ASK_LINE(10), &got), ERR_RESET);
	assert_false(socket_is_open(c));
	socket_close(c);
	socket_close(ln);
}

static void test_udp(void **state)
{
	struct task *t = new_task();
	double a = socket_udp(SPAN("127.0.0.1:0"), SPAN(""), true),
	       b = socket_udp(SPAN(""), SPAN(""), true);
	struct socket *server = socket_find(a), *any = socket_find(b);
	static char large[65000];
	const char *from;
	char name[128];
	struct span got;
	int rc;

	assert_non_null(server);
	assert_non_null(any);
	clock_update();
	assert_int_equal(socket_receive(server, task_id(t), &got, &from), ERR_AGAIN);
	snprintf(name, sizeof(name), "%s", socket_name(server, false));
	assert_int_equal(socket_send(any, 0, SPAN("one"), span_of(name)), 0);
	assert_int_equal(socket_send(any, 0, SPAN(""), span_of(name)), 0);
	assert_int_equal(
		socket_send(any, 0, (struct span){large, sizeof(large)}, span_of(name)), 0);
	wait_awake(t);
	clock_update();
	assert_int_equal(socket_receive(server, task_id(t), &got, &from), 0);
	assert_int_equal(got.n, 3);
	assert_memory_equal(got.p, "one", 3);
	assert_memory_equal(from, "127.0.0.1:", 10);
	assert_int_equal(socket_receive(server, task_id(t), &got, &from), 0);
	assert_int_equal(got.n, 0);
	assert_int_equal(socket_receive(server, task_id(t), &got, &from), 0);
	assert_int_equal(got.n, sizeof(large));
	rc = socket_send(any, 0, (struct span){large, 65536}, span_of(name));
	assert_true(rc == ERR_TOO_LARGE || rc == ERR_INVALID);
	assert_int_equal(socket_send(any, 0, SPAN("x"), SPAN("nowhere:1")), ERR_NOT_FOUND);
	assert_int_equal(socket_read(any, 0, &ASK_SOME, &got), ERR_STATE);
	socket_close(server);
	socket_close(any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SOCKET_TEST(test_tcp),
		SOCKET_TEST(test_dial_fails),
		SOCKET_TEST(test_in_use),
		SOCKET_TEST(test_unix),
		SOCKET_TEST(test_abstract),
		SOCKET_TEST(test_no_descriptors),
		SOCKET_TEST(test_reset),
		SOCKET_TEST(test_udp),
	};

	return cmocka_run_group_tests_name("socket_net", tests, NULL, NULL);
}
