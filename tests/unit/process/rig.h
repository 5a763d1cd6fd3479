#ifndef TESTS_UNIT_PROCESS_RIG_H
#define TESTS_UNIT_PROCESS_RIG_H

/*
 * A master with workers that are told what to do, for test_master*.c and test_reload.c. The master
 * runs in a child of the test; it and its workers write what happens to them into a shared mapping,
 * which the test watches. A worker accepts and answers each connection with one byte, its round;
 * how it starts and ends is read from the mapping too, by round. Every wait ends after WAIT_MS at
 * the latest. At the end of a test each process that was seen is gone, and those that a failed test
 * leaves behind are killed by the teardown of RIG_TEST.
 */

#include "../base/check.h"

#include "net/addr.h"
#include "process/channel.h"
#include "process/exits.h"
#include "process/master.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define WAIT_MS    10000
#define EVENTS_MAX 256
#define ROUNDS_MAX 8

enum event_kind {
	EVENT_START, /* worker_main was called */
	EVENT_READY, /* about to write the byte */
	EVENT_TERM,  /* saw SIGTERM */
	EVENT_USR1,
	EVENT_RELOAD, /* was asked to load the application anew */
	EVENT_KINDS,
};

struct event {
	enum event_kind kind;
	int slot;
	unsigned round;
	pid_t pid;
	uint64_t at_us;
};

/* How the workers of a round behave; all zero: start, serve, end at SIGTERM. */
struct script {
	int exit_early;   /* exit code + 1 instead of getting ready; 0: get ready */
	int only_slot;    /* exit_early and kill_early for this slot alone, + 1; 0: for all */
	bool kill_early;  /* die by SIGKILL instead of getting ready */
	bool wait_for_go; /* get ready only when `go` is set */
	bool deaf;        /* SIGTERM is seen, and nothing done */
	int linger_ms;    /* from SIGTERM to the end */
	int exit_code;    /* after SIGTERM */

	enum channel_message answer; /* to CHANNEL_RELOAD; 0: CHANNEL_RELOADED */
	int answer_slot;             /* `answer` and `die` for this slot alone, + 1; 0: for all */
	bool die;                    /* by SIGKILL, instead of an answer */
	bool wait_to_answer;         /* until `go` is set */
};

struct shared {
	struct script scripts[ROUNDS_MAX];
	_Atomic bool go;
	_Atomic int n; /* events begun */
	_Atomic int written[EVENTS_MAX];
	struct event events[EVENTS_MAX];
	_Atomic int listening; /* listening sockets open in the last worker that started */
	_Atomic int port;      /* of its first descriptor */
	_Atomic int odd;       /* bit 0: signal mask or handler wrong; bit 1: env wrong */
};

static struct shared *shared;
static pid_t masters[8]; /* started and not yet waited for; 0: none */

static inline uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static inline void nap_ms(long ms)
{
	nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

static volatile sig_atomic_t worker_term, worker_usr1;

static inline void on_signal(int signum)
{
	if (signum == SIGTERM)
		worker_term = 1;
	else
		worker_usr1 = 1;
}

static inline void record(enum event_kind kind, const struct worker_env *env)
{
	int i = atomic_fetch_add(&shared->n, 1);

	if (i >= EVENTS_MAX)
		_exit(97);
	shared->events[i] = (struct event){kind, env->index, env->round, getpid(), now_us()};
	atomic_store(&shared->written[i], 1);
}

/* Listening sockets among the descriptors of this process, and what it inherited otherwise. */
static inline void inspect(const struct worker_env *env)
{
	struct sigaction term, hup;
	sigset_t mask;
	int n = 0;

	for (int fd = 0; fd < 64; fd++) {
		int listening = 0;
		socklen_t len = sizeof(listening);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0)
			n += listening;
	}
	atomic_store(&shared->listening, n);
	atomic_store(&shared->port, addr_port(&env->addrs[0].sa));
	sigprocmask(SIG_BLOCK, NULL, &mask);
	sigaction(SIGTERM, NULL, &term);
	sigaction(SIGHUP, NULL, &hup);
	if (sigismember(&mask, SIGTERM) || sigismember(&mask, SIGCHLD) ||
		term.sa_handler != SIG_DFL || hup.sa_handler != SIG_IGN)
		atomic_fetch_or(&shared->odd, 1);
	if (env->stats == NULL || env->channel_fd < 0)
		atomic_fetch_or(&shared->odd, 2);
}

static inline void answer_one(int listen_fd, const struct worker_env *env)
{
	int fd = accept(listen_fd, NULL, NULL);
	char round = (char)('0' + env->round);

	if (fd < 0)
		return;
	(void)!write(fd, &round, 1);
	close(fd);
}

static inline void answer_master(const struct worker_env *env, const struct script *s)
{
	bool mine = s->answer_slot == 0 || s->answer_slot == env->index + 1;

	if (channel_receive(env->channel_fd) != CHANNEL_RELOAD)
		return;
	record(EVENT_RELOAD, env);
	while (s->wait_to_answer && !atomic_load(&shared->go) && worker_term == 0)
		ppoll(NULL, 0, &(struct timespec){0, 1000000}, &(sigset_t){0});
	if (s->die && mine)
		kill(getpid(), SIGKILL);
	channel_send(
		env->channel_fd, s->answer != CHANNEL_NONE && mine ? s->answer : CHANNEL_RELOADED);
}

static inline int serve(const struct worker_env *env, const struct script *s)
{
	struct pollfd fds[8];
	nfds_t n = (nfds_t)env->listen_count;
	sigset_t none;
	bool told = false;

	sigemptyset(&none);
	for (int i = 0; i < env->listen_count; i++)
		fds[i] = (struct pollfd){.fd = env->listen_fds[i], .events = POLLIN};
	fds[n] = (struct pollfd){.fd = env->channel_fd, .events = POLLIN};
	for (;;) {
		if (worker_usr1 != 0) {
			worker_usr1 = 0;
			record(EVENT_USR1, env);
		}
		if (worker_term != 0 && !told) {
			told = true;
			record(EVENT_TERM, env);
			nap_ms(s->linger_ms);
			if (!s->deaf)
				return s->exit_code;
		}
		if (ppoll(fds, n + 1, NULL, &none) <= 0)
			continue;
		if (fds[n].revents & POLLHUP) /* the master died */
			fds[n].fd = -1;
		else if (fds[n].revents & POLLIN)
			answer_master(env, s);
		for (int i = 0; i < env->listen_count; i++)
			if (fds[i].revents != 0)
				answer_one(fds[i].fd, env);
	}
}

static inline int fake_worker(const struct options *o, const struct worker_env *env)
{
	const struct script *s = &shared->scripts[env->round];
	bool mine = s->only_slot == 0 || s->only_slot == env->index + 1;
	sigset_t block;

	alarm(60); /* should a test lose sight of it */
	inspect(env);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL); /* delivered inside ppoll only */
	signal(SIGTERM, on_signal);
	signal(SIGUSR1, on_signal);
	record(EVENT_START, env);
	while (s->wait_for_go && !atomic_load(&shared->go))
		nap_ms(1);
	if (s->kill_early && mine)
		kill(getpid(), SIGKILL);
	if (s->exit_early != 0 && mine)
		return s->exit_early - 1;
	record(EVENT_READY, env);
	if (!channel_send(env->channel_fd, CHANNEL_READY))
		return 98;
	return serve(env, s);
}

struct rig {
	struct options o;
	pid_t master;
	FILE *err;  /* what it wrote to stderr */
	int status; /* once it was waited for */
	char said[16384];
};

static inline void rig_start(struct rig *r)
{
	fflush(NULL);
	r->err = tmpfile();
	r->master = fork();
	assert_true(r->master >= 0);
	if (r->master == 0) {
		long before = mem_live();
		int code;

		dup2(fileno(r->err), STDERR_FILENO);
		code = master_run(&r->o, fake_worker);
		_exit(mem_live() == before ? code : 96);
	}
	for (size_t i = 0; i < ARRAY_LEN(masters); i++) {
		if (masters[i] == 0) {
			masters[i] = r->master;
			return;
		}
	}
	fail_msg("too many masters");
}

static inline void rig_forget(struct rig *r)
{
	for (size_t i = 0; i < ARRAY_LEN(masters); i++)
		if (masters[i] == r->master)
			masters[i] = 0;
	r->master = 0;
}

/* What options_load makes of the words, ended by NULL. */
static inline void rig_load(struct rig *r, const char *const *argv)
{
	char err[512] = "";
	int argc = 0;

	memset(r, 0, sizeof(*r));
	while (argv[argc] != NULL)
		argc++;
	if (options_load(&r->o, argc, (char **)argv, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

/* The same with nothing seen and no script yet: the beginning of a test. */
static inline void rig_init(struct rig *r, const char *const *argv)
{
	memset(shared, 0, sizeof(*shared));
	rig_load(r, argv);
}

static inline const char *rig_said(struct rig *r)
{
	ssize_t n = pread(fileno(r->err), r->said, sizeof(r->said) - 1, 0);

	r->said[n > 0 ? n : 0] = '\0';
	return r->said;
}

static inline void assert_said(struct rig *r, const char *text)
{
	if (strstr(rig_said(r), text) == NULL)
		fail_msg("\"%s\" is not in:\n%s", text, r->said);
}

/* Waits for the master; its exit code, or -signal. */
static inline int rig_wait(struct rig *r)
{
	for (int ms = 0; ms < WAIT_MS; ms++) {
		pid_t pid = waitpid(r->master, &r->status, WNOHANG);

		if (pid == r->master) {
			rig_forget(r);
			return WIFEXITED(r->status) ? WEXITSTATUS(r->status) : -WTERMSIG(r->status);
		}
		nap_ms(1);
	}
	fail_msg("the master did not end:\n%s", rig_said(r));
	return -1;
}

static inline bool gone(pid_t pid)
{
	return kill(pid, 0) != 0 && errno == ESRCH;
}

#define ANY (-1)

static inline bool matches(const struct event *e, enum event_kind kind, int slot, int round)
{
	return e->kind == kind && (slot == ANY || e->slot == slot) &&
	       (round == ANY || e->round == (unsigned)round);
}

static inline int events_count(enum event_kind kind, int slot, int round)
{
	int n = 0;

	for (int i = 0; i < MIN(atomic_load(&shared->n), EVENTS_MAX); i++)
		if (atomic_load(&shared->written[i]) &&
			matches(&shared->events[i], kind, slot, round))
			n++;
	return n;
}

/* The nth such event, from 0; it must be there. Its place in time is its index. */
static inline int event_index(enum event_kind kind, int slot, int round, int nth)
{
	for (int i = 0; i < MIN(atomic_load(&shared->n), EVENTS_MAX); i++)
		if (matches(&shared->events[i], kind, slot, round) && nth-- == 0)
			return i;
	fail_msg("no event %d of slot %d, round %d", kind, slot, round);
	return -1;
}

static inline pid_t pid_of(enum event_kind kind, int slot, int round, int nth)
{
	return shared->events[event_index(kind, slot, round, nth)].pid;
}

static inline void await_events(struct rig *r, enum event_kind kind, int slot, int round, int count)
{
	for (int ms = 0; ms < WAIT_MS; ms++) {
		if (events_count(kind, slot, round) >= count)
			return;
		nap_ms(1);
	}
	fail_msg("waited in vain for event %d of slot %d, round %d; the master said:\n%s", kind,
		slot, round, rig_said(r));
}

static inline void await_said(struct rig *r, const char *text)
{
	for (int ms = 0; ms < WAIT_MS && strstr(rig_said(r), text) == NULL; ms++)
		nap_ms(1);
	assert_said(r, text);
}

/* Until the master has taken every signal that was sent to it. */
static inline void await_signals_taken(struct rig *r)
{
	char path[64], line[256];
	bool pending = true;

	snprintf(path, sizeof(path), "/proc/%d/status", r->master);
	for (int ms = 0; ms < WAIT_MS && pending; ms++) {
		unsigned long long set = 0;
		FILE *f = fopen(path, "re");

		assert_non_null(f);
		while (fgets(line, sizeof(line), f) != NULL)
			if (sscanf(line, "ShdPnd: %llx", &set) == 1)
				pending = set != 0;
		fclose(f);
		nap_ms(1);
	}
	assert_false(pending);
}

static inline int said_count(struct rig *r, const char *text)
{
	int n = 0;

	for (const char *p = rig_said(r); (p = strstr(p, text)) != NULL; p++)
		n++;
	return n;
}

/* All slots have been ready and the master has said so. */
static inline void await_boot(struct rig *r)
{
	await_said(r, " serving ");
}

/* The end of every test: nobody is left, and nothing unexpected was seen in a worker. */
static inline void rig_fini(struct rig *r)
{
	assert_int_equal(r->master, 0);
	assert_true(atomic_load(&shared->n) < EVENTS_MAX);
	for (int i = 0; i < atomic_load(&shared->n); i++)
		assert_true(gone(shared->events[i].pid));
	assert_int_equal(atomic_load(&shared->odd), 0);
	fclose(r->err);
	options_fini(&r->o);
}

static inline void rig_stop(struct rig *r, int exit_code)
{
	kill(r->master, SIGTERM);
	assert_int_equal(rig_wait(r), exit_code);
	rig_fini(r);
}

/* Connects to the port of the workers; the digit of the round that answered, or -errno. */
static inline int ask(void)
{
	struct addr a;
	char err[128], byte = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	assert_int_equal(addr_parse(&a, "127.0.0.1:0", err, sizeof(err)), 0);
	addr_set_port(&a, atomic_load(&shared->port));
	rc = connect(fd, &a.sa, a.len) == 0 && read(fd, &byte, 1) == 1 ? byte - '0' : -errno;
	close(fd);
	return rc;
}

/* The parent of a process, 0 when there is no such process. */
static inline pid_t parent_of(pid_t pid)
{
	char path[64];
	int ppid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%*d %*s %*c %d", &ppid) != 1)
		ppid = 0;
	fclose(f);
	return ppid;
}

/* After a test that failed: nothing of it goes on. Only a pid that is still a worker is killed. */
static inline int rig_teardown(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(masters); i++) {
		if (masters[i] == 0)
			continue;
		kill(masters[i], SIGSTOP); /* no new workers while we look */
		for (int e = 0; e < MIN(atomic_load(&shared->n), EVENTS_MAX); e++)
			if (parent_of(shared->events[e].pid) == masters[i])
				kill(shared->events[e].pid, SIGKILL);
		kill(masters[i], SIGKILL);
		waitpid(masters[i], NULL, 0);
		masters[i] = 0;
	}
	return zero_teardown(state);
}

#define RIG_TEST(fn) cmocka_unit_test_setup_teardown(fn, zero_setup, rig_teardown)

static inline int rig_group_setup(void **state)
{
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED;
}

#define RIG_ARGS(...) ((const char *const[]){"app", "--bind", "127.0.0.1:0", __VA_ARGS__, NULL})

#endif
