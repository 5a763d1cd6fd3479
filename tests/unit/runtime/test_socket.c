#include "socket_rig.h"

static int try(struct socket *s, struct task *t, const struct socket_ask *a, struct span *out)
{
	clock_update();
	return socket_read(s, task_id(t), a, out);
}

/* Every answer comes out the same, wherever the bytes are cut. */
static void test_cut_anywhere(void **state)
{
	static const char stream[] = "one\r\ntwo\n\nhead--\r-\r\n--body--end";
	const size_t n = sizeof(stream) - 1;
	struct socket_ask until = {.what = SOCKET_UNTIL, .n = 100, .delimiter = SPAN("\r\n--")};
	struct task *t = new_task();

	for (size_t cut = 0; cut <= n; cut++) {
		struct ends e = new_pair();

		put(e.a, stream, cut);
		struct span early;
		struct socket_ask line = ASK_LINE(100);
		int rc = try(e.b, t, &line, &early); /* what is there is looked at */

		if (rc == 0) {
			assert_int_equal(early.n, 3);
			assert_memory_equal(early.p, "one", 3);
			socket_trim(e.b);
		}
		put(e.a, stream + cut, n - cut);
		if (rc != 0)
			assert_reads(e.b, t, line, "one");
		assert_reads(e.b, t, line, "two");
		assert_reads(e.b, t, line, "");
		assert_reads(e.b, t, until, "head--\r-");
		assert_reads(e.b, t, ASK_EXACT(4), "body");
		assert_reads(e.b, t, ASK_EXACT(5), "--end");
		close_pair(e);
	}
}

static void test_byte_by_byte(void **state)
{
	static const char stream[] = "first\r\nab--ab---rest";
	struct socket_ask until = {
		.what = SOCKET_UNTIL, .n = 100, .delimiter = SPAN("---"), .keep = true};
	struct socket_ask asks[] = {ASK_LINE(100), until, ASK_EXACT(4)};
	const char *answers[] = {"first", "ab--ab---", "rest"};
	struct task *t = new_task();
	struct ends e = new_pair();
	size_t at = 0;
	struct span got;

	assert_int_equal(try(e.b, t, &asks[0], &got), ERR_AGAIN);
	for (size_t i = 0; i < sizeof(stream) - 1; i++) {
		put(e.a, stream + i, 1);
		wait_awake(t);
		asks[at].again = true;
		if (try(e.b, t, &asks[at], &got) == ERR_AGAIN)
			continue;
		assert_int_equal(got.n, strlen(answers[at]));
		assert_memory_equal(got.p, answers[at++], got.n);
		socket_trim(e.b);
		if (at < ARRAY_LEN(asks))
			assert_int_equal(try(e.b, t, &asks[at], &got), ERR_AGAIN);
	}
	assert_int_equal(at, 3);
	close_pair(e);
}

static void test_limits(void **state)
{
	struct socket_ask until = {.what = SOCKET_UNTIL, .n = 4, .delimiter = SPAN("--")};
	struct task *t = new_task();
	struct ends e = new_pair();
	struct span got;

	put_text(e.a, "12345\n678--9--");
	assert_int_equal(ask(e.b, t, ASK_LINE(5), &got), ERR_TOO_LARGE);
	assert_int_equal(ask(e.b, t, ASK_LINE(5), &got), ERR_TOO_LARGE);
	assert_reads(e.b, t, ASK_LINE(6), "12345");
	assert_int_equal(ask(e.b, t, until, &got), ERR_TOO_LARGE);
	until.n = 5;
	assert_reads(e.b, t, until, "678");
	assert_int_equal(ask(e.b, t, ASK_ALL(2), &got), ERR_TOO_LARGE);
	assert_reads(e.b, t, ASK_SOME, "9--");
	assert_reads(e.b, t, ASK_EXACT(0), "");
	close_pair(e);
}

static void test_end(void **state)
{
	struct task *t = new_task();
	struct ends e = new_pair();
	struct span got;

	put_text(e.a, "whole\npart");
	assert_int_equal(socket_shutdown(e.a, 0), 0);
	assert_reads(e.b, t, ASK_LINE(100), "whole");
	assert_int_equal(ask(e.b, t, ASK_LINE(100), &got), ERR_CLOSED);
	assert_int_equal(ask(e.b, t, ASK_EXACT(5), &got), ERR_CLOSED);
	assert_reads(e.b, t, ASK_EXACT(2), "pa");
	assert_reads(e.b, t, ASK_ALL(100), "rt");
	assert_reads(e.b, t, ASK_ALL(100), "");
	assert_int_equal(ask(e.b, t, ASK_SOME, &got), ERR_CLOSED);
	assert_false(socket_is_open(e.b));
	put_text(e.b, "back"); /* the other way is open */
	assert_reads(e.a, t, ASK_EXACT(4), "back");
	assert_int_equal(socket_write(e.a, 0, &(struct iovec){(char *)"x", 1}, 1), ERR_CLOSED);
	close_pair(e);
}

static void test_large(void **state)
{
	const size_t n = 1 << 20;
	char *bytes = mem_alloc(n);
	struct task *t = new_task(), *w = new_task();
	struct ends e = new_pair();
	struct socket_ask all = ASK_EXACT(n);
	size_t sent = 0;
	struct span got;
	int rc = ERR_AGAIN;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	while (rc == ERR_AGAIN) {
		ssize_t taken = 0;

		while (sent < n && taken >= 0) {
			clock_update();
			taken = socket_write(
				e.a, task_id(w), &(struct iovec){bytes + sent, n - sent}, 1);
			if (taken > 0)
				sent += (size_t)taken;
		}
		assert_true(taken >= 0 || taken == ERR_AGAIN);
		rc = try(e.b, t, &all, &got);
		all.again = true;
		ev_run(loop.ev, EVRUN_NOWAIT);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(sent, n);
	assert_int_equal(got.n, n);
	assert_memory_equal(got.p, bytes, n);
	socket_trim(e.b);
	mem_free(bytes);
	close_pair(e);
}

/* The writer is woken when there is room again. */
static void test_back_pressure(void **state)
{
	static char block[65536];
	struct task *w = new_task(), *t = new_task();
	struct ends e = new_pair();
	struct span got;
	ssize_t n = 0;

	while (n >= 0) {
		clock_update();
		n = socket_write(e.a, task_id(w), &(struct iovec){block, sizeof(block)}, 1);
		if (n == ERR_AGAIN && w->state == TASK_RUNNABLE) { /* only out of turns */
			park(w);
			n = 0;
		}
	}
	assert_int_equal(n, ERR_AGAIN);
	clock_update();
	assert_int_equal(socket_write(e.a, 12345, &(struct iovec){block, 1}, 1), ERR_BUSY);
	assert_int_equal(w->state, TASK_WAITING);
	for (int i = 0; i < 40 && w->state == TASK_WAITING; i++) {
		assert_int_equal(ask(e.b, t, ASK_SOME, &got), 0);
		socket_trim(e.b);
		ev_run(loop.ev, EVRUN_NOWAIT);
	}
	assert_int_equal(w->state, TASK_RUNNABLE);
	close_pair(e);
}

static void test_one_reader(void **state)
{
	struct task *a = new_task(), *b = new_task();
	struct ends e = new_pair();
	struct socket_ask some = ASK_SOME;
	struct span got;

	assert_int_equal(try(e.b, a, &some, &got), ERR_AGAIN);
	assert_int_equal(try(e.b, b, &some, &got), ERR_BUSY);
	socket_leave(e.b, SOCKET_READER, task_id(b)); /* it is not on it */
	assert_int_equal(try(e.b, b, &some, &got), ERR_BUSY);
	socket_leave(e.b, SOCKET_READER, task_id(a));
	assert_int_equal(try(e.b, b, &some, &got), ERR_AGAIN);
	put_text(e.a, "x");
	wait_awake(b);
	assert_int_equal(a->state, TASK_WAITING);             /* who left is not woken */
	assert_int_equal(try(e.b, a, &some, &got), ERR_BUSY); /* b has not asked again */
	assert_reads(e.b, b, some, "x");
	assert_int_equal(try(e.b, a, &some, &got), ERR_AGAIN);
	sched_drop(a); /* a dead task is on nothing */
	assert_int_equal(try(e.b, b, &some, &got), ERR_AGAIN);
	close_pair(e);
}

static void test_closed_while_waiting(void **state)
{
	struct task *t = new_task();
	struct ends e = new_pair();
	struct socket_ask some = ASK_SOME;
	struct span got;
	double ids[2];

	assert_int_equal(try(e.b, t, &some, &got), ERR_AGAIN);
	close_pair(e);
	assert_int_equal(t->state, TASK_RUNNABLE);
	park(t);
	assert_int_equal(socket_pair(ids), 0); /* the ids before are nobody's */
	e = (struct ends){socket_find(ids[0]), socket_find(ids[1])};
	assert_non_null(e.a);
	close_pair(e);
	assert_null(socket_find(ids[0]));
}

/* A peer as fast as memory does not keep the task running for ever. */
static void test_turns(void **state)
{
	struct task *t = new_task();
	struct ends e = new_pair();
	struct socket_ask one = ASK_EXACT(1);
	struct span got;
	int rc = 0, n = 0;

	for (int i = 0; i < 50; i++)
		put_text(e.a, "x");
	clock_update();
	while (rc == 0 && n < 50) {
		rc = socket_read(e.b, task_id(t), &one, &got);
		n++;
	}
	assert_int_equal(rc, ERR_AGAIN);
	assert_int_equal(t->state, TASK_RUNNABLE);
	park(t);
	assert_int_equal(socket_read(e.b, task_id(t), &one, &got), 0);
	close_pair(e);
}

static void test_idle(void **state)
{
	struct task *t = new_task();
	struct ends e = new_pair();

	assert_true(socket_is_idle(e.b, true));
	put_text(e.a, "xy");
	assert_true(socket_is_idle(e.b, false)); /* nobody looked */
	assert_false(socket_is_idle(e.b, true));
	assert_reads(e.b, t, ASK_EXACT(1), "x"); /* what was seen is not lost */
	assert_false(socket_is_idle(e.b, false));
	assert_reads(e.b, t, ASK_SOME, "y");
	assert_true(socket_is_idle(e.b, true));
	socket_close(e.a);
	assert_false(socket_is_idle(e.b, true));
	assert_false(socket_is_open(e.b));
	socket_close(e.b);
}

static bool is_gone(void *arg)
{
	return socket_find(*(double *)arg) == NULL;
}

static void test_expiry(void **state)
{
	double ids[2];

	assert_int_equal(socket_pair(ids), 0);
	clock_update();
	socket_expire(socket_find(ids[0]), clock_now_us() + 1000);
	socket_expire(socket_find(ids[1]), clock_now_us() + 1000);
	socket_expire(socket_find(ids[1]), 0);
	run_until(is_gone, &ids[0]);
	assert_non_null(socket_find(ids[1]));
	socket_close(socket_find(ids[1]));
}

static void test_lent_scratch(void **state)
{
	struct task *t = new_task();
	struct ends e = new_pair(), f = new_pair();
	struct socket_ask some = ASK_SOME;
	struct span first, second;

	put_text(e.a, "first");
	put_text(f.a, "other");
	assert_int_equal(ask(e.b, t, some, &first), 0);
	assert_int_equal(ask(f.b, t, some, &second), 0); /* before the first was copied */
	assert_memory_equal(first.p, "first", 5);
	assert_memory_equal(second.p, "other", 5);
	socket_trim(f.b);
	socket_trim(e.b);
	close_pair(e);
	close_pair(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SOCKET_TEST(test_cut_anywhere),
		SOCKET_TEST(test_byte_by_byte),
		SOCKET_TEST(test_limits),
		SOCKET_TEST(test_end),
		SOCKET_TEST(test_large),
		SOCKET_TEST(test_back_pressure),
		SOCKET_TEST(test_one_reader),
		SOCKET_TEST(test_closed_while_waiting),
		SOCKET_TEST(test_turns),
		SOCKET_TEST(test_idle),
		SOCKET_TEST(test_expiry),
		SOCKET_TEST(test_lent_scratch),
	};

	return cmocka_run_group_tests_name("socket", tests, NULL, NULL);
}
