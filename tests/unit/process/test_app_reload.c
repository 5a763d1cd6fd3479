#include "rig.h"

static void hang_up(struct rig *r)
{
	kill(r->master, SIGHUP);
}

static void begin(struct rig *r, const char *workers)
{
	rig_init(r, RIG_ARGS("--workers", workers));
}

static void boot(struct rig *r)
{
	rig_start(r);
	await_boot(r);
}

/* One worker after the other, and none is replaced. */
static void test_order(void **state)
{
	struct rig r;

	begin(&r, "2");
	shared->scripts[0].wait_to_answer = true;
	boot(&r);
	hang_up(&r);
	await_events(&r, EVENT_RELOAD, 0, 0, 1);
	nap_ms(20);
	assert_int_equal(events_count(EVENT_RELOAD, 1, 0), 0);
	atomic_store(&shared->go, true);
	await_said(&r, "reload.done");
	assert_int_equal(events_count(EVENT_RELOAD, ANY, ANY), 2);
	assert_int_equal(events_count(EVENT_START, ANY, ANY), 2);
	assert_int_equal(ask(), 0);
	rig_stop(&r, EXIT_OK);
}

/* A refusal ends it: those behind are not asked, and the next one is a fresh one. */
static void test_refused(void **state)
{
	for (int slot = 0; slot < 2; slot++) {
		struct rig r;

		begin(&r, "2");
		shared->scripts[0].answer = CHANNEL_NOT;
		shared->scripts[0].answer_slot = slot + 1;
		boot(&r);
		hang_up(&r);
		await_said(&r, "reload.failed");
		assert_int_equal(events_count(EVENT_RELOAD, ANY, 0), slot + 1);
		shared->scripts[0].answer = CHANNEL_NONE;
		hang_up(&r);
		await_said(&r, "reload.done message=\"round 2\"");
		assert_int_equal(events_count(EVENT_RELOAD, ANY, 0), slot + 3);
		assert_int_equal(events_count(EVENT_START, ANY, ANY), 2);
		rig_stop(&r, EXIT_OK);
	}
}

/* A worker that dies of it is replaced; the others are left alone. */
static void test_death(void **state)
{
	struct rig r;

	begin(&r, "2");
	shared->scripts[0].die = true;
	shared->scripts[0].answer_slot = 1;
	boot(&r);
	hang_up(&r);
	await_said(&r, "reload.failed");
	assert_int_equal(events_count(EVENT_RELOAD, 1, ANY), 0);
	await_events(&r, EVENT_READY, 0, 1, 1);
	hang_up(&r);
	await_said(&r, "reload.done");
	assert_int_equal(events_count(EVENT_RELOAD, 0, 1), 1);
	assert_int_equal(events_count(EVENT_RELOAD, 1, 0), 1);
	rig_stop(&r, EXIT_OK);
}

/* However many come meanwhile, one more is done. */
static void test_again(void **state)
{
	struct rig r;

	begin(&r, "1");
	shared->scripts[0].wait_to_answer = true;
	boot(&r);
	hang_up(&r);
	await_events(&r, EVENT_RELOAD, 0, 0, 1);
	for (int i = 0; i < 3; i++) {
		hang_up(&r);
		await_signals_taken(&r);
	}
	atomic_store(&shared->go, true);
	await_said(&r, "reload.done message=\"round 2\"");
	nap_ms(20);
	assert_int_equal(events_count(EVENT_RELOAD, 0, 0), 2);
	rig_stop(&r, EXIT_OK);
}

static void test_during_boot(void **state)
{
	struct rig r;

	begin(&r, "2");
	shared->scripts[0].wait_for_go = true;
	rig_start(&r);
	await_events(&r, EVENT_START, 0, 0, 1);
	hang_up(&r);
	await_signals_taken(&r);
	assert_int_equal(events_count(EVENT_RELOAD, ANY, ANY), 0);
	atomic_store(&shared->go, true);
	await_said(&r, "reload.done");
	assert_int_equal(events_count(EVENT_RELOAD, ANY, 0), 2);
	rig_stop(&r, EXIT_OK);
}

/* A worker that is starting may have read files too early: it is asked when it is ready. */
static void test_starting(void **state)
{
	struct rig r;

	begin(&r, "2");
	boot(&r);
	shared->scripts[0].wait_for_go = true;
	kill(pid_of(EVENT_READY, 1, 0, 0), SIGKILL);
	await_events(&r, EVENT_START, 1, 0, 2);
	hang_up(&r);
	await_events(&r, EVENT_RELOAD, 0, 0, 1);
	nap_ms(20);
	assert_int_equal(events_count(EVENT_RELOAD, 1, 0), 0);
	atomic_store(&shared->go, true);
	await_said(&r, "reload.done");
	assert_int_equal(events_count(EVENT_RELOAD, 1, 0), 1);
	rig_stop(&r, EXIT_OK);
}

/* If it never is ready it is passed by: its replacement reads the files as they are. */
static void test_starting_in_vain(void **state)
{
	struct rig r;

	begin(&r, "2");
	boot(&r);
	shared->scripts[0].wait_for_go = true;
	kill(pid_of(EVENT_READY, 0, 0, 0), SIGKILL);
	await_events(&r, EVENT_START, 0, 0, 2);
	hang_up(&r);
	await_signals_taken(&r);
	kill(pid_of(EVENT_START, 0, 0, 1), SIGKILL);
	await_said(&r, "reload.done");
	assert_int_equal(events_count(EVENT_RELOAD, 0, ANY), 0);
	assert_int_equal(events_count(EVENT_RELOAD, 1, 0), 1);
	await_events(&r, EVENT_READY, 0, 1, 1);
	rig_stop(&r, EXIT_OK);
}

/* New workers are wanted while the old ones load: they follow, and do for both. */
static void test_new_workers_meanwhile(void **state)
{
	struct rig r;

	begin(&r, "1");
	shared->scripts[0].wait_to_answer = true;
	boot(&r);
	hang_up(&r);
	await_events(&r, EVENT_RELOAD, 0, 0, 1);
	kill(r.master, SIGUSR2);
	await_signals_taken(&r);
	hang_up(&r);
	await_signals_taken(&r);
	assert_int_equal(events_count(EVENT_START, ANY, 2), 0);
	atomic_store(&shared->go, true);
	await_said(&r, "reload.done message=\"round 2\"");
	await_events(&r, EVENT_TERM, 0, 0, 1);
	nap_ms(20);
	assert_int_equal(events_count(EVENT_RELOAD, ANY, ANY), 1);
	assert_int_equal(ask(), 2);
	rig_stop(&r, EXIT_OK);
}

/* An answer that nobody asked for. */
static void test_unasked(void **state)
{
	struct rig r;

	begin(&r, "2");
	shared->scripts[0].answer = CHANNEL_READY;
	shared->scripts[0].answer_slot = 1;
	boot(&r);
	hang_up(&r);
	await_events(&r, EVENT_RELOAD, 0, 0, 1);
	nap_ms(20);
	assert_int_equal(events_count(EVENT_RELOAD, 1, 0), 0);
	kill(pid_of(EVENT_READY, 0, 0, 0), SIGKILL);
	await_said(&r, "reload.failed");
	rig_stop(&r, EXIT_OK);
}

static void test_stop_meanwhile(void **state)
{
	struct rig r;

	begin(&r, "2");
	shared->scripts[0].wait_to_answer = true;
	boot(&r);
	hang_up(&r);
	await_events(&r, EVENT_RELOAD, 0, 0, 1);
	kill(r.master, SIGTERM);
	await_said(&r, "master.stopping");
	hang_up(&r); /* too late */
	assert_int_equal(rig_wait(&r), EXIT_OK);
	assert_int_equal(events_count(EVENT_RELOAD, 1, 0), 0);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_order),
		RIG_TEST(test_refused),
		RIG_TEST(test_death),
		RIG_TEST(test_again),
		RIG_TEST(test_during_boot),
		RIG_TEST(test_starting),
		RIG_TEST(test_starting_in_vain),
		RIG_TEST(test_new_workers_meanwhile),
		RIG_TEST(test_unasked),
		RIG_TEST(test_stop_meanwhile),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, NULL);
}
