#include "worker.h"
#include "worker_logs.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "bindings/app.h"
#include "bindings/lua_boot.h"
#include "bindings/lua_bundle.h"
#include "http/exchange.h"
#include "http/h1.h"
#include "http/limits.h"
#include "http/peer.h"
#include "net/acceptor.h"
#include "net/fd_watch.h"
#include "net/pulse.h"
#include "net/stats.h"
#include "process/app_path.h"
#include "process/channel.h"
#include "process/exits.h"
#include "runtime/console.h"
#include "runtime/control.h"
#include "runtime/dns.h"
#include "runtime/files.h"
#include "runtime/jobs.h"
#include "runtime/sched.h"
#include "runtime/socket.h"
#include "runtime/stream.h"
#include "runtime/task.h"
#include "runtime/vm.h"
#include "runtime/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where a worker stands; only go_to changes it. */
enum worker_state {
	WORKER_BOOT,     /* the application is being loaded and started */
	WORKER_SERVING,  /* accepting; the application may be loaded anew */
	WORKER_DRAINING, /* not accepting; connections and generations come to their end */
	WORKER_OVER,     /* the loop stops */
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
	struct ev_signal term, reopen;
	struct fd_watch channel; /* of the master's messages */
	bool asked;              /* to reload, by the master */
	struct worker_logs logs;
	struct buf dns_servers; /* as c-ares reads them; "": those of resolv.conf */
	enum worker_state state;
	int exit_code;
} w;

/* ---- the way to the end ------------------------------------------------------------------------
 */

static void enter_draining(void)
{
	if (w.env != NULL) /* a tool or a check says what it has to say itself */
		log_event(LOG_INFO, "worker.draining", "%u connections, %u tasks", w.conns.count,
			app_tasks());
	acceptor_stop(&w.acceptor);
	control_stop();
	h1_set_draining(true);
	conn_pool_drain(&w.conns);
	app_stop();
}

static void go_to(enum worker_state to)
{
	if (to <= w.state)
		return;
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
	case WORKER_OVER:
		loop_stop(&w.loop);
		break;
	}
}

static void cut_connections(void)
{
	log_event(LOG_WARN, "worker.drain_timeout", "cancelled: %u connections, %u tasks",
		w.conns.count, app_tasks());
	conn_pool_close_all(&w.conns, CLOSE_DRAIN);
}

static bool connected(void)
{
	return w.conns.count > 0;
}

static void on_conn_release(struct conn_pool *pool)
{
	acceptor_room(&w.acceptor);
	app_connection_gone();
}

/* ---- the master --------------------------------------------------------------------------------
 */

static void tell_master(enum channel_message message)
{
	if (w.env->channel_fd >= 0 && !channel_send(w.env->channel_fd, message))
		log_event(LOG_WARN, "worker.orphan", "the master does not listen");
}

/* Of the last reload that was asked for: one that had begun before may have read older files. */
static void answer_master(enum channel_message message)
{
	if (!w.asked || app_reload_wanted())
		return;
	w.asked = false;
	tell_master(message);
}

/* It is told of a reload only while it serves; what comes later is for one that ends anyway. */
static void on_channel(struct fd_watch *watch)
{
	enum channel_message message;

	while ((message = channel_receive(w.env->channel_fd)) > 0) {
		if (message != CHANNEL_RELOAD || w.state != WORKER_SERVING)
			continue;
		app_reload("SIGHUP", APP_PATIENT);
		w.asked = true;
	}
	if (message == CHANNEL_NONE)
		fd_watch_start(&w.loop, watch);
}

static void start_channel(void)
{
	if (w.env == NULL || w.env->channel_fd < 0)
		return;
	fd_watch_init(&w.channel, w.env->channel_fd, on_channel);
	fd_watch_start(&w.loop, &w.channel);
}

static void stop_channel(void)
{
	if (w.env != NULL && w.env->channel_fd >= 0)
		fd_watch_stop(&w.loop, &w.channel);
}

static void on_app(enum app_event event)
{
	switch (event) {
	case APP_READY:
		if (w.env == NULL) {
			app_stop(); /* a check has seen enough */
			break;
		}
		go_to(WORKER_SERVING);
		tell_master(CHANNEL_READY);
		break;
	case APP_START_FAILED:
		w.exit_code = EXIT_APP;
		go_to(WORKER_OVER);
		break;
	case APP_RELOADED:
		answer_master(CHANNEL_RELOADED);
		break;
	case APP_RELOAD_FAILED:
		answer_master(CHANNEL_NOT);
		break;
	case APP_OVERDUE:
		cut_connections();
		break;
	case APP_TOOL_DONE:
		w.exit_code = app_tool_code();
		go_to(WORKER_DRAINING);
		break;
	case APP_ENDED:
		go_to(WORKER_OVER);
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

static void on_reopen(struct ev_loop *ev, struct ev_signal *s, int revents)
{
	worker_logs_reopen(&w.logs, w.o);
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
	exchange_setup(&w.loop, &app_port);
	h1_setup();
	acceptor_init(&w.acceptor, &w.conns, (unsigned)o->max_connections, h1_accept);
	if (w.env != NULL)
		acceptor_add(&w.acceptor, w.env->listen_fds, w.env->listen_count);
	start_signals();
	start_channel();
}

/*
 * A pool thread is still in code that is not ours, and may come back to anything that would be
 * freed now: the kernel takes it all.
 */
static NORETURN void leave_thread_behind(void)
{
	log_event(LOG_WARN, "worker.thread_left", "a job of the thread pool did not end in time");
	worker_logs_close(&w.logs);
	_exit(w.exit_code);
}

static void set_up_dns(const struct options *o)
{
	struct dns_config config = {
		.timeout_us = o->dns_timeout_us,
		.cache = (unsigned)o->dns_cache,
	};

	for (int i = 0; i < o->dns_servers.n; i++) {
		char text[ADDR_TEXT_MAX];

		buf_printf(&w.dns_servers, "%s%s", i > 0 ? "," : "",
			addr_print(&o->dns_servers.v[i], text, sizeof(text)));
	}
	config.servers = buf_cstr(&w.dns_servers);
	dns_setup(&w.loop, &config);
}

static void tear_down_dns(void)
{
	dns_teardown();
	buf_fini(&w.dns_servers);
}

static void tear_down_net(void)
{
	stop_signals();
	stop_channel();
	conn_pool_close_all(&w.conns, CLOSE_DRAIN);
	acceptor_fini(&w.acceptor);
	if (!jobs_teardown(APP_GRACE_US))
		leave_thread_behind();
	app_teardown();
	watch_teardown();
	stream_teardown();
	console_teardown();
	control_teardown();
	tear_down_dns();
	socket_teardown();
	files_close_all();
	loop_fini(&w.loop);
	exchange_teardown();
	h1_teardown();
	conn_pool_fini(&w.conns);
	vm_set_modules(NULL);
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
		.blocking_warnings = o->blocking_warnings == 0, /* "on" */
		.start_timeout_us = w.tool == NULL ? o->start_timeout_us : 0,
		.drain_timeout_us = o->drain_timeout_us,
		.dev = o->dev,
		/* One of them is enough: the master reloads all. */
		.reload = o->reload && w.env != NULL && w.env->index == 0,
		.reload_dirs = {o->reload_dir.v, o->reload_dir.n},
		.reload_ignore = {o->reload_ignore.v, o->reload_ignore.n},
		.only_worker = o->workers == 1,
		.on_event = on_app,
		.connected = connected,
	};

	const struct jobs_config jobs_config = {
		.threads = (unsigned)o->threads,
		.queue_max = (unsigned)o->thread_queue,
		.memory_max = (size_t)o->thread_memory_bytes,
	};

	vm_set_modules(lua_bundle);
	vm_set_open(lua_boot_open);
	vm_set_paths(&paths);
	set_up_net(o);
	jobs_setup(&w.loop, &jobs_config);
	watch_setup(&w.loop);
	stream_setup(&w.loop);
	set_up_dns(o);
	socket_setup(&w.loop);
	console_setup(&w.loop);
	control_setup(&w.loop, w.env != NULL ? w.env->control_fd : -1);
	app_setup(&w.loop, &config);
	if (!app_boot())
		w.exit_code = EXIT_ENVIRONMENT;
	else if ((w.exit_code = worker_logs_open_access(&w.logs, o, w.env == NULL)) == EXIT_OK)
		loop_run(&w.loop);
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
	w.exit_code = worker_logs_open(&w.logs, o);
	if (w.exit_code != EXIT_OK)
		return w.exit_code;
	if (resolve(&path, o, err, sizeof(err)) < 0) {
		log_event(LOG_ERROR, "app.not_found", "%s", err);
		w.exit_code = EXIT_USAGE;
	} else {
		run_app(o, &path);
		app_path_fini(&path);
	}
	worker_logs_close(&w.logs);
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
