#include "runtime/watchdog_int.h"

#include "runtime/sched_int.h"
#include "runtime/vm.h"

#include <lauxlib.h>
#include <luajit.h>
#include <errno.h>
#include <lua.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

struct watchdog watchdog;

#define CHECKED    "l"   /* profile mode: a check in each compiled line */
#define INTERVAL   "i10" /* profile mode: a sample every 10 ms */
#define CHARGE_MAX 50000 /* of one sample, us: signals that were held up are not made up for */
#define PLACES_MAX 256   /* of the stall report; what comes after them is not reported */
#define LEVELS_MAX 50    /* of a stack that are searched for the application's code */
#define PROTECT    "\t[C]: in function 'xpcall'"

static struct {
	struct generation *home;                  /* for whom the profiler is; NULL: none yet */
	struct generation *at;                    /* who has it: home, or one that is bitten */
	atomic_bool running;                      /* the profiler is ours */
	void (*sample)(int, siginfo_t *, void *); /* LuaJIT's own handler */
	uint64_t cpu_us;                          /* of this thread at the last signal */
	volatile bool hooked;                     /* our hook is set, in the running state */
	lua_Hook old_hook;                        /* the application's own, meanwhile */
	int old_mask, old_count;
	unsigned samples;               /* taken in this run */
	char place[WATCHDOG_PLACE_MAX]; /* where one of them was */
} dog;

static void move_profiler(struct generation *to, const char *mode);

/* ---- the budget --------------------------------------------------------------------------------
 */

static void unhook(lua_State *L)
{
	if (dog.hooked)
		lua_sethook(L, dog.old_hook, dog.old_mask, dog.old_count);
	dog.hooked = false;
}

static void note_sample(lua_State *L)
{
	watchdog.busy = true;
	/* Of many samples one from the second half. */
	if ((dog.samples & (dog.samples + 1)) == 0)
		watchdog_place(L, dog.place);
	dog.samples++;
}

/* Below any pcall the next instruction raises again. */
static void on_instruction(lua_State *L, lua_Debug *ar)
{
	struct task *t = sched_current();
	const char *message;

	if (t == NULL)
		return;
	if (!t->over) {
		unhook(L);
		note_sample(L);
		return;
	}
	lua_getinfo(L, "Sl", ar);
	if (vm_is_ours(ar->source))
		return;
	if (t->interrupted) {
		t->stopped = true;
		luaL_error(L, "%s:%d: interrupted", ar->short_src, ar->currentline);
	}
	message = lua_pushfstring(L, "%s:%d: the task has used up its CPU budget of %f s",
		ar->short_src, ar->currentline, (double)t->budget_us / 1e6);
	if (!t->stopped) {
		t->stopped = true;
		watchdog_report_budget(L, t, message);
	}
	lua_error(L);
}

/*
 * Lua_sethook is made for signal handlers. One that interrupts LuaJIT in just this work may leave
 * it half done: it is off and on again at each signal until the task is out.
 */
static void hook(lua_State *L)
{
	if (!dog.hooked) {
		dog.old_hook = lua_gethook(L);
		dog.old_mask = lua_gethookmask(L);
		dog.old_count = lua_gethookcount(L);
	}
	dog.hooked = watchdog.busy = true;
	lua_sethook(L, NULL, 0, 0);
	lua_sethook(L, on_instruction, LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

void watchdog_bite(const struct task *t)
{
	if (dog.hooked && t->generation != dog.at)
		move_profiler(t->generation, INTERVAL); /* the hook is not heard */
	hook(t->generation->L);
}

void watchdog_undo(const struct task *t)
{
	unhook(t->generation->L);
	if (dog.at != dog.home)
		move_profiler(dog.home, CHECKED INTERVAL);
	watchdog.busy = false;
	dog.samples = 0;
	dog.place[0] = '\0';
}

void watchdog_interrupt(struct task *t)
{
	t->interrupted = t->over = true;
	watchdog_bite(t);
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
		if (t->generation == dog.at)
			dog.sample(signum, info, context);
		else if (!t->over)
			hook(t->generation->L);
		if (t->budget_us != 0 && t->cpu_us >= t->budget_us) {
			t->over = true;
			watchdog_bite(t);
		}
	}
	errno = saved;
}

/*
 * Between two instructions, soon after a signal. A hook that is set in here would be lost. In a
 * pool thread, whose state has the bit that LuaJIT knows it by (job_stop.h), it is not for us.
 */
static void on_sample(void *data, lua_State *L, int samples, int vmstate)
{
	if (sched_current() == NULL)
		return;
	if (dog.hooked)
		luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH);
	else
		note_sample(L);
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
static void start_profiler(struct generation *g, const char *mode)
{
	struct sigaction ours, theirs;

	luaJIT_profile_start(g->L, mode, on_sample, NULL);
	ENSURE(sigaction(SIGPROF, NULL, &theirs) == 0);
	dog.sample = theirs.sa_sigaction; /* or sa_handler: the same word, and more arguments */
	ours = theirs;
	ours.sa_flags |= SA_SIGINFO | SA_RESTART;
	ours.sa_sigaction = on_sigprof;
	ENSURE(sigaction(SIGPROF, &ours, NULL) == 0);
	dog.at = g;
}

/* Refused, as another state has the profiler; but the checks are in what it compiles from now on.
 */
static void compile_checks(struct generation *g)
{
	luaJIT_profile_start(g->L, CHECKED, on_sample, NULL);
}

static void move_profiler(struct generation *to, const char *mode)
{
	struct generation *from = dog.at;

	luaJIT_profile_stop(from->L);
	start_profiler(to, mode);
	compile_checks(from);
}

static void start(void)
{
	dog.cpu_us = thread_cpu_us();
	start_profiler(dog.home, CHECKED INTERVAL);
	dog.running = true;
	for (struct list *l = sched.generations.next; l != &sched.generations; l = l->next) {
		struct generation *g = container_of(l, struct generation, link);

		reserve_profiler(g->L);
		if (g != dog.home)
			compile_checks(g);
	}
}

void watchdog_stalled(const struct task *t, uint64_t took_us)
{
	if (t->kind != TASK_BOOT || t->generation != dog.home) /* else nobody waits yet */
		watchdog_report_stall(t, dog.place, took_us);
}

/* ---- life --------------------------------------------------------------------------------------
 */

bool watchdog_is_profiling(void)
{
	return dog.running;
}

void watchdog_set_budget(struct task *t, uint64_t budget_us)
{
	t->budget_us = budget_us;
	if (budget_us != 0 && !dog.running)
		start();
}

void watchdog_setup(const struct watchdog_config *config)
{
	struct sigaction asked = {.sa_handler = watchdog_answer, .sa_flags = SA_RESTART};

	memset(&dog, 0, sizeof(dog));
	watchdog_report_afresh();
	watchdog = (struct watchdog){.config = *config};
	ENSURE(sigaction(SIGUSR2, &asked, NULL) == 0);
}

void watchdog_admit(struct generation *g)
{
	bool wanted = watchdog.config.budget_us != 0 || watchdog.config.stall_us != 0;

	if (dog.home == NULL)
		dog.home = g;
	if (dog.running) {
		reserve_profiler(g->L);
		compile_checks(g);
	} else if (wanted) {
		start();
	}
}

void watchdog_follow(struct generation *g)
{
	dog.home = g;
	watchdog_report_afresh();
	if (dog.running && dog.at != g)
		move_profiler(g, INTERVAL);
}

/* A signal on its way finds no task. */
void watchdog_release(struct generation *g)
{
	if (g != dog.home)
		return;
	if (dog.running)
		luaJIT_profile_stop(g->L);
	dog.running = false;
	dog.home = dog.at = NULL;
}

void watchdog_teardown(void)
{
	ENSURE(dog.home == NULL);
	signal(SIGUSR2, SIG_IGN);
}
