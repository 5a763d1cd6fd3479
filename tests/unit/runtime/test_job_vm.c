#include "jobs_rig.h"

#include <signal.h>

static void test_lua(void **state)
{
	struct buf out = {0};

	pool_setup(1, 8);
	assert_int_equal(finish(submit_lua("return (...):upper()", "abc"), &out), 0);
	assert_answer(&out, "ABC");
	assert_int_equal(finish(submit_lua("error('broken')", ""), &out), 1);
	assert_answer(&out, "chunk:1: broken");
	assert_int_equal(finish(submit_lua("kept = ...", "yes"), &out), 0);
	assert_int_equal(finish(submit_lua("return kept", ""), &out), 0);
	assert_answer(&out, "yes"); /* the same state */
	assert_int_equal(finish(submit_lua("return #('x'):rep(2e7)", ""), &out), 0);
	assert_answer(&out, "20000000");
	assert_int_equal(finish(submit(JOB_LUA, SPAN("no bytes of marshal")), &out), 1);
	buf_fini(&out);
}

static void test_thread_is_set_up(void **state)
{
	static const char chunk[] =
		"local status = io.open('/proc/thread-self/status'):read('*a')\n"
		"return status:match('Name:%s+(%S+)') .. ' ' .. status:match('SigBlk:%s+(%x+)')";
	struct buf out = {0};
	const char *said;

	pool_setup(4, 8);
	assert_int_equal(finish(submit_lua(chunk, ""), &out), 0);
	lua_pushlstring(host, out.p, out.n);
	host_call("return require('moonloop.core.marshal').decode((...))[1]", 1);
	said = lua_tostring(host, -1);
	assert_memory_equal(said, "ml-job-1 ", 9);
	/* All but URG, which stops jobs, KILL and STOP, and the two that the C library keeps to
	 * itself. */
	assert_true((strtoull(said + 9, NULL, 16) | 1ull << 8 | 1ull << 18 | 3ull << 31) ==
		    (~0ull & ~(1ull << (SIGURG - 1))));
	lua_pop(host, 1);
	buf_fini(&out);
}

static void test_no_lua(void **state)
{
	struct buf out = {0};
	double id = 0;

	pool_setup(1, 8);
	vm_set_paths(&(struct vm_paths){"", "", ""});
	id = submit_lua("return 1", "");
	assert_int_equal(finish(id, &out), ERR_FAILED);
	assert_non_null(strstr(buf_cstr(&out), "module 'moonloop.core.job' not found"));
	vm_set_paths(&(struct vm_paths){"", "lua/?.lua;lua/?/init.lua", ""});
	assert_int_equal(finish(submit_lua("return 1", ""), &out), 0); /* a new state is tried */
	buf_fini(&out);
}

static void test_memory(void **state)
{
	struct buf out = {0};

	jobs_setup(&loop, &(struct jobs_config){1, 8, 4 * 1024 * 1024});
	assert_int_equal(finish(submit_lua("kept = ('x'):rep(1e6)", ""), &out), 0);
	assert_int_equal(finish(submit_lua("return kept ~= nil", ""), &out), 0);
	assert_answer(&out, "true");
	assert_int_equal(finish(submit_lua("kept = ('x'):rep(1e7)", ""), &out), 0);
	assert_int_equal(finish(submit_lua("return kept", ""), &out), 0);
	assert_answer(&out, "nil"); /* a new state */
	assert_int_equal(
		finish(submit_lua("local dropped = ('x'):rep(1e7) kept = 1", ""), &out), 0);
	assert_int_equal(finish(submit_lua("return kept", ""), &out), 0);
	assert_answer(&out, "1");
	buf_fini(&out);
}

/* No test for memory that is used up: it would take it from others, too. */
static void test_out_of_memory(void **state)
{
	struct buf out = {0};

	pool_setup(1, 8);
	assert_int_equal(finish(submit_lua("kept = 1 error('not enough memory', 0)", ""), &out), 1);
	assert_answer(&out, "not enough memory");
	assert_int_equal(finish(submit_lua("return kept", ""), &out), 0);
	assert_answer(&out, "nil");
	buf_fini(&out);
}

/* Its run-time holds signals back while no function that it knows is called. */
#ifndef __SANITIZE_THREAD__

/* Freed while it runs: an endless loop, which is interpreted, as there is no guard here. */
static void test_stopped(void **state)
{
	static const char endless[] = "jit.off() kept = 1 "
				      "local f = io.open((...), 'w') f:close() "
				      "while true do pcall(function() while true do end end) end";
	struct buf out = {0};
	double id;

	pool_setup(1, 8);
	id = submit_lua(endless, path_of("began"));
	while (access(path_of("began"), F_OK) != 0)
		usleep(1000);
	jobs_free(id);
	run_until(is_zero_live, NULL);
	assert_int_equal(finish(submit_lua("return kept", ""), &out), 0);
	assert_answer(&out, "nil"); /* a new state */
	buf_fini(&out);
}

/* A call that blocks in the kernel ends, too; and so does the whole pool. */
static void test_stopped_at_teardown(void **state)
{
	pool_setup(2, 8);
	submit_busy(path_of("fifo"));
	submit_lua("jit.off() while true do end", "");
	while (jobs_running() < 2)
		usleep(1000);
	assert_true(jobs_teardown(PATIENCE_US));
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOBS_TEST(test_lua),
		JOBS_TEST(test_thread_is_set_up),
		JOBS_TEST(test_no_lua),
		JOBS_TEST(test_memory),
		JOBS_TEST(test_out_of_memory),
#ifndef __SANITIZE_THREAD__
		JOBS_TEST(test_stopped),
		JOBS_TEST(test_stopped_at_teardown),
#endif
	};

	return cmocka_run_group_tests_name("job_vm", tests, NULL, NULL);
}
