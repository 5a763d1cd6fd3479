#include "jobs_rig.h"

static void test_lua(void **state)
{
	struct buf out = {0};

	jobs_setup(&loop, 1, 8);
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

	jobs_setup(&loop, 4, 8);
	assert_int_equal(finish(submit_lua(chunk, ""), &out), 0);
	lua_pushlstring(host, out.p, out.n);
	host_call("return require('moonloop.core.marshal').decode((...))[1]", 1);
	said = lua_tostring(host, -1);
	assert_memory_equal(said, "ml-job-1 ", 9);
	/* All but KILL and STOP, and the two that the C library keeps to itself. */
	assert_true((strtoull(said + 9, NULL, 16) | 1ull << 8 | 1ull << 18 | 3ull << 31) == ~0ull);
	lua_pop(host, 1);
	buf_fini(&out);
}

static void test_no_lua(void **state)
{
	struct buf out = {0};
	double id = 0;

	jobs_setup(&loop, 1, 8);
	vm_set_paths(&(struct vm_paths){"", "", ""});
	id = submit_lua("return 1", "");
	assert_int_equal(finish(id, &out), ERR_FAILED);
	assert_non_null(strstr(buf_cstr(&out), "module 'moonloop.core.job' not found"));
	vm_set_paths(&(struct vm_paths){"", "lua/?.lua;lua/?/init.lua", ""});
	assert_int_equal(finish(submit_lua("return 1", ""), &out), 0); /* a new state is tried */
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOBS_TEST(test_lua),
		JOBS_TEST(test_thread_is_set_up),
		JOBS_TEST(test_no_lua),
	};

	return cmocka_run_group_tests_name("job_vm", tests, NULL, NULL);
}
