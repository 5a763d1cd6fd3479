/*
 * The generations, with the binary's own Lua, and requests that no protocol carries. An application
 * is written anew for each load.
 */
#include "../base/check.h"

#include "base/log.h"
#include "bindings/app_int.h"
#include "bindings/lua_boot.h"
#include "bindings/lua_bundle.h"
#include "http/codec.h"
#include "http/exchange.h"
#include "runtime/generation.h"
#include "runtime/jobs.h"
#include "runtime/task.h"
#include "runtime/vm.h"

#define PATIENCE_US (20 * CLOCK_SECOND)
#define SOON_US     (CLOCK_SECOND / 50)

#define GOOD                                                                                       \
	"local moonloop = require('moonloop') "                                                    \
	"return function(scope, receive, send) "                                                   \
	"  if scope.type ~= 'http' then error(require('moonloop.lasgi').unsupported) end "         \
	"  if scope.path == '/wait' then moonloop.sleep(3600) end "                                \
	"  send { type = 'http.response.start', status = 200, body = 'x' } "                       \
	"end"
#define BROKEN "return nil"
#define HANGS  "return function() require('moonloop').sleep(3600) end"
/* Does not let itself be cancelled. */
#define STAYS                                                                                      \
	"return function(scope) "                                                                  \
	"  if scope.type ~= 'http' then error(require('moonloop.lasgi').unsupported) end "         \
	"  while true do require('moonloop.task').shield(require('moonloop').sleep, 3600) end "    \
	"end"

static struct loop loop;
static char path[64];
static enum app_event events[16];
static unsigned events_n;
static unsigned connections; /* what the worker says that there is */
static int status;           /* of the last response */
static unsigned aborted;

static void on_event(enum app_event event)
{
	assert_true(events_n < ARRAY_LEN(events));
	events[events_n++] = event;
}

static bool connected(void)
{
	return connections > 0;
}

static void write_app(const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* ---- requests ----------------------------------------------------------------------------------
 */

static void send_head(struct exchange *ex)
{
	status = ex->status;
}

static void send_body(struct exchange *ex, const char *p, size_t n)
{
}

static void send_end(struct exchange *ex, const struct fields *trailers)
{
	exchange_wire_done(ex, GONE_NOT);
}

static void abort_response(struct exchange *ex, enum close_reason why)
{
	aborted++;
	exchange_wire_done(ex, GONE_CLOSED);
}

static const struct codec codec = {
	.name = "test",
	.send_head = send_head,
	.send_body = send_body,
	.send_end = send_end,
	.abort = abort_response,
};

static double request(const char *target)
{
	struct exchange *ex = exchange_new(&codec, &loop);

	ex->head.path = span_of(target);
	ex->head.method = SPAN("GET");
	exchange_opened(ex, false);
	return exchange_id(ex);
}

/* ---- the rig -----------------------------------------------------------------------------------
 */

static int setup(void **state)
{
	zero_setup(state);
	snprintf(path, sizeof(path), "/tmp/test_app_life.%d.lua", getpid());
	log_set_level(LOG_ERROR + 1); /* what is refused is logged */
	events_n = connections = aborted = 0;
	status = 0;
	vm_set_modules(lua_bundle);
	vm_set_open(lua_boot_open);
	vm_set_paths(&(struct vm_paths){"", "", ""});
	loop_init(&loop);
	exchange_setup(&loop, &app_port);
	return 0;
}

static int teardown(void **state)
{
	app_teardown();
	assert_int_equal(task_live(), 0);
	loop_fini(&loop);
	exchange_teardown();
	vm_set_modules(NULL);
	log_set_level(LOG_INFO);
	unlink(path);
	return zero_teardown(state);
}

#define LIFE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static void await(enum app_event event)
{
	uint64_t until = clock_mono_us() + PATIENCE_US;

	while (events_n == 0 && clock_mono_us() < until) {
		loop_turn(&loop);
		usleep(500);
	}
	assert_true(events_n > 0);
	assert_int_equal(events[0], event);
	memmove(events, events + 1, --events_n * sizeof(events[0]));
}

static void turn(unsigned n)
{
	while (n-- > 0)
		loop_turn(&loop);
}

static void start(const char *text, uint64_t start_timeout_us, uint64_t drain_timeout_us)
{
	const struct app_config config = {
		.file = path,
		.root_path = "",
		.start_timeout_us = start_timeout_us,
		.drain_timeout_us = drain_timeout_us,
		.on_event = on_event,
		.connected = connected,
	};

	write_app(text);
	app_setup(&loop, &config);
	assert_true(app_boot());
}

static void start_well(uint64_t drain_timeout_us)
{
	start(GOOD, 0, drain_timeout_us);
	await(APP_READY);
}

static void stop(void)
{
	app_stop();
	await(APP_ENDED);
	assert_null(app.live);
	assert_null(app.loading);
	assert_null(app.old);
	assert_int_equal(events_n, 0);
}

/* ---- the tests ---------------------------------------------------------------------------------
 */

static void test_whole_life(void **state)
{
	start_well(PATIENCE_US);
	assert_int_equal(app.live->number, 1);
	request("/");
	turn(2);
	assert_int_equal(status, 200);
	for (unsigned n = 2; n < 5; n++) {
		app_reload("test", APP_PATIENT);
		await(APP_RELOADED);
		assert_int_equal(app.live->number, n);
	}
	stop();
}

static void test_failed_start(void **state)
{
	start(BROKEN, 0, 0);
	await(APP_START_FAILED);
	assert_null(app.live);
}

static void test_late_start(void **state)
{
	start(HANGS, SOON_US, 0);
	await(APP_START_FAILED);
}

/* The old one serves on, and the next wish is a fresh one. */
static void test_failed_reload(void **state)
{
	static const char *const texts[] = {BROKEN, "syntax", HANGS};

	start(GOOD, CLOCK_SECOND / 2, PATIENCE_US);
	await(APP_READY);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		write_app(texts[i]);
		app_reload("test", APP_PATIENT);
		await(APP_RELOAD_FAILED);
		assert_int_equal(app.live->number, 1);
		status = 0;
		request("/");
		turn(2);
		assert_int_equal(status, 200);
	}
	write_app(GOOD);
	app_reload("test", APP_PATIENT);
	await(APP_RELOADED);
	stop();
}

/* Requests end where they began, and new ones begin in the new generation. */
static void test_requests(void **state)
{
	double old, new;

	start_well(PATIENCE_US);
	old = request("/wait");
	turn(2);
	app_reload("test", APP_PATIENT);
	await(APP_RELOADED);
	new = request("/wait");
	assert_int_equal(task_find(exchange_find(old)->app)->generation->number, 1);
	assert_int_equal(task_find(exchange_find(new)->app)->generation->number, 2);
	assert_int_equal(app_tasks(), 2);
	assert_int_equal(app.old->state, GENERATION_DRAINING);
	exchange_wire_done(exchange_find(old), GONE_CLOSED); /* its client left */
	for (int i = 0; i < 100 && app.old != NULL; i++)
		turn(1);
	assert_null(app.old);
	assert_int_equal(app_tasks(), 1);
	exchange_wire_done(exchange_find(new), GONE_CLOSED);
	stop();
}

/* What drains has its time; then its request is answered for it. */
static void test_drain_timeout(void **state)
{
	start_well(SOON_US);
	request("/wait");
	turn(2);
	app_reload("test", APP_PATIENT);
	await(APP_RELOADED);
	while (app.old != NULL)
		turn(1);
	assert_int_equal(status, 503);
	stop();
}

/* A task that does not let itself be cancelled goes all the same. */
static void test_stays(void **state)
{
	start(STAYS, 0, SOON_US);
	await(APP_READY);
	request("/");
	turn(2);
	write_app(GOOD);
	app_reload("test", APP_PATIENT);
	await(APP_RELOADED);
	while (app.old != NULL) {
		turn(1);
		usleep(500);
	}
	assert_int_equal(status, 503);
	assert_int_equal(app_tasks(), 0);
	stop();
}

/* A third one waits for its turn; many wishes are one; an impatient one makes way. */
static void test_third(void **state)
{
	start_well(PATIENCE_US);
	request("/wait");
	turn(2);
	app_reload("test", APP_PATIENT);
	await(APP_RELOADED);
	for (int i = 0; i < 3; i++)
		app_reload("test", APP_PATIENT);
	turn(20);
	assert_int_equal(app.live->number, 2);
	assert_null(app.loading);
	assert_int_equal(status, 0);
	app_reload("test", SOON_US);
	await(APP_RELOADED);
	assert_int_equal(status, 503);
	assert_int_equal(app.live->number, 3);
	turn(20);
	assert_null(app.loading);
	stop();
}

/* So does a start that hangs. */
static void test_hanging_start_makes_way(void **state)
{
	start_well(PATIENCE_US);
	write_app(HANGS);
	app_reload("test", APP_PATIENT);
	turn(5);
	assert_int_equal(app.loading->number, 2);
	write_app(GOOD);
	app_reload("test", APP_PATIENT);
	turn(5);
	assert_int_equal(app.loading->number, 2);
	app_reload("test", SOON_US);
	await(APP_RELOAD_FAILED);
	await(APP_RELOADED);
	assert_int_equal(app.live->number, 3);
	stop();
}

/* However impatient: what started in time takes over, and is then reloaded. */
static void test_hurry_is_no_abort(void **state)
{
	start_well(PATIENCE_US);
	app_reload("test", PATIENCE_US);
	turn(1);
	app_reload("test", PATIENCE_US);
	await(APP_RELOADED);
	await(APP_RELOADED);
	assert_int_equal(app.live->number, 3);
	stop();
}

/* Asked for before there is a first one: it follows that. */
static void test_early(void **state)
{
	start(GOOD, 0, PATIENCE_US);
	app_reload("test", APP_PATIENT);
	await(APP_READY);
	await(APP_RELOADED);
	assert_int_equal(app.live->number, 2);
	stop();
}

static void test_stop_while_loading(void **state)
{
	start_well(PATIENCE_US);
	write_app(HANGS);
	app_reload("test", APP_PATIENT);
	turn(5);
	assert_non_null(app.loading);
	stop();
}

static void test_stop_before_loading(void **state)
{
	start_well(PATIENCE_US);
	app_reload("test", APP_PATIENT);
	stop();
	app_reload("test", APP_PATIENT);
	turn(5);
	assert_null(app.loading);
}

/* Both drain; the live one waits for the connections too. */
static void test_stop_while_draining(void **state)
{
	double old;

	start_well(PATIENCE_US);
	old = request("/wait");
	turn(2);
	app_reload("test", APP_PATIENT);
	await(APP_RELOADED);
	connections = 1;
	app_stop();
	turn(20);
	assert_int_equal(app.live->state, GENERATION_DRAINING);
	exchange_wire_done(exchange_find(old), GONE_CLOSED);
	turn(20);
	assert_null(app.old);
	request("/"); /* over the kept connection */
	turn(2);
	assert_int_equal(status, 200);
	assert_int_equal(app.live->state, GENERATION_DRAINING);
	connections = 0;
	app_connection_gone();
	await(APP_ENDED);
}

/* The worker is told when the time is over, and cuts the connections. */
static void test_stop_overdue(void **state)
{
	start_well(SOON_US);
	connections = 1;
	app_stop();
	await(APP_OVERDUE);
	connections = 0;
	app_connection_gone();
	await(APP_ENDED);
}

/* In any state the end of the process takes it all. */
static void test_teardown(void **state)
{
	start_well(PATIENCE_US);
	request("/wait");
	turn(2);
	app_reload("test", APP_PATIENT);
	await(APP_RELOADED);
	request("/wait");
	app_reload("test", APP_PATIENT);
	assert_non_null(app.old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIFE_TEST(test_whole_life),
		LIFE_TEST(test_failed_start),
		LIFE_TEST(test_late_start),
		LIFE_TEST(test_failed_reload),
		LIFE_TEST(test_requests),
		LIFE_TEST(test_drain_timeout),
		LIFE_TEST(test_stays),
		LIFE_TEST(test_third),
		LIFE_TEST(test_hanging_start_makes_way),
		LIFE_TEST(test_hurry_is_no_abort),
		LIFE_TEST(test_early),
		LIFE_TEST(test_stop_while_loading),
		LIFE_TEST(test_stop_before_loading),
		LIFE_TEST(test_stop_while_draining),
		LIFE_TEST(test_stop_overdue),
		LIFE_TEST(test_teardown),
	};

	return cmocka_run_group_tests_name("app_life", tests, NULL, NULL);
}
