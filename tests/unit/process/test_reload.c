#include "rig.h"

static void hang_up(struct rig *r)
{
	kill(r->master, SIGUSR2);
}

/* New worker, then the old one's SIGTERM, then the next slot; nobody is refused meanwhile. */
static void test_order(void **state)
{
	struct rig r;
	int answers[2] = {0, 0};

	rig_init(&r, RIG_ARGS("--workers", "2"));
	rig_start(&r);
	await_boot(&r);
	hang_up(&r);
	while (events_count(EVENT_TERM, 1, 0) == 0 || answers[1] < 20) {
		int round = ask();

		assert_true(round == 0 || round == 1);
		assert_true(++answers[round] < 100000);
	}
	await_said(&r, "reload.done");
	await_events(&r, EVENT_TERM, ANY, 0, 2);
	assert_true(event_index(EVENT_READY, 0, 1, 0) < event_index(EVENT_TERM, 0, 0, 0));
	assert_true(event_index(EVENT_READY, 0, 1, 0) < event_index(EVENT_START, 1, 1, 0));
	assert_true(event_index(EVENT_READY, 1, 1, 0) < event_index(EVENT_TERM, 1, 0, 0));
	assert_int_equal(events_count(EVENT_START, ANY, 1), 2);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(), 1);
	rig_stop(&r, EXIT_OK);
}

/* The old workers stay when the new one does not start; the next reload is a fresh one. */
static void test_failure(void **state)
{
	static const struct {
		int exit_code; /* -1: killed */
		int slot;
		int old_left; /* slots that still serve round 0 afterwards */
	} rows[] = {
		{EXIT_APP, 0, 2},
		{EXIT_OK, 0, 2},
		{-1, 0, 2},
		{EXIT_APP, 1, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rig r;

		rig_init(&r, RIG_ARGS("--workers", "2"));
		shared->scripts[1].kill_early = rows[i].exit_code < 0;
		shared->scripts[1].exit_early = rows[i].exit_code + 1;
		shared->scripts[1].only_slot = rows[i].slot + 1;
		rig_start(&r);
		await_boot(&r);
		hang_up(&r);
		await_said(&r, "reload.failed");
		assert_int_equal(events_count(EVENT_START, ANY, 1), rows[i].slot + 1);
		assert_true(ask() >= 0);
		hang_up(&r);
		await_said(&r, "reload.done");
		await_events(&r, EVENT_TERM, ANY, 0, 2);
		await_events(&r, EVENT_TERM, ANY, 1, 2 - rows[i].old_left);
		assert_int_equal(ask(), 2);
		rig_stop(&r, EXIT_OK);
	}
}

/* However many come during a reload, one more is done. */
static void test_again(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "1"));
	shared->scripts[1].wait_for_go = true;
	rig_start(&r);
	await_boot(&r);
	hang_up(&r);
	await_events(&r, EVENT_START, 0, 1, 1);
	for (int i = 0; i < 3; i++) {
		hang_up(&r);
		await_signals_taken(&r);
	}
	assert_int_equal(ask(), 0);
	atomic_store(&shared->go, true);
	await_events(&r, EVENT_TERM, 0, 0, 1);
	await_events(&r, EVENT_TERM, 0, 1, 1);
	await_said(&r, "reload.done message=\"round 2\"");
	assert_int_equal(ask(), 2);
	nap_ms(20);
	assert_int_equal(events_count(EVENT_START, ANY, 3), 0);
	rig_stop(&r, EXIT_OK);
}

static void test_during_boot(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "2"));
	shared->scripts[0].wait_for_go = true;
	rig_start(&r);
	await_events(&r, EVENT_START, 0, 0, 1);
	hang_up(&r);
	await_signals_taken(&r);
	atomic_store(&shared->go, true);
	await_events(&r, EVENT_TERM, ANY, 0, 2);
	assert_int_equal(ask(), 1);
	rig_stop(&r, EXIT_OK);
}

/* The old worker dies while its successor is starting: it is replaced, and so is that one. */
static void test_death_meanwhile(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "1"));
	rig_start(&r);
	await_boot(&r);
	shared->scripts[1].wait_for_go = true;
	hang_up(&r);
	await_events(&r, EVENT_START, 0, 1, 1);
	kill(pid_of(EVENT_READY, 0, 0, 0), SIGKILL);
	await_events(&r, EVENT_START, 0, 1, 2);
	atomic_store(&shared->go, true);
	await_said(&r, "reload.done");
	assert_int_equal(ask(), 1);
	await_said(&r, "worker.stopped");
	rig_stop(&r, EXIT_OK);
}

static void test_new_one_dies_later(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "1"));
	rig_start(&r);
	await_boot(&r);
	hang_up(&r);
	await_events(&r, EVENT_TERM, 0, 0, 1);
	kill(pid_of(EVENT_READY, 0, 1, 0), SIGKILL);
	await_events(&r, EVENT_READY, 0, 1, 2);
	assert_int_equal(ask(), 1);
	rig_stop(&r, EXIT_OK);
}

/* An old worker that does not end is killed in its time; the new one serves. */
static void test_hung_old_worker(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "1", "--drain-timeout", "0"));
	shared->scripts[0].deaf = true;
	rig_start(&r);
	await_boot(&r);
	hang_up(&r);
	await_said(&r, "worker.killed slot=0");
	await_said(&r, "signal=SIGKILL");
	assert_int_equal(ask(), 1);
	rig_stop(&r, EXIT_OK);
}

static void test_stop_meanwhile(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "2"));
	shared->scripts[1].wait_for_go = true;
	rig_start(&r);
	await_boot(&r);
	hang_up(&r);
	await_events(&r, EVENT_START, 0, 1, 1);
	kill(r.master, SIGTERM);
	await_said(&r, "master.stopping");
	hang_up(&r); /* too late */
	atomic_store(&shared->go, true);
	assert_int_equal(rig_wait(&r), EXIT_OK);
	assert_int_equal(events_count(EVENT_START, ANY, 1), 1);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_order),
		RIG_TEST(test_failure),
		RIG_TEST(test_again),
		RIG_TEST(test_during_boot),
		RIG_TEST(test_death_meanwhile),
		RIG_TEST(test_new_one_dies_later),
		RIG_TEST(test_hung_old_worker),
		RIG_TEST(test_stop_meanwhile),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, NULL);
}
