#ifndef TESTS_UNIT_RUNTIME_SOCKET_RIG_H
#define TESTS_UNIT_RUNTIME_SOCKET_RIG_H

/*
 * Sockets, a loop, and tasks that never run: a task is made waiting, and a test sees whether it
 * was woken. Each test ends by proving that no socket, no descriptor and no byte is left.
 */
#include "jobs_rig.h"

#include "runtime/sched_int.h"
#include "runtime/socket.h"

#include <sys/resource.h>
#include <sys/socket.h>

static unsigned fds_before;

static inline unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static struct generation *generation;

static inline void no_done(struct task *t, bool failed)
{
}

static inline int socket_rig_setup(void **state)
{
	setup(state);
	sched_setup(&loop, no_done);
	generation = generation_new();
	loop_set_runner(&loop, NULL, NULL);
	socket_setup(&loop);
	fds_before = count_fds();
	return 0;
}

static inline int socket_rig_teardown(void **state)
{
	assert_int_equal(socket_live(), 0);
	assert_int_equal(count_fds(), fds_before);
	generation_drop_tasks(generation);
	generation_free(&generation);
	sched_teardown();
	socket_teardown();
	return teardown(state);
}

#define SOCKET_TEST(fn) cmocka_unit_test_setup_teardown(fn, socket_rig_setup, socket_rig_teardown)

/* As the scheduler does when a task yields. */
static inline struct task *park(struct task *t)
{
	list_del(&t->run_link);
	t->state = TASK_WAITING;
	return t;
}

static inline struct task *new_task(void)
{
	return park(task_new(generation, TASK_SPAWNED, 0));
}

static inline bool is_awake(void *arg)
{
	return ((struct task *)arg)->state == TASK_RUNNABLE;
}

static inline void wait_awake(struct task *t)
{
	run_until(is_awake, t);
	park(t);
}

struct ends {
	struct socket *a, *b;
};

static inline struct ends new_pair(void)
{
	double ids[2];

	assert_int_equal(socket_pair(ids), 0);
	return (struct ends){socket_find(ids[0]), socket_find(ids[1])};
}

static inline void close_pair(struct ends e)
{
	socket_close(e.a);
	socket_close(e.b);
}

static inline void put(struct socket *s, const char *bytes, size_t n)
{
	struct iovec iov = {(char *)bytes, n};

	clock_update();
	assert_int_equal(socket_write(s, 0, &iov, 1), n);
}

static inline void put_text(struct socket *s, const char *text)
{
	put(s, text, strlen(text));
}

/* Asks until there is an answer; the loop runs in between. */
static inline int ask(struct socket *s, struct task *t, struct socket_ask a, struct span *out)
{
	for (;;) {
		int rc;

		clock_update();
		rc = socket_read(s, task_id(t), &a, out);
		if (rc != ERR_AGAIN)
			return rc;
		a.again = true;
		wait_awake(t);
	}
}

#define ASK_LINE(max)                                                                              \
	(struct socket_ask)                                                                        \
	{                                                                                          \
		.what = SOCKET_LINE, .n = (max)                                                    \
	}
#define ASK_EXACT(bytes)                                                                           \
	(struct socket_ask)                                                                        \
	{                                                                                          \
		.what = SOCKET_EXACT, .n = (bytes)                                                 \
	}
#define ASK_SOME                                                                                   \
	(struct socket_ask)                                                                        \
	{                                                                                          \
		.what = SOCKET_SOME                                                                \
	}
#define ASK_ALL(max)                                                                               \
	(struct socket_ask)                                                                        \
	{                                                                                          \
		.what = SOCKET_ALL, .n = (max)                                                     \
	}

static inline void assert_reads(
	struct socket *s, struct task *t, struct socket_ask a, const char *text)
{
	struct span got;

	assert_int_equal(ask(s, t, a, &got), 0);
	assert_int_equal(got.n, strlen(text));
	assert_memory_equal(got.p, text, got.n);
	socket_trim(s);
}

#endif
