#ifndef TESTS_UNIT_RUNTIME_JOBS_RIG_H
#define TESTS_UNIT_RUNTIME_JOBS_RIG_H

/*
 * A loop, a directory and a Lua state that encodes and decodes, for test_job*.c. Each test sets up
 * the pool that it wants; its teardown proves that nothing of it is left.
 *
 * A thread is kept busy by a Lua job that opens a FIFO: it is known to run when the FIFO can be
 * opened for writing, and goes on when that is closed. Every wait ends after PATIENCE_US.
 */

#include "../base/check.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "runtime/jobs.h"
#include "runtime/sched.h"
#include "runtime/vm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <sys/stat.h>

#define PATIENCE_US (20 * CLOCK_SECOND)

static struct loop loop;
static lua_State *host; /* encodes and decodes */
static char dir[64];

static inline void pool_setup(unsigned threads, unsigned queue_max)
{
	jobs_setup(&loop, &(struct jobs_config){.threads = threads, .queue_max = queue_max});
}

static inline const char *path_of(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, 128, "%s/%s", dir, name);
	return path;
}

static inline int setup(void **state)
{
	vm_set_paths(&(struct vm_paths){"", "lua/?.lua;lua/?/init.lua", ""});
	host = vm_new();
	snprintf(dir, sizeof(dir), "/tmp/jobs.XXXXXX");
	assert_non_null(mkdtemp(dir));
	zero_setup(state);
	loop_init(&loop);
	return 0;
}

static inline void remove_all(const char *where)
{
	DIR *d = opendir(where);
	struct dirent *entry;

	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		char *path = mem_printf("%s/%s", where, entry->d_name);

		if (entry->d_type == DT_DIR)
			remove_all(path);
		else
			unlink(path);
		mem_free(path);
	}
	closedir(d);
	assert_int_equal(rmdir(where), 0);
}

static inline int teardown(void **state)
{
	assert_true(jobs_teardown(PATIENCE_US));
	assert_int_equal(jobs_live(), 0);
	loop_fini(&loop);
	zero_teardown(state);
	remove_all(dir);
	vm_free(&host);
	return 0;
}

#define JOBS_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* Runs the loop until `done` says so, or fails after a while. */
struct waiter {
	struct deadline tick;
	bool (*done)(void *arg);
	void *arg;
	uint64_t until_us;
};

static inline void on_tick(struct deadline *d)
{
	struct waiter *w = container_of(d, struct waiter, tick);

	if (w->done(w->arg) || clock_now_us() >= w->until_us)
		loop_stop(&loop);
	else
		deadline_set(&loop.deadlines, d, clock_now_us() + 500);
}

static inline void run_until(bool (*done)(void *arg), void *arg)
{
	struct waiter w = {.done = done, .arg = arg};

	clock_update();
	w.until_us = clock_now_us() + PATIENCE_US;
	deadline_init(&w.tick, on_tick);
	deadline_set(&loop.deadlines, &w.tick, clock_now_us() + 1);
	loop_run(&loop);
	deadline_remove(&loop.deadlines, &w.tick);
	assert_true(done(arg));
}

/* A job's answer, asked for until it is there and then no more: a descriptor is given once. */
struct answer {
	double id;
	int rc;
	const char *out;
	size_t n;
};

static inline bool is_answered(void *arg)
{
	struct answer *a = arg;

	if (a->rc == ERR_AGAIN)
		a->rc = jobs_result(a->id, &a->out, &a->n);
	return a->rc != ERR_AGAIN;
}

static inline struct answer wait_for(double id)
{
	struct answer a = {.id = id, .rc = ERR_AGAIN};

	assert_true(id > 0);
	run_until(is_answered, &a);
	return a;
}

static inline bool is_zero_live(void *arg)
{
	return jobs_live() == 0;
}

/* Waits for the job, frees it; its result, and its output in *out if that is wanted. */
static inline int finish(double id, struct buf *out)
{
	struct answer a = wait_for(id);

	if (out) {
		buf_clear(out);
		buf_append(out, a.out, a.n);
	}
	jobs_free(id);
	assert_int_equal(jobs_result(id, &a.out, &a.n), ERR_GONE);
	return a.rc;
}

static inline double submit(enum job_kind kind, struct span in)
{
	return jobs_submit(kind, in.p, in.n, 0);
}

/* "a NUL b" */
static inline double submit_pair(enum job_kind kind, const char *a, struct span b)
{
	struct buf in = {0};
	double id;

	buf_append(&in, a, strlen(a) + 1);
	buf_append(&in, b.p, b.n);
	id = submit(kind, buf_span(&in));
	buf_fini(&in);
	return id;
}

static inline void host_call(const char *chunk, int nargs)
{
	if (luaL_loadstring(host, chunk) != 0)
		fail_msg("%s", lua_tostring(host, -1));
	lua_insert(host, -1 - nargs);
	if (!vm_call(host, nargs, 1))
		fail_msg("%s", lua_tostring(host, -1));
}

static inline double submit_call(
	double task, const char *chunk, const char *arg, enum job_priority priority, bool tells)
{
	struct span in;
	double id;

	lua_pushstring(host, chunk);
	lua_pushstring(host, arg);
	host_call("local chunk, arg = ... "
		  "return assert(require('moonloop.core.marshal').encode("
		  "{fn = assert(loadstring(chunk, '=chunk')), n = 1, arg}, 'argument'))",
		2);
	in.p = lua_tolstring(host, -1, &in.n);
	id = jobs_submit_lua(in, task, priority, tells);
	lua_pop(host, 1);
	return id;
}

/* The chunk is called in a thread with one argument. */
static inline double submit_lua_as(
	const char *chunk, const char *arg, enum job_priority priority, bool tells)
{
	return submit_call(0, chunk, arg, priority, tells);
}

static inline double submit_lua_for(double task, const char *chunk, const char *arg)
{
	return submit_call(task, chunk, arg, JOB_NORMAL, false);
}

static inline double submit_lua(const char *chunk, const char *arg)
{
	return submit_call(0, chunk, arg, JOB_NORMAL, false);
}

/* The first result, or the message of the error, as a string. */
static inline void assert_answer(struct buf *out, const char *expected)
{
	lua_pushlstring(host, out->p, out->n);
	host_call("local a = require('moonloop.core.marshal').decode((...)) "
		  "return tostring(a.message or a[1])",
		1);
	assert_string_equal(lua_tostring(host, -1), expected);
	lua_pop(host, 1);
}

static inline double submit_busy(const char *fifo)
{
	assert_int_equal(mkfifo(fifo, 0600), 0);
	return submit_lua(
		"local f = assert(io.open((...))) f:read('*a') f:close() return 'freed'", fifo);
}

/* As submit_busy, but in a C function that goes on when a signal comes. */
static inline double submit_stuck(const char *fifo)
{
	assert_int_equal(mkfifo(fifo, 0600), 0);
	return submit_lua("os.execute('cat < ' .. (...)) return 'freed'", fifo);
}

/* Until the thread is there; the descriptor holds it. */
static inline int hold_busy(const char *fifo)
{
	for (int i = 0; i < 20000; i++) {
		int fd = open(fifo, O_WRONLY | O_NONBLOCK);

		if (fd >= 0)
			return fd;
		assert_int_equal(errno, ENXIO);
		usleep(1000);
	}
	fail_msg("no thread opens %s", fifo);
	return -1;
}

static inline void put_file(const char *path, struct span bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	close(fd);
}

#endif
