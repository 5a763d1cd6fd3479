#include "runtime/watchdog.h"

#include "base/buf.h"
#include "base/log.h"
#include "net/pulse.h"
#include "runtime/sched_int.h"

#include <lauxlib.h>
#include <luajit.h>
#include <errno.h>
#include <lua.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct watchdog watchdog;

#define PROFILE_MODE "li10" /* a check in each compiled line; a sample every 10 ms */
#define CHARGE_MAX   50000  /* of one sample, us: signals that were held up are not made up for */
#define PLACE_MAX    160
#define PLACES_MAX   256 /* of the stall report; what comes after them is not reported */
#define LEVELS_MAX   50  /* of a stack that are searched for the application's code */
#define PROTECT      "\t[C]: in function 'xpcall'"

static struct {
	bool running;                             /* the profiler is ours */
	void (*sample)(int, siginfo_t *, void *); /* LuaJIT's own handler */
	uint64_t cpu_us;                          /* of this thread at the last signal */
	volatile bool biting;                     /* the hook is set */
	lua_Hook old_hook;                        /* the application's own, while biting */
	int old_mask, old_count;
	unsigned samples;            /* taken in this run */
	char place[PLACE_MAX];       /* where one of them was */
	uint64_t places[PLACES_MAX]; /* hashes of what was reported */
	unsigned places_n;
} dog;

/* ---- where -------------------------------------------------------------------------------------
 */

/* Modules of the binary are named without a file name's ending. */
static bool is_ours(const char *source)
{
	size_t n = strlen(source);

	return strncmp(source, "@moonloop.", 10) == 0 && strcmp(source + n - 4, ".lua") != 0;
}

/* The innermost line of the application. */
static void find_place(lua_State *L, char *out)
{
	lua_Debug ar;

	for (int level = 0; level < LEVELS_MAX && lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline <= 0 || is_ours(ar.source))
			continue;
		snprintf(out, PLACE_MAX, "%s:%d", ar.short_src, ar.currentline);
		return;
	}
	out[0] = '\0';
}

static void log_subject(struct log_line *l, const struct task *t)
{
	struct watchdog_subject s = {{"", 0}, {"", 0}};

	watchdog.config.describe(t, &s);
	if (s.method.n == 0)
		return;
	log_str(l, "method", s.method);
	log_str(l, "path", s.path);
}

/* ---- the budget --------------------------------------------------------------------------------
 */

/* Frames of the gateway's own Lua say nothing to a user. */
static void add_frames(struct buf *b, lua_State *L, lua_State *of)
{
	const char *line, *end;

	luaL_traceback(L, of, NULL, 0);
	for (line = lua_tostring(L, -1); *line != '\0'; line = end) {
		end = strchrnul(line, '\n');
		end += *end == '\n';
		if (strncmp(line, "\tmoonloop.", 10) != 0 &&
			strncmp(line, PROTECT, sizeof(PROTECT) - 1) != 0)
			buf_append(b, line, (size_t)(end - line));
	}
	lua_pop(L, 1);
}

static void report(lua_State *L, const struct task *t, const char *message)
{
	struct log_line l;
	struct buf b = {0};

	buf_puts(&b, message);
	buf_putc(&b, '\n');
	add_frames(&b, L, L);
	if (L != t->co) {
		buf_putc(&b, '\n');
		add_frames(&b, L, t->co);
	}
	log_begin(&l, LOG_ERROR, "task.cpu_budget");
	log_subject(&l, t);
	log_num(&l, "budget_s", (double)t->budget_us / 1e6);
	log_num(&l, "cpu_s", (double)t->cpu_us / 1e6);
	log_text(&l, "traceback", buf_span(&b));
	log_end(&l);
	buf_fini(&b);
}

/* Below any pcall the next instruction raises again. */
static void on_instruction(lua_State *L, lua_Debug *ar)
{
	struct task *t = sched_current();
	const char *message;

	lua_getinfo(L, "Sl", ar);
	if (t == NULL || is_ours(ar->source))
		return;
	if (t->interrupted) {
		t->stopped = true;
		luaL_error(L, "%s:%d: interrupted", ar->short_src, ar->currentline);
	}
	message = lua_pushfstring(L, "%s:%d: the task has used up its CPU budget of %f s",
		ar->short_src, ar->currentline, (double)t->budget_us / 1e6);
	if (!t->stopped) {
		t->stopped = true;
		report(L, t, message);
	}
	lua_error(L);
}

/*
 * Lua_sethook is made for signal handlers. One that interrupts LuaJIT in just this work may leave
 * it half done: it is off and on again at each signal until the task is out.
 */
void watchdog_bite(void)
{
	lua_State *L = sched.L;

	if (!dog.biting) {
		dog.old_hook = lua_gethook(L);
		dog.old_mask = lua_gethookmask(L);
		dog.old_count = lua_gethookcount(L);
	}
	dog.biting = watchdog.busy = true;
	lua_sethook(L, NULL, 0, 0);
	lua_sethook(L, on_instruction, LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

void watchdog_undo(void)
{
	if (dog.biting)
		lua_sethook(sched.L, dog.old_hook, dog.old_mask, dog.old_count);
	dog.biting = watchdog.busy = false;
	dog.samples = 0;
	dog.place[0] = '\0';
}

void watchdog_interrupt(struct task *t)
{
	t->interrupted = t->over = true;
	watchdog_bite();
}

/* ---- the sampler -------------------------------------------------------------------------------
 */

static uint64_t thread_cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The signal counts pool threads too: the task is charged with this thread's share. */
static void charge(struct task *t)
{
	uint64_t now = thread_cpu_us(), used = now - dog.cpu_us;

	dog.cpu_us = now;
	if (t != NULL)
		t->cpu_us += MIN(used, CHARGE_MAX);
}

static void on_sigprof(int signum, siginfo_t *info, void *context)
{
	int saved = errno;
	struct task *t = sched_current();

	charge(t);
	if (t != NULL) {
		dog.sample(signum, info, context);
		if (t->budget_us != 0 && t->cpu_us >= t->budget_us) {
			t->over = true;
			watchdog_bite();
		}
	}
	errno = saved;
}

/* Between two instructions, soon after a signal. A hook that is set in here would be lost. */
static void on_sample(void *data, lua_State *L, int samples, int vmstate)
{
	if (dog.biting) {
		luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH);
		return;
	}
	watchdog.busy = true;
	/* Of many samples one from the second half. */
	if ((dog.samples & (dog.samples + 1)) == 0)
		find_place(L, dog.place);
	dog.samples++;
}

static int refuse_profiler(lua_State *L)
{
	return luaL_error(L, "jit.profile: the gateway's CPU guard uses the profiler; "
			     "--cpu-budget 0 --stall-report 0 sets it free");
}

static void reserve_profiler(lua_State *L)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "preload");
	lua_pushcfunction(L, refuse_profiler);
	lua_setfield(L, -2, "jit.profile");
	lua_pop(L, 2);
}

/* LuaJIT installs its handler and its timer; ours takes the place of the one and calls it. */
static void start(void)
{
	struct sigaction ours, theirs;

	reserve_profiler(sched.L);
	luaJIT_profile_start(sched.L, PROFILE_MODE, on_sample, NULL);
	ENSURE(sigaction(SIGPROF, NULL, &theirs) == 0);
	dog.sample = theirs.sa_sigaction; /* or sa_handler: the same word, and more arguments */
	ours = theirs;
	ours.sa_flags |= SA_SIGINFO | SA_RESTART;
	ours.sa_sigaction = on_sigprof;
	dog.cpu_us = thread_cpu_us();
	ENSURE(sigaction(SIGPROF, &ours, NULL) == 0);
	dog.running = true;
}

/* ---- stalls ------------------------------------------------------------------------------------
 */

/* FNV-1a. True the first time. */
static bool is_new(struct span a, struct span b)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < a.n; i++)
		h = (h ^ (unsigned char)a.p[i]) * 1099511628211u;
	for (size_t i = 0; i < b.n; i++)
		h = (h ^ (unsigned char)b.p[i]) * 1099511628211u;
	for (unsigned i = 0; i < dog.places_n; i++)
		if (dog.places[i] == h)
			return false;
	if (dog.places_n == PLACES_MAX)
		return false;
	dog.places[dog.places_n++] = h;
	return true;
}

void watchdog_stalled(const struct task *t, uint64_t took_us)
{
	struct watchdog_subject s = {{"", 0}, {"", 0}};
	struct span place = {dog.place, strlen(dog.place)};
	struct log_line l;

	if (t->kind == TASK_BOOT) /* nobody waits yet */
		return;
	watchdog.config.describe(t, &s);
	if (place.n > 0 ? !is_new(place, SPAN("")) : !is_new(s.method, s.path))
		return;
	log_begin(&l, LOG_WARN, "loop.stalled");
	log_str(&l, "place", place.n > 0 ? place : SPAN("a blocking call"));
	log_int(&l, "ms", (int64_t)(took_us / 1000));
	log_subject(&l, t);
	log_end(&l);
}

/*
 * The master asks what this worker is stuck in, and then kills it. Nothing can be broken here any
 * more: what is read may be in the middle of a change, but is not freed.
 */
static void on_sigusr2(int signum)
{
	int saved = errno;
	const struct task *t = sched_current();
	struct watchdog_subject s = {{"", 0}, {"", 0}};
	char place[PLACE_MAX] = "";
	size_t n = 0, cap = sizeof(pulse->serving);

	if (t != NULL) {
		watchdog.config.describe(t, &s);
		if (t->co != NULL)
			find_place(t->co, place);
	}
	if (s.method.n > 0)
		n = (size_t)snprintf(pulse->serving, cap / 2, "%.*s %.*s", (int)s.method.n,
			s.method.p, (int)s.path.n, s.path.p);
	else
		n = (size_t)snprintf(pulse->serving, cap / 2, "%s", t != NULL ? "a task" : "");
	n = MIN(n, cap / 2 - 1);
	if (place[0] != '\0')
		snprintf(pulse->serving + n, cap - n, " at %s", place);
	atomic_store(&pulse->answered, true);
	errno = saved;
}

/* ---- life --------------------------------------------------------------------------------------
 */

void watchdog_set_budget(struct task *t, uint64_t budget_us)
{
	t->budget_us = budget_us;
	if (budget_us != 0 && !dog.running)
		start();
}

void watchdog_setup(lua_State *L, const struct watchdog_config *config)
{
	struct sigaction asked = {.sa_handler = on_sigusr2, .sa_flags = SA_RESTART};

	memset(&dog, 0, sizeof(dog));
	watchdog = (struct watchdog){.config = *config};
	ENSURE(L == sched.L);
	ENSURE(sigaction(SIGUSR2, &asked, NULL) == 0);
	if (config->budget_us != 0 || config->stall_us != 0)
		start();
}

/* A signal on its way finds no task. */
void watchdog_teardown(void)
{
	if (dog.running)
		luaJIT_profile_stop(sched.L);
	dog.running = false;
	signal(SIGUSR2, SIG_IGN);
}
