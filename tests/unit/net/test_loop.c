#include "check.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fake_clock.h"
#include "net/loop.h"

#include <unistd.h>

static struct loop loop;
static char trace[256];
static long live;

static void note(const char *what)
{
	assert_true(strlen(trace) + strlen(what) < sizeof(trace));
	strcat(trace, what);
}

struct named {
	struct loop_item item;
	const char *name;
	struct list *again; /* where it puts itself once more */
	int times;
};

static void on_item(struct loop_item *item)
{
	struct named *n = (struct named *)((char *)item - offsetof(struct named, item));

	note(n->name);
	if (n->again != NULL && n->times-- > 0)
		loop_item_add(n->again, &n->item);
}

static struct named *named(struct named *n, const char *name)
{
	*n = (struct named){.name = name};
	loop_item_init(&n->item, on_item);
	return n;
}

static int setup(void **state)
{
	live = mem_live();
	trace[0] = '\0';
	loop_init(&loop);
	return 0;
}

static int teardown(void **state)
{
	loop_fini(&loop);
	fake_clock_stop();
	assert_int_equal(mem_live(), live);
	return 0;
}

static bool note_run(void *arg, uint64_t budget_us)
{
	assert_int_equal(budget_us, LOOP_RUN_BUDGET_US);
	note("run ");
	return false;
}

static void test_order(void **state)
{
	struct named feed, flush, reap;

	loop_set_runner(&loop, note_run, NULL);
	loop_item_add(&loop.reap, &named(&reap, "reap ")->item);
	loop_item_add(&loop.flush, &named(&flush, "flush ")->item);
	loop_item_add(&loop.feed, &named(&feed, "feed ")->item);
	loop_item_add(&loop.feed, &feed.item); /* in one list at most */
	loop_turn(&loop);
	assert_string_equal(trace, "feed run flush reap ");
}

/* Feed and run in turns, before anything is written. */
static void test_feed_and_run_in_turns(void **state)
{
	struct named feed, flush;

	fake_clock_start();
	loop_set_runner(&loop, note_run, NULL);
	loop_item_add(&loop.flush, &named(&flush, "flush ")->item);
	loop_item_add(&loop.feed, &named(&feed, "feed ")->item);
	feed.again = &loop.feed;
	feed.times = 2;
	loop_turn(&loop);
	assert_string_equal(trace, "feed run feed run feed run flush ");
}

static bool slow_run(void *arg, uint64_t budget_us)
{
	note("run ");
	fake_clock_advance(LOOP_RUN_BUDGET_US);
	return false;
}

static void test_budget(void **state)
{
	struct named feed, flush;

	fake_clock_start();
	loop_set_runner(&loop, slow_run, NULL);
	loop_item_add(&loop.feed, &named(&feed, "feed ")->item);
	loop_item_add(&loop.flush, &named(&flush, "flush ")->item);
	feed.again = &loop.feed;
	feed.times = 1;
	loop_turn(&loop);
	assert_string_equal(trace, "feed run flush ");
	loop_turn(&loop);
	assert_string_equal(trace, "feed run flush feed run ");
}

/* What an item puts on its own list while the list is worked on waits for the next turn. */
static void test_added_while_flushing(void **state)
{
	struct named a, b;

	loop_item_add(&loop.flush, &named(&a, "a ")->item);
	loop_item_add(&loop.flush, &named(&b, "b ")->item);
	a.again = &loop.flush;
	a.times = 1;
	loop_turn(&loop);
	assert_string_equal(trace, "a b ");
	loop_turn(&loop);
	assert_string_equal(trace, "a b a ");
}

static struct named *other;

static void take_other_out(struct loop_item *item)
{
	loop_item_del(&other->item);
	note("took ");
}

static void test_taken_out_by_another(void **state)
{
	struct named a, b;

	loop_item_add(&loop.flush, &named(&a, "")->item);
	a.item.fn = take_other_out;
	loop_item_add(&loop.flush, &named(&b, "b ")->item);
	other = &b;
	loop_turn(&loop);
	assert_string_equal(trace, "took ");
}

static void on_deadline(struct deadline *d)
{
	note("deadline ");
}

static void test_deadline_by_fake_clock(void **state)
{
	struct deadline d;

	fake_clock_start();
	deadline_init(&d, on_deadline);
	deadline_set(&loop.deadlines, &d, clock_now_us() + CLOCK_SECOND);
	loop_turn(&loop);
	assert_string_equal(trace, "");
	fake_clock_advance(CLOCK_SECOND);
	loop_turn(&loop);
	assert_string_equal(trace, "deadline ");
}

/* ---- the real one: libev polls -----------------------------------------------------------------
 */

static void stop(struct deadline *d)
{
	note("stop ");
	loop_stop(&loop);
}

static void test_run_until_stopped(void **state)
{
	struct deadline a, b;

	deadline_init(&a, on_deadline);
	deadline_init(&b, stop);
	deadline_set(&loop.deadlines, &b, clock_now_us() + 20000);
	deadline_set(&loop.deadlines, &a, clock_now_us() + 10000);
	loop_run(&loop);
	assert_string_equal(trace, "deadline stop ");
}

/* A deadline that moves earlier while the loop sleeps towards a later one. */
static void move_earlier(struct deadline *d)
{
	static struct deadline late;

	note("first ");
	deadline_init(&late, stop);
	deadline_set(&loop.deadlines, &late, clock_now_us() + 1000 * CLOCK_SECOND);
	deadline_set(&loop.deadlines, &late, clock_now_us() + 1000);
}

static void test_timer_moves_earlier(void **state)
{
	struct deadline d, far;

	deadline_init(&far, on_deadline);
	deadline_set(&loop.deadlines, &far, clock_now_us() + 1000 * CLOCK_SECOND);
	deadline_init(&d, move_earlier);
	deadline_set(&loop.deadlines, &d, clock_now_us() + 1000);
	loop_run(&loop);
	assert_string_equal(trace, "first stop ");
	deadline_remove(&loop.deadlines, &far);
}

static int left;

/* With work left over the poll does not block: nothing else would wake this loop. */
static bool run_with_rest(void *arg, uint64_t budget_us)
{
	note("run ");
	if (--left > 0)
		return true;
	loop_stop(&loop);
	return false;
}

static void test_rest_keeps_it_awake(void **state)
{
	left = 3;
	loop_set_runner(&loop, run_with_rest, NULL);
	loop_run(&loop);
	assert_string_equal(trace, "run run run ");
}

static bool runnable;

static void wake_late(struct loop_item *item)
{
	note("flush ");
	runnable = true;
	loop_stir(&loop);
}

static bool run_if_runnable(void *arg, uint64_t budget_us)
{
	if (runnable) {
		note("run ");
		loop_stop(&loop);
	}
	return false;
}

/* A task that is woken in the flush phase runs, though nothing else happens. */
static void test_woken_while_flushing(void **state)
{
	struct named flush;

	runnable = false;
	loop_set_runner(&loop, run_if_runnable, NULL);
	loop_item_add(&loop.flush, &named(&flush, "")->item);
	flush.item.fn = wake_late;
	loop_run(&loop);
	assert_string_equal(trace, "flush run ");
}

static bool linger(void)
{
	note("linger ");
	runnable = true;
	return true;
}

/* What came while the loop lingered is run without a poll that blocks; before its end it does not.
 */
static void test_linger(void **state)
{
	runnable = false;
	loop_set_runner(&loop, run_if_runnable, NULL);
	loop_set_linger(&loop, linger);
	loop_run(&loop);
	assert_string_equal(trace, "linger run ");
}

static void test_reap_at_the_end(void **state)
{
	struct named reap;

	loop_item_add(&loop.reap, &named(&reap, "reap ")->item);
	loop_fini(&loop);
	assert_string_equal(trace, "reap ");
	loop_init(&loop);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_order),
		T(test_feed_and_run_in_turns),
		T(test_budget),
		T(test_added_while_flushing),
		T(test_taken_out_by_another),
		T(test_deadline_by_fake_clock),
		T(test_run_until_stopped),
		T(test_timer_moves_earlier),
		T(test_rest_keeps_it_awake),
		T(test_woken_while_flushing),
		T(test_linger),
		T(test_reap_at_the_end),
	};

	alarm(30); /* a loop that sleeps is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
