#include "jobs_rig.h"

/* ---- queue and cancel --------------------------------------------------------------------------
 */

static void test_queue_is_bounded(void **state)
{
	const char *fifos[] = {path_of("fifo1"), path_of("fifo2")};
	struct span path = span_of(path_of("file"));
	double busy[2], waiting[3];
	int held[2];

	put_file(path.p, SPAN("x"));
	pool_setup(2, 3);
	assert_int_equal(jobs_threads(), 2);
	for (int i = 0; i < 2; i++)
		busy[i] = submit_busy(fifos[i]);
	for (int i = 0; i < 3; i++)
		waiting[i] = submit(JOB_READ_FILE, path);
	assert_true(submit(JOB_READ_FILE, path) == ERR_QUEUE_FULL); /* begun or not */
	for (int i = 0; i < 2; i++)
		held[i] = hold_busy(fifos[i]);
	assert_int_equal(jobs_waiting(), 3);
	assert_true(submit(JOB_READ_FILE, path) == ERR_QUEUE_FULL);
	jobs_free(waiting[1]);
	assert_int_equal(jobs_waiting(), 2);
	waiting[1] = submit(JOB_READ_FILE, path);
	assert_true(waiting[1] > 0);
	assert_int_equal(jobs_live(), 5);
	for (int i = 0; i < 2; i++) {
		close(held[i]);
		assert_int_equal(finish(busy[i], NULL), 0);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(finish(waiting[i], NULL), 0);
	assert_int_equal(jobs_live(), 0);
}

static void test_cancel_waiting(void **state)
{
	double busy, writing;
	int held;

	pool_setup(1, 8);
	busy = submit_busy(path_of("fifo"));
	held = hold_busy(path_of("fifo"));
	writing = submit_pair(JOB_WRITE_FILE, path_of("file"), SPAN("x"));
	assert_int_equal(jobs_waiting(), 1);
	jobs_free(writing);
	jobs_free(writing);
	assert_int_equal(jobs_waiting(), 0);
	assert_int_equal(jobs_live(), 1);
	close(held);
	assert_int_equal(finish(busy, NULL), 0);
	/* the one thread would have come to it first */
	assert_int_equal(
		finish(submit(JOB_READ_FILE, span_of(path_of("file"))), NULL), ERR_NOT_FOUND);
}

static void test_cancel_running(void **state)
{
	const char *out;
	double busy;
	size_t n;
	int held;

	pool_setup(1, 8);
	busy = submit_busy(path_of("fifo"));
	held = hold_busy(path_of("fifo"));
	assert_int_equal(jobs_result(busy, &out, &n), ERR_AGAIN);
	jobs_free(busy);
	assert_int_equal(jobs_result(busy, &out, &n), ERR_GONE);
	jobs_free(busy);
	assert_int_equal(jobs_live(), 1); /* the thread has it */
	close(held);
	run_until(is_zero_live, NULL);
}

static void test_ids(void **state)
{
	static const double ids[] = {0, -1, 1, 1e300, 0.5};
	const char *out;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		assert_int_equal(jobs_result(ids[i], &out, &n), ERR_GONE);
		jobs_free(ids[i]);
	}
	assert_true(submit(JOB_READ_FILE, SPAN("/")) == ERR_SHUTDOWN); /* there is no pool */
	assert_int_equal(jobs_waiting(), 0);
}

static bool is_idle(void *arg)
{
	return jobs_waiting() + jobs_running() == 0;
}

/* What one thread makes of jobs that all wait: each leaves a letter. */
static void test_priorities(void **state)
{
	static const char note[] = "local path, letter = (...):match('(.*) (.)') "
				   "local f = io.open(path, 'a') f:write(letter) f:close()";
	static const char letters[] = "hnl";
	struct buf order = {0};
	const char *file = path_of("order"), *out;
	char arg[160];
	size_t n;
	int held;

	pool_setup(1, 100);
	submit_busy(path_of("fifo"));
	held = hold_busy(path_of("fifo"));
	for (int i = 0; i < 30; i++) {
		snprintf(arg, sizeof(arg), "%s %c", file, letters[2 - i / 10]);
		submit_lua_as(note, arg, (enum job_priority)(2 - i / 10), false);
	}
	close(held);
	run_until(is_idle, NULL);
	assert_int_equal(jobs_here(JOB_READ_FILE, file, strlen(file), &out, &n), 0);
	buf_append(&order, out, n);
	/* The job that held the thread had the first turn. */
	assert_string_equal(buf_cstr(&order), "hhnhhhlhhhnhhnlnnnnnnnlllllll"
					      "l");
	jobs_here_done();
	buf_fini(&order);
}

/* ---- partial results ---------------------------------------------------------------------------
 */

static int tell(lua_State *L)
{
	lua_pushinteger(L, jobs_tell(span_of(lua_tostring(L, 1))));
	return 1;
}

static void open_tell(lua_State *L)
{
	lua_register(L, "tell", tell);
}

static const char counter[] =
	"for i = 1, tonumber((...)) do if tell(('x'):rep(10) .. i) ~= 0 then return 'told' end end "
	"return 'done'";

struct listener {
	double id;
	unsigned heard;
	struct buf out;
};

static bool hear_all(void *arg)
{
	struct listener *l = arg;
	char expected[32];

	while (buf_clear(&l->out), jobs_part(l->id, &l->out)) {
		snprintf(expected, sizeof(expected), "xxxxxxxxxx%u", ++l->heard);
		assert_string_equal(buf_cstr(&l->out), expected);
	}
	return l->heard == 500;
}

static void test_parts_in_order(void **state)
{
	struct listener l = {0};

	vm_set_open(open_tell);
	pool_setup(2, 8);
	l.id = submit_lua_as(counter, "500", JOB_NORMAL, true);
	usleep(20000);
	assert_int_equal(jobs_running(), 1); /* it waits */
	run_until(hear_all, &l);
	assert_int_equal(finish(l.id, &l.out), 0);
	assert_answer(&l.out, "done");
	/* nobody listens: it does not wait */
	assert_int_equal(finish(submit_lua(counter, "500"), &l.out), 0);
	assert_answer(&l.out, "done");
	buf_fini(&l.out);
}

static void test_parts_let_go(void **state)
{
	double id;

	vm_set_open(open_tell);
	pool_setup(1, 8);
	id = submit_lua_as(counter, "500", JOB_NORMAL, true);
	while (jobs_running() == 0)
		usleep(1000);
	usleep(20000);
	jobs_free(id);
	run_until(is_zero_live, NULL);
	submit_lua_as(counter, "500", JOB_NORMAL, true);
	while (jobs_running() == 0)
		usleep(1000);
	usleep(20000);
	assert_true(jobs_teardown(PATIENCE_US));
}

/* ---- teardown ----------------------------------------------------------------------------------
 */

static void test_teardown_unused(void **state)
{
	pool_setup(64, 1);
	assert_true(jobs_teardown(0));
	assert_true(jobs_teardown(0));
	pool_setup(1, 1);
}

static void test_teardown_busy(void **state)
{
	double busy, waiting;
	const char *out;
	size_t n;
	int held;

	pool_setup(2, 8);
	busy = submit_stuck(path_of("fifo"));
	held = hold_busy(path_of("fifo"));
	finish(submit_lua("return 1", ""), NULL); /* two threads, two states */
	waiting = submit_pair(JOB_WRITE_FILE, path_of("file"), SPAN("x"));
	assert_true(waiting > 0);
	assert_false(jobs_teardown(20000));
	assert_true(submit(JOB_READ_FILE, SPAN("/")) == ERR_SHUTDOWN);
	assert_int_equal(jobs_result(busy, &out, &n), ERR_AGAIN);
	assert_false(jobs_teardown(0));
	close(held);
	assert_true(jobs_teardown(PATIENCE_US));
	assert_int_equal(jobs_result(busy, &out, &n), ERR_GONE);
	assert_int_equal(jobs_live(), 0);
}

static void test_teardown_waits(void **state)
{
	pool_setup(1, 8);
	wait_for(submit(JOB_READ_FILE, SPAN("/dev/null")));
	submit_lua("for i = 1, 3e7 do kept = i end", "");
	submit(JOB_READ_FILE, SPAN("/dev/null"));
	while (jobs_waiting() > 1)
		usleep(1000);
	assert_true(jobs_teardown(PATIENCE_US));
	assert_int_equal(jobs_live(), 0);
}

/* ---- many, and tasks ---------------------------------------------------------------------------
 */

#define MANY    5000
#define ABREAST 32

struct many {
	double ids[ABREAST];
	unsigned begun, ended, freed;
	char path[128];
};

static void check_one(struct many *m, double *id)
{
	const char *out;
	size_t n;
	int rc = jobs_result(*id, &out, &n);

	if (rc == ERR_AGAIN) {
		if (random_below(64) > 0)
			return;
		m->freed++;
	} else {
		assert_int_equal(rc, 0);
		assert_int_equal(n, 7);
		assert_memory_equal(out, "content", 7);
	}
	jobs_free(*id);
	*id = 0;
	m->ended++;
}

static bool go_on(void *arg)
{
	struct many *m = arg;

	for (int i = 0; i < ABREAST; i++) {
		if (m->ids[i] > 0)
			check_one(m, &m->ids[i]);
		if (m->ids[i] <= 0 && m->begun < MANY) {
			m->ids[i] = submit(JOB_READ_FILE, span_of(m->path));
			if (m->ids[i] > 0)
				m->begun++;
			else
				assert_true(m->ids[i] == ERR_QUEUE_FULL);
		}
	}
	return m->ended == MANY;
}

static void test_many(void **state)
{
	struct many m = {0};

	random_start("jobs");
	snprintf(m.path, sizeof(m.path), "%s", path_of("file"));
	put_file(m.path, SPAN("content"));
	pool_setup(4, 16);
	run_until(go_on, &m);
	assert_int_equal(m.begun, MANY);
	run_until(is_zero_live, NULL);
}

static double awaited;
static unsigned tasks_ended;

static void on_task_done(struct task *t, bool failed)
{
	const char *out;
	size_t n;

	assert_int_equal(jobs_result(awaited, &out, &n), ERR_IS_DIR);
	tasks_ended++;
}

static bool one_task_ended(void *arg)
{
	return tasks_ended == 1;
}

static bool task_waits(void *arg)
{
	struct task *t = arg;

	return t->state == TASK_WAITING;
}

static void test_wakes_the_task(void **state)
{
	struct generation *g;
	struct task *t;
	int held;

	tasks_ended = 0;
	sched_setup(&loop, on_task_done);
	g = generation_new();
	assert_int_equal(
		luaL_dostring(g->L,
			"local WAIT, DONE, yield = {}, {}, coroutine.yield "
			"kept = {WAIT, DONE} "
			"return function() while true do yield(WAIT) yield(DONE, false) end end, "
			"WAIT, DONE"),
		0);
	generation_set_main(g);
	pool_setup(1, 8);
	submit_busy(path_of("fifo"));
	held = hold_busy(path_of("fifo"));
	t = task_new(g, TASK_SPAWNED, 0);
	run_until(task_waits, t);
	awaited = jobs_submit(JOB_READ_FILE, dir, strlen(dir), task_id(t));
	assert_int_equal(task_live(), 1);
	close(held);
	run_until(one_task_ended, NULL);
	/* whose task is gone, ends all the same */
	assert_int_equal(
		finish(jobs_submit(JOB_READ_FILE, dir, strlen(dir), awaited), NULL), ERR_IS_DIR);
	generation_free(&g);
	sched_teardown();
}

static void nothing_done(struct task *t, bool failed)
{
}

/* A thread's state is of the newest generation that it has worked for. */
static void test_generations(void **state)
{
	static const struct {
		int generation;
		const char *count;
	} rows[] = {{0, "1"}, {0, "2"}, {1, "1"}, {1, "2"}, {0, "3"}};
	struct generation *g[2];
	struct buf out = {0};
	double task[2];

	sched_setup(&loop, nothing_done);
	pool_setup(1, 8);
	for (int i = 0; i < 2; i++) {
		g[i] = generation_new();
		task[i] = task_id(task_new(g[i], TASK_REQUEST, 0));
	}
	loop_set_runner(&loop, NULL, NULL); /* they only have to be there */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		double id = submit_lua_for(
			task[rows[i].generation], "count = (count or 0) + 1 return count", "");

		assert_int_equal(finish(id, &out), 0);
		assert_answer(&out, rows[i].count);
	}
	buf_fini(&out);
	for (int i = 0; i < 2; i++) {
		generation_drop_tasks(g[i]);
		generation_free(&g[i]);
	}
	sched_teardown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOBS_TEST(test_queue_is_bounded),
		JOBS_TEST(test_cancel_waiting),
		JOBS_TEST(test_cancel_running),
		JOBS_TEST(test_ids),
		JOBS_TEST(test_priorities),
		JOBS_TEST(test_parts_in_order),
		JOBS_TEST(test_parts_let_go),
		JOBS_TEST(test_teardown_unused),
		JOBS_TEST(test_teardown_busy),
		JOBS_TEST(test_teardown_waits),
		JOBS_TEST(test_many),
		JOBS_TEST(test_wakes_the_task),
		JOBS_TEST(test_generations),
	};

	return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
