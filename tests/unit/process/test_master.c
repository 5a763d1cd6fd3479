#include "rig.h"

#include "base/version.h"

static void test_boot_and_stop(void **state)
{
	struct rig r;
	char line[128];

	rig_init(&r, RIG_ARGS("--workers", "3"));
	rig_start(&r);
	await_boot(&r);
	assert_int_equal(events_count(EVENT_READY, ANY, 0), 3);
	assert_int_equal(atomic_load(&shared->listening), 1);
	snprintf(line, sizeof(line),
		"moonloop " MOONLOOP_VERSION
		" serving app on http://127.0.0.1:%d (3 workers, pid %d)\n",
		atomic_load(&shared->port), r.master);
	assert_said(&r, line);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(), 0);
	kill(r.master, SIGTERM);
	assert_int_equal(rig_wait(&r), EXIT_OK);
	for (int slot = 0; slot < 3; slot++)
		assert_int_equal(events_count(EVENT_TERM, slot, 0), 1);
	assert_true(ask() < 0);
	rig_fini(&r);
}

/* The first slot tries alone, so the reason is printed once. */
static void test_boot_order(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "3", "--quiet"));
	rig_start(&r);
	await_events(&r, EVENT_READY, ANY, 0, 3);
	assert_int_equal(event_index(EVENT_START, 0, 0, 0), 0);
	assert_int_equal(event_index(EVENT_READY, 0, 0, 0), 1);
	rig_stop(&r, EXIT_OK);
}

static void test_failed_start(void **state)
{
	static const struct {
		int exit_code, slot, starts;
	} rows[] = {
		{EXIT_APP, 0, 1},
		{EXIT_ENVIRONMENT, 0, 1},
		{EXIT_USAGE, 0, 1},
		{EXIT_APP, 1, 2},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rig r;

		rig_init(&r, RIG_ARGS("--workers", "2"));
		shared->scripts[0].exit_early = rows[i].exit_code + 1;
		shared->scripts[0].only_slot = rows[i].slot + 1;
		rig_start(&r);
		assert_int_equal(rig_wait(&r), rows[i].exit_code);
		assert_int_equal(events_count(EVENT_START, ANY, ANY), rows[i].starts);
		assert_null(strstr(rig_said(&r), " serving "));
		rig_fini(&r);
	}
}

static void test_killed_worker(void **state)
{
	struct rig r;
	pid_t victim;
	uint64_t killed_at, started_at;

	rig_init(&r, RIG_ARGS("--workers", "2"));
	rig_start(&r);
	await_boot(&r);
	victim = pid_of(EVENT_READY, 1, 0, 0);
	killed_at = now_us();
	kill(victim, SIGKILL);
	/* Those that were waiting in its backlog and those that come now are answered. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(), 0);
	await_events(&r, EVENT_READY, 1, 0, 2);
	started_at = shared->events[event_index(EVENT_START, 1, 0, 1)].at_us;
	assert_true(started_at - killed_at < 100000 * 20); /* at once; a busy machine may be slow */
	assert_int_equal(events_count(EVENT_START, 0, 0), 1);
	assert_said(&r, "worker.died slot=1 pid=");
	assert_said(&r, "signal=SIGKILL");
	rig_stop(&r, EXIT_OK);
}

/* Exit code 3 counts at boot only: later the other slots must go on. */
static void test_back_off(void **state)
{
	static const uint64_t least_us[] = {0, 100000, 200000};
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "2"));
	rig_start(&r);
	await_boot(&r);
	shared->scripts[0].exit_early = EXIT_APP + 1;
	kill(pid_of(EVENT_READY, 1, 0, 0), SIGKILL);
	await_events(&r, EVENT_START, 1, 0, 4);
	for (int i = 0; i < 3; i++) {
		uint64_t before = shared->events[event_index(EVENT_START, 1, 0, i)].at_us;
		uint64_t after = shared->events[event_index(EVENT_START, 1, 0, i + 1)].at_us;

		assert_true(after - before >= least_us[i]);
	}
	shared->scripts[0].exit_early = 0;
	await_events(&r, EVENT_READY, 1, 0, 2);
	assert_said(&r, "exit_code=3");
	assert_int_equal(events_count(EVENT_START, 0, 0), 1);
	rig_stop(&r, EXIT_OK);
}

/* A worker that ends well without being told to is replaced like any other. */
static void test_ended_worker(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "1"));
	rig_start(&r);
	await_boot(&r);
	kill(pid_of(EVENT_READY, 0, 0, 0), SIGTERM);
	await_events(&r, EVENT_READY, 0, 0, 2);
	assert_int_equal(ask(), 0);
	assert_said(&r, "worker.died slot=0 pid=");
	rig_stop(&r, EXIT_OK);
}

static void test_stop_during_boot(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "2"));
	shared->scripts[0].wait_for_go = true;
	rig_start(&r);
	await_events(&r, EVENT_START, 0, 0, 1);
	kill(r.master, SIGINT);
	await_said(&r, "master.stopping");
	atomic_store(&shared->go, true);
	assert_int_equal(rig_wait(&r), EXIT_OK);
	assert_int_equal(events_count(EVENT_START, 1, ANY), 0);
	rig_fini(&r);
}

/* The replacement that is due 0.4 s later does not come while the other worker drains. */
static void test_stop_during_back_off(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "2"));
	shared->scripts[0].linger_ms = 600;
	rig_start(&r);
	await_boot(&r);
	shared->scripts[0].exit_early = 7 + 1;
	kill(pid_of(EVENT_READY, 1, 0, 0), SIGKILL);
	for (int ms = 0; ms < WAIT_MS && said_count(&r, "exit_code=7") < 3; ms++)
		nap_ms(1);
	kill(r.master, SIGTERM);
	assert_int_equal(rig_wait(&r), EXIT_OK);
	assert_int_equal(events_count(EVENT_START, 1, 0), 4);
	rig_fini(&r);
}

static void test_second_signal(void **state)
{
	struct rig r;
	uint64_t began;

	rig_init(&r, RIG_ARGS("--workers", "2", "--drain-timeout", "60s"));
	shared->scripts[0].deaf = true;
	rig_start(&r);
	await_boot(&r);
	began = now_us();
	kill(r.master, SIGTERM);
	await_signals_taken(&r);
	kill(r.master, SIGTERM); /* an echo of the first: does not count */
	await_events(&r, EVENT_TERM, ANY, 0, 2);
	nap_ms(250);
	assert_int_equal(waitpid(r.master, NULL, WNOHANG), 0);
	kill(r.master, SIGINT);
	assert_int_equal(rig_wait(&r), EXIT_ENVIRONMENT);
	assert_true(now_us() - began < 10000000);
	assert_said(&r, "master.killing");
	rig_fini(&r);
}

static void test_hung_worker(void **state)
{
	struct rig r;
	uint64_t began;

	rig_init(&r, RIG_ARGS("--workers", "2", "--drain-timeout", "100ms"));
	shared->scripts[0].deaf = true;
	rig_start(&r);
	await_boot(&r);
	began = now_us();
	kill(r.master, SIGTERM);
	assert_int_equal(rig_wait(&r), EXIT_ENVIRONMENT);
	assert_true(now_us() - began >= 1100000);
	assert_said(&r, "worker.killed slot=0");
	assert_said(&r, "worker.killed slot=1");
	rig_fini(&r);
}

static void test_failed_stop(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "2"));
	shared->scripts[0].exit_code = 9;
	rig_start(&r);
	await_boot(&r);
	kill(r.master, SIGTERM);
	assert_int_equal(rig_wait(&r), EXIT_ENVIRONMENT);
	assert_said(&r, "worker.died slot=0");
	rig_fini(&r);
}

/* The workers of a master that was killed drain and end by themselves. */
static void test_killed_master(void **state)
{
	struct rig r;

	rig_init(&r, RIG_ARGS("--workers", "2"));
	rig_start(&r);
	await_boot(&r);
	kill(r.master, SIGKILL);
	assert_int_equal(rig_wait(&r), -SIGKILL);
	await_events(&r, EVENT_TERM, ANY, 0, 2);
	for (int i = 0; i < 2; i++)
		for (int ms = 0; ms < WAIT_MS && !gone(pid_of(EVENT_TERM, i, 0, 0)); ms++)
			nap_ms(1);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_boot_and_stop),
		RIG_TEST(test_boot_order),
		RIG_TEST(test_failed_start),
		RIG_TEST(test_killed_worker),
		RIG_TEST(test_back_off),
		RIG_TEST(test_ended_worker),
		RIG_TEST(test_stop_during_boot),
		RIG_TEST(test_stop_during_back_off),
		RIG_TEST(test_second_signal),
		RIG_TEST(test_hung_worker),
		RIG_TEST(test_failed_stop),
		RIG_TEST(test_killed_master),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, NULL);
}
