#include "worker.h"

#include "base/ansi.h"
#include "base/log.h"
#include "base/log_writer.h"
#include "base/mem.h"
#include "bindings/app.h"
#include "bindings/lua_boot.h"
#include "bindings/lua_bundle.h"
#include "http/access_log.h"
#include "http/exchange.h"
#include "http/h1.h"
#include "http/limits.h"
#include "http/peer.h"
#include "net/acceptor.h"
#include "net/pulse.h"
#include "net/stats.h"
#include "process/app_path.h"
#include "process/exits.h"
#include "runtime/console.h"
#include "runtime/control.h"
#include "runtime/files.h"
#include "runtime/jobs.h"
#include "runtime/sched.h"
#include "runtime/stream.h"
#include "runtime/task.h"
#include "runtime/vm.h"
#include "runtime/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * After the drain time-out: what cancelled tasks, the lifespan's end, its tasks, and the threads
 * may take, each. Together less than the second after which the master kills.
 */
#define GRACE_US (CLOCK_SECOND / 5)

/* Where a worker stands; only go_to changes it. */
enum worker_state {
	WORKER_BOOT,       /* the application is being loaded and started */
	WORKER_SERVING,    /* accepting */
	WORKER_DRAINING,   /* not accepting; requests and background tasks come to their end */
	WORKER_CANCELLING, /* the drain time-out is over: they were cancelled */
	WORKER_ENDING,     /* the lifespan ends */
	WORKER_LEAVING,    /* so do its tasks */
	WORKER_OVER,       /* the loop stops */
};

static struct {
	const struct options *o;
	const struct worker_env *env; /* NULL for a check and for a tool */
	const char *tool;             /* NULL: none */
	char *const *words;           /* borrowed; the tool's */
	int words_n;
	struct loop loop;
	struct conn_pool conns;
	struct acceptor acceptor;
	uint64_t drain_until_us; /* when the drain time-out is over */
	struct deadline give_up; /* the current state's time is over */
	struct ev_signal term, reopen;
	struct log_writer *log, *access; /* owned; NULL when not open */
	enum worker_state state;
	int exit_code;
} w;

/* ---- the way to the end ------------------------------------------------------------------------
 */

static void go_to(enum worker_state to);

static bool busy(void)
{
	return w.conns.count > 0 || app_tasks() > 0;
}

static void within(uint64_t us)
{
	deadline_clear(&w.give_up);
	deadline_set(&w.loop.deadlines, &w.give_up, clock_mono_us() + MAX(us, 1));
}

static uint64_t time_left(uint64_t until_us)
{
	uint64_t now = clock_mono_us();

	return until_us > now ? until_us - now : 0;
}

static void enter_draining(void)
{
	log_event(LOG_INFO, "worker.draining", "%u connections, %u tasks", w.conns.count,
		app_tasks());
	acceptor_stop(&w.acceptor);
	control_stop();
	h1_set_draining(true);
	conn_pool_drain(&w.conns);
	app_notice();
	within(w.o->drain_timeout_us);
	if (!busy())
		go_to(WORKER_ENDING);
}

static void enter_cancelling(void)
{
	if (busy())
		log_event(LOG_WARN, "worker.drain_timeout", "cancelled: %u connections, %u tasks",
			w.conns.count, app_tasks());
	conn_pool_close_all(&w.conns, CLOSE_DRAIN);
	app_cancel(false);
	within(GRACE_US);
}

static void go_to(enum worker_state to)
{
	if (to <= w.state)
		return;
	if (w.state <= WORKER_SERVING)
		w.drain_until_us = clock_mono_us() + w.o->drain_timeout_us;
	w.state = to;
	switch (to) {
	case WORKER_BOOT:
		break;
	case WORKER_SERVING:
		acceptor_start(&w.acceptor);
		break;
	case WORKER_DRAINING:
		enter_draining();
		break;
	case WORKER_CANCELLING:
		enter_cancelling();
		break;
	case WORKER_ENDING:
		app_shutdown();
		within(MAX(time_left(w.drain_until_us), GRACE_US));
		break;
	case WORKER_LEAVING:
		app_cancel(true);
		within(GRACE_US);
		break;
	case WORKER_OVER:
		loop_stop(&w.loop);
		break;
	}
}

static void on_give_up(struct deadline *d)
{
	if (w.state == WORKER_ENDING)
		log_event(LOG_WARN, "lifespan.timeout",
			"the application did not answer lifespan.shutdown");
	go_to(w.state + 1);
}

static void on_conn_release(struct conn_pool *pool)
{
	acceptor_room(&w.acceptor);
	if (!busy() && (w.state == WORKER_DRAINING || w.state == WORKER_CANCELLING))
		go_to(WORKER_ENDING);
}

static void tell_ready(void)
{
	ssize_t n;

	if (w.env == NULL || w.env->ready_fd < 0)
		return;
	n = write(w.env->ready_fd, "r", 1);
	if (n != 1)
		log_event(LOG_WARN, "worker.orphan", "the master does not listen");
	close(w.env->ready_fd);
}

static void leave(void)
{
	go_to(WORKER_LEAVING);
	if (task_live() <= 1) /* the one that tells us so */
		go_to(WORKER_OVER);
}

static void on_app(enum app_event event)
{
	switch (event) {
	case APP_READY:
		if (w.env == NULL) {
			go_to(WORKER_ENDING); /* a check has seen enough */
			break;
		}
		go_to(WORKER_SERVING);
		tell_ready();
		break;
	case APP_START_FAILED:
		w.exit_code = EXIT_APP;
		go_to(WORKER_OVER);
		break;
	case APP_IDLE:
		if (!busy() && (w.state == WORKER_DRAINING || w.state == WORKER_CANCELLING))
			go_to(WORKER_ENDING);
		else if (w.tool != NULL && w.state == WORKER_LEAVING)
			leave();
		break;
	case APP_TOOL_DONE:
		w.exit_code = app_tool_code();
		leave();
		break;
	case APP_ENDED:
		leave();
		break;
	}
}

/* ---- signals -----------------------------------------------------------------------------------
 */

static void on_term(struct ev_loop *ev, struct ev_signal *s, int revents)
{
	if (w.state == WORKER_BOOT) {
		w.exit_code = w.tool != NULL ? EXIT_ENVIRONMENT : EXIT_OK;
		go_to(WORKER_OVER);
	} else {
		go_to(WORKER_DRAINING);
	}
}

static void reopen_one(struct log_writer *writer, const char *path)
{
	if (writer != NULL && log_writer_reopen(writer) < 0)
		log_event(LOG_ERROR, "log.reopen_failed", "%s: %s; still writing to the old file",
			path, strerror(errno));
}

static void on_reopen(struct ev_loop *ev, struct ev_signal *s, int revents)
{
	reopen_one(w.log, w.o->log);
	reopen_one(w.access, w.o->access_log);
}

static void start_signals(void)
{
	ev_signal_init(&w.term, on_term, SIGTERM);
	ev_signal_init(&w.reopen, on_reopen, SIGUSR1);
	ev_signal_start(w.loop.ev, &w.term);
	ev_signal_start(w.loop.ev, &w.reopen);
	signal(SIGPIPE, SIG_IGN);
}

static void stop_signals(void)
{
	/* A late SIGTERM (a service manager signals the whole group) must not cut the end short. */
	ev_signal_stop(w.loop.ev, &w.term);
	signal(SIGTERM, SIG_IGN);
	ev_signal_stop(w.loop.ev, &w.reopen);
}

/* ---- set-up, in order of need
 * -------------------------------------------------------------------- */

/* For people both logs are one, in the order in which things happen. */
static bool is_one_log(const struct options *o)
{
	return strcmp(o->access_log_format, "pretty") == 0 && strcmp(o->access_log, o->log) == 0;
}

static bool open_access_file(const struct options *o)
{
	bool json = strcmp(o->access_log_format, "json") == 0;

	w.access = log_writer_open(o->access_log, STDOUT_FILENO,
		json ? "{\"lost\":%llu}\n" : "# %llu lines lost: the disk is slower\n");
	if (w.access == NULL) {
		fprintf(stderr, "moonloop: --access-log %s: %s\n", o->access_log, strerror(errno));
		w.exit_code = EXIT_ENVIRONMENT;
		return false;
	}
	if (!ansi_wanted(STDOUT_FILENO))
		ansi_set(false);
	access_log_set_sink(log_writer_write, w.access);
	return true;
}

static bool open_access_log(const struct options *o)
{
	char err[512];

	if (strcmp(o->access_log, "off") == 0)
		return true;
	if (access_log_compile(o->access_log_format, err, sizeof(err)) < 0) {
		fprintf(stderr, "moonloop: --access-log-format: %s\n", err);
		w.exit_code = EXIT_USAGE;
		return false;
	}
	if (w.env == NULL) /* a check has seen enough */
		return true;
	if (is_one_log(o))
		access_log_set_sink(log_writer_write, w.log);
	else if (!open_access_file(o))
		return false;
	access_log_set_marks(o->slow_request_us, o->stall_report_us);
	access_log_hide(o->dev ? "/.moonloop/live" : NULL); /* no request of whoever develops */
	exchange_set_done(app_exchange_done);
	sched_set_timing(true);
	return true;
}

static bool open_log(const struct options *o)
{
	w.log = log_writer_open(o->log, STDERR_FILENO,
		o->log_format == LOG_FORMAT_JSON ? "{\"lost\":%llu}\n"
						 : "# %llu lines lost: the disk is slower\n");
	if (w.log == NULL) {
		fprintf(stderr, "moonloop: --log %s: %s\n", o->log, strerror(errno));
		w.exit_code = EXIT_ENVIRONMENT;
		return false;
	}
	log_set_level((enum log_level)o->log_level); /* a check has no master that did it */
	log_set_format((enum log_format)o->log_format);
	log_set_sink(log_writer_write, w.log);
	return true;
}

static void close_logs(void)
{
	log_set_sink(NULL, NULL);
	access_log_set_sink(NULL, NULL);
	if (w.access != NULL)
		log_writer_close(&w.access);
	if (w.log != NULL)
		log_writer_close(&w.log);
}

static void set_limits(const struct options *o)
{
	http_limits = (struct http_limits){
		.head_max = o->head_max_bytes,
		.target_max = o->target_max_bytes,
		.fields_max = (unsigned)o->fields_max,
		.body_max = o->body_max_bytes,
		.high_water = o->high_water_bytes,
		.head_timeout_us = o->head_timeout_us,
		.body_timeout_us = o->body_timeout_us,
		.idle_timeout_us = o->idle_timeout_us,
	};
	w.conns.high_water = o->high_water_bytes;
	w.conns.write_timeout_us = o->write_timeout_us;
}

static void set_up_net(const struct options *o)
{
	loop_init(&w.loop);
	conn_pool_init(&w.conns, &w.loop);
	w.conns.on_release = on_conn_release;
	set_limits(o);
	deadline_init(&w.give_up, on_give_up);
	exchange_setup(&w.loop, &app_port);
	h1_setup();
	acceptor_init(&w.acceptor, &w.conns, (unsigned)o->max_connections, h1_accept);
	if (w.env != NULL)
		acceptor_add(&w.acceptor, w.env->listen_fds, w.env->listen_count);
	start_signals();
}

/*
 * A pool thread is still in code that is not ours, and may come back to anything that would be
 * freed now: the kernel takes it all.
 */
static NORETURN void leave_thread_behind(void)
{
	log_event(LOG_WARN, "worker.thread_left", "a job of the thread pool did not end in time");
	close_logs();
	_exit(w.exit_code);
}

static void tear_down_net(void)
{
	stop_signals();
	deadline_remove(&w.loop.deadlines, &w.give_up);
	conn_pool_close_all(&w.conns, CLOSE_DRAIN);
	acceptor_fini(&w.acceptor);
	if (!jobs_teardown(GRACE_US))
		leave_thread_behind();
	app_teardown();
	watch_teardown();
	stream_teardown();
	console_teardown();
	control_teardown();
	files_close_all();
	loop_fini(&w.loop);
	exchange_teardown();
	h1_teardown();
	conn_pool_fini(&w.conns);
	peer_trust_clear();
	arena_drop_cache();
	chunkq_drop_cache();
}

static void run_app(const struct options *o, const struct app_path *path)
{
	const struct vm_paths paths = {path->root, o->lua_path, o->lua_cpath};
	const struct app_config config = {
		.file = path->module == NULL ? path->file : NULL,
		.module = path->module,
		.tool = w.tool,
		.words = w.words,
		.words_n = w.words_n,
		.root_path = o->root_path,
		.worker_index = w.env != NULL ? w.env->index : 0,
		.control = w.env != NULL && w.env->control_fd >= 0,
		.cpu_budget_us = o->cpu_budget_us,
		.stall_report_us = w.tool == NULL ? o->stall_report_us : 0,
		.dev = o->dev,
		/* One of them is enough: the master reloads all. */
		.reload = o->reload && w.env != NULL && w.env->index == 0,
		.reload_dirs = {o->reload_dir.v, o->reload_dir.n},
		.reload_ignore = {o->reload_ignore.v, o->reload_ignore.n},
		.on_event = on_app,
	};

	vm_set_modules(lua_bundle);
	vm_set_open(lua_boot_open);
	vm_set_paths(&paths);
	set_up_net(o);
	jobs_setup(&w.loop, (unsigned)o->threads, (unsigned)o->thread_queue);
	watch_setup(&w.loop);
	stream_setup(&w.loop);
	console_setup(&w.loop);
	control_setup(&w.loop, w.env != NULL ? w.env->control_fd : -1);
	if (!app_setup(&w.loop, &config)) {
		w.exit_code = EXIT_ENVIRONMENT;
	} else if (open_access_log(o)) {
		app_boot();
		loop_run(&w.loop);
	}
	tear_down_net();
}

/* A tool may do without an application; its root is then where it was called. */
static int resolve(struct app_path *path, const struct options *o, char *err, size_t cap)
{
	if (w.tool == NULL || o->app != NULL)
		return app_resolve(path, o->app, o->lua_path, err, cap);
	*path = (struct app_path){.root = mem_strdup(".")};
	return 0;
}

static int run(const struct options *o, const struct worker_env *env)
{
	struct app_path path;
	char err[512];

	w.o = o;
	w.env = env;
	if (env != NULL) {
		stats_use(env->stats);
		pulse_use(env->pulse);
	}
	for (int i = 0; i < o->trusted_proxy.n; i++)
		peer_trust_net(&o->trusted_proxy.v[i]);
	if (!open_log(o))
		return w.exit_code;
	if (resolve(&path, o, err, sizeof(err)) < 0) {
		log_event(LOG_ERROR, "app.not_found", "%s", err);
		w.exit_code = EXIT_USAGE;
	} else {
		run_app(o, &path);
		app_path_fini(&path);
	}
	close_logs();
	return w.exit_code;
}

int worker_main(const struct options *o, const struct worker_env *env)
{
	memset(&w, 0, sizeof(w));
	return run(o, env);
}

int worker_check(const struct options *o)
{
	int rc;

	memset(&w, 0, sizeof(w));
	rc = run(o, NULL);
	if (rc == EXIT_OK)
		printf("%s: the application loads and its lifespan completes\n", o->app);
	return rc;
}

int worker_tool(const struct options *o, const char *name, char *const *words, int words_n)
{
	memset(&w, 0, sizeof(w));
	w.tool = name;
	w.words = words;
	w.words_n = words_n;
	return run(o, NULL);
}
