#include "../base/check.h"

#include "base/err.h"
#include "base/log.h"
#include "runtime/files.h"
#include "runtime/generation.h"
#include "runtime/jobs.h"
#include "runtime/sched.h"
#include "runtime/stream.h"
#include "runtime/vm.h"
#include "runtime/watchdog.h"

#include <fcntl.h>
#include <lauxlib.h>

static struct loop loop;
static unsigned ended, failed; /* tasks */

static void on_done(struct task *t, bool bad)
{
	assert_ptr_equal(task_find(task_id(t)), t);
	ended++;
	failed += bad;
}

static void no_subject(const struct task *t, struct watchdog_subject *out)
{
}

/* Named as the gateway's own code, which the guard leaves alone. Its task_main calls the global
 * `body` with the task's argument; wait() waits. */
static const char main_chunk[] = "local WAIT, DONE, yield = {}, {}, coroutine.yield "
				 "kept, log = {WAIT, DONE}, {} "
				 "function wait() yield(WAIT) end "
				 "return function(kind, id, arg) "
				 "  while true do "
				 "    local ok, err = pcall(body, arg) "
				 "    message = err "
				 "    kind, id, arg = yield(DONE, not ok) "
				 "  end "
				 "end, WAIT, DONE";

static struct generation *make(const char *body)
{
	struct generation *g = generation_new();

	watchdog_admit(g);
	assert_int_equal(
		luaL_loadbuffer(g->L, main_chunk, strlen(main_chunk), "@moonloop.test"), 0);
	assert_int_equal(lua_pcall(g->L, 0, LUA_MULTRET, 0), 0);
	generation_set_main(g);
	assert_int_equal(luaL_dostring(g->L, body), 0);
	return g;
}

static void set_up(uint64_t budget_us)
{
	const struct watchdog_config guard = {.budget_us = budget_us, .describe = no_subject};

	ended = failed = 0;
	log_set_level(LOG_ERROR + 1); /* the guard's reports are not looked at here */
	vm_set_paths(&(struct vm_paths){"", "lua/?.lua;lua/?/init.lua", ""});
	loop_init(&loop);
	sched_setup(&loop, on_done);
	watchdog_setup(&guard);
}

static void unmake(struct generation **g)
{
	watchdog_release(*g);
	generation_drop_tasks(*g);
	generation_free(g);
}

static void tear_down(void)
{
	log_set_level(LOG_INFO);
	watchdog_teardown();
	sched_teardown();
	loop_fini(&loop);
}

static void assert_global(struct generation *g, const char *name, const char *expected)
{
	lua_getglobal(g->L, name);
	assert_string_equal(lua_tostring(g->L, -1), expected);
	lua_pop(g->L, 1);
}

/* ---- states ------------------------------------------------------------------------------------
 */

static void test_states(void **state)
{
	static const enum generation_state whole[] = {GENERATION_LIVE, GENERATION_DRAINING,
		GENERATION_CANCELLING, GENERATION_ENDING, GENERATION_LEAVING, GENERATION_DEAD};
	struct generation a = {0}, b = {0}, c = {0};

	for (size_t i = 0; i < ARRAY_LEN(whole); i++)
		generation_set_state(&a, whole[i]);
	generation_set_state(&b, GENERATION_LEAVING); /* it did not start */
	generation_set_state(&b, GENERATION_DEAD);
	generation_set_state(&c, GENERATION_LIVE);
	generation_set_state(&c, GENERATION_DRAINING);
	generation_set_state(&c, GENERATION_ENDING); /* nothing had to be cancelled */
}

static void start_one_that_drains(void)
{
	struct generation g = {.state = GENERATION_DRAINING};

	generation_set_state(&g, GENERATION_LIVE);
}

static void revive(void)
{
	struct generation g = {.state = GENERATION_DEAD};

	generation_set_state(&g, GENERATION_LOADING);
}

static void test_illegal_states(void **state)
{
	assert_dies(start_one_that_drains, "ENSURE");
	assert_dies(revive, "ENSURE");
}

/* ---- tasks -------------------------------------------------------------------------------------
 */

#define NOTE "function body(arg) log[#log + 1] = arg text = table.concat(log, ' ') wait() end"

/* Each runs in its own state, in the order of one queue, and is counted there. */
static void test_tasks(void **state)
{
	struct generation *a, *b;
	struct task *t;

	set_up(0);
	a = make(NOTE);
	b = make(NOTE);
	assert_int_equal(b->number, a->number + 1);
	task_new(a, TASK_REQUEST, 1);
	t = task_new(b, TASK_REQUEST, 2);
	task_new(b, TASK_SERVICE, 3);
	assert_int_equal(generation_work(a), 1);
	assert_int_equal(generation_work(b), 1);
	assert_int_equal(generation_tasks(b), 2);
	loop_turn(&loop);
	assert_global(a, "text", "1");
	assert_global(b, "text", "2 3");
	task_wake(t);
	loop_turn(&loop);
	assert_int_equal(ended, 1);
	assert_int_equal(generation_work(b), 0);
	assert_int_equal(b->idle_n, 1);
	task_new(a, TASK_SPAWNED, 4); /* does not get the coroutine of the other's */
	loop_turn(&loop);
	assert_global(a, "text", "1 4");
	assert_int_equal(b->idle_n, 1);
	unmake(&a);
	unmake(&b);
	assert_int_equal(failed, 3);
	tear_down();
}

/* Never run, in the queue, waiting: all go; those of the other stay, and can be woken. */
static void test_drop(void **state)
{
	struct generation *a, *b;
	struct task *woken, *other;
	double id;

	set_up(0);
	a = make(NOTE);
	b = make(NOTE);
	id = task_id(task_new(a, TASK_REQUEST, 1));
	woken = task_new(a, TASK_SPAWNED, 2);
	other = task_new(b, TASK_REQUEST, 3);
	loop_turn(&loop);
	task_wake(woken);
	task_wake(other);
	task_new(a, TASK_SERVICE, 4);
	unmake(&a);
	assert_int_equal(ended, 3);
	assert_int_equal(failed, 3);
	assert_null(task_find(id));
	loop_turn(&loop);
	assert_int_equal(ended, 4);
	assert_int_equal(failed, 3);
	unmake(&b);
	assert_int_equal(task_live(), 0);
	tear_down();
}

static struct generation *kept;

static void free_one_with_tasks(void)
{
	generation_free(&kept);
}

static void test_free_needs_no_tasks(void **state)
{
	set_up(0);
	kept = make(NOTE);
	task_new(kept, TASK_REQUEST, 1);
	assert_dies(free_one_with_tasks, "ENSURE");
	unmake(&kept);
	tear_down();
}

/* ---- what Lua has opened -----------------------------------------------------------------------
 */

static int collect_stream(lua_State *L)
{
	stream_close(*(double *)lua_touserdata(L, 1));
	return 0;
}

/* A stream that its state closes, as those of core/pipe.lua. */
static double give_stream(struct generation *g)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	double file = files_add(&(struct open_file){.fd = fd});
	double *id = lua_newuserdata(g->L, sizeof(double));
	bool found;

	*id = stream_open(file);
	assert_true(*id > 0);
	files_drop(file, &found);
	lua_newtable(g->L);
	lua_pushcfunction(g->L, collect_stream);
	lua_setfield(g->L, -2, "__gc");
	lua_setmetatable(g->L, -2);
	lua_setglobal(g->L, "stream");
	return *id;
}

static void test_close(void **state)
{
	struct generation *a, *b;
	struct span got;
	double of_b;

	set_up(0);
	stream_setup(&loop);
	a = make(NOTE);
	b = make(NOTE);
	give_stream(a);
	of_b = give_stream(b);
	assert_int_equal(stream_live(), 2);
	unmake(&a);
	assert_int_equal(stream_live(), 1);
	assert_int_equal(stream_read(of_b, 0, &got), 0);
	unmake(&b);
	assert_int_equal(stream_live(), 0);
	stream_teardown();
	files_close_all();
	tear_down();
}

/* A job whose task is gone has nobody to take its result. */
static void test_orphans(void **state)
{
	struct generation *a, *b;
	double of_b;
	const char *out;
	size_t n;

	set_up(0);
	jobs_setup(&loop, &(struct jobs_config){.threads = 1, .queue_max = 8});
	a = make(NOTE);
	b = make(NOTE);
	jobs_submit(JOB_READ_FILE, "/dev/null", 9, task_id(task_new(a, TASK_REQUEST, 1)));
	of_b = jobs_submit(JOB_READ_FILE, "/dev/null", 9, task_id(task_new(b, TASK_REQUEST, 2)));
	unmake(&a);
	jobs_drop_orphans();
	for (int i = 0; i < 20000 && jobs_live() > 1; i++) { /* a thread may have had it */
		ev_run(loop.ev, EVRUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(jobs_live(), 1);
	assert_true(jobs_result(of_b, &out, &n) != ERR_GONE);
	unmake(&b);
	assert_true(jobs_teardown(20 * CLOCK_SECOND));
	assert_int_equal(jobs_live(), 0);
	tear_down();
}

/* ---- the guard ---------------------------------------------------------------------------------
 */

#ifndef __SANITIZE_THREAD__ /* which holds signals back in a loop without system calls */

#define BUDGET_US (CLOCK_SECOND / 20)

#define SPIN "function body() local n = 0 while true do n = n + 1 end end"

static int traces(struct generation *g)
{
	int n;

	assert_int_equal(
		luaL_dostring(g->L, "local info, n = require('jit.util').traceinfo, 0 "
				    "for i = 1, 1000 do n = n + (info(i) and 1 or 0) end return n"),
		0);
	n = (int)lua_tointeger(g->L, -1);
	lua_pop(g->L, 1);
	return n;
}

static void assert_stopped(struct generation *g)
{
	unsigned before = failed;

	lua_pushliteral(g->L, "");
	lua_setglobal(g->L, "message");
	task_new(g, TASK_REQUEST, 0);
	loop_turn(&loop);
	assert_int_equal(failed, before + 1);
	lua_getglobal(g->L, "message");
	assert_non_null(strstr(lua_tostring(g->L, -1), "has used up its CPU budget"));
	lua_pop(g->L, 1);
	assert_null(lua_gethook(g->L));
}

/* Both are stopped, compiled or not, whoever has the profiler, and before and after it moves. */
static void test_guard(void **state)
{
	struct generation *a, *b;

	set_up(BUDGET_US);
	a = make(SPIN);
	b = make(SPIN);
	for (int i = 0; i < 2; i++) {
		assert_stopped(a);
		assert_stopped(b);
	}
	watchdog_follow(b);
	for (int i = 0; i < 2; i++) {
		assert_stopped(a);
		assert_stopped(b);
	}
	unmake(&a);
	assert_stopped(b);
	unmake(&b);
	tear_down();
}

/* What the new one has compiled before it takes over is kept. */
static void test_traces_stay(void **state)
{
	struct generation *a, *b;
	int n;

	set_up(BUDGET_US);
	a = make("function body() local n = 0 for i = 1, 1000 do n = n + i % 7 end end");
	b = make("function body() local n = 0 for i = 1, 1000 do n = n + i % 7 end end");
	task_new(b, TASK_REQUEST, 0);
	loop_turn(&loop);
	n = traces(b);
	assert_true(n > 0);
	watchdog_follow(b);
	assert_true(traces(b) >= n);
	assert_int_equal(traces(a), 0);
	assert_int_equal(luaL_dostring(b->L, SPIN), 0);
	assert_stopped(b);
	unmake(&a);
	unmake(&b);
	tear_down();
}

/* Asked for later: the live one has it, and the other one is guarded all the same. */
static void test_guard_on_demand(void **state)
{
	struct generation *a, *b;
	struct task *t;

	set_up(0);
	a = make(SPIN);
	b = make(SPIN);
	t = task_new(b, TASK_REQUEST, 0);
	watchdog_set_budget(t, BUDGET_US);
	loop_turn(&loop);
	assert_int_equal(failed, 1);
	t = task_new(a, TASK_REQUEST, 0);
	watchdog_set_budget(t, BUDGET_US);
	loop_turn(&loop);
	assert_int_equal(failed, 2);
	unmake(&b);
	unmake(&a);
	tear_down();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_states),
		ZERO_TEST(test_illegal_states),
		ZERO_TEST(test_tasks),
		ZERO_TEST(test_drop),
		ZERO_TEST(test_free_needs_no_tasks),
		ZERO_TEST(test_close),
		ZERO_TEST(test_orphans),
#ifndef __SANITIZE_THREAD__
		ZERO_TEST(test_guard),
		ZERO_TEST(test_traces_stay),
		ZERO_TEST(test_guard_on_demand),
#endif
	};

	return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}
