#include "runtime/job_stop.h"

#include "runtime/vm.h"
#include "runtime/watchdog.h"

#include <errno.h>
#include <lauxlib.h>
#include <luajit.h>
#include <string.h>

#define SIGNAL SIGURG

#define SEARCH_BYTES 1024
#define MASKS        15   /* of lua_sethook: call, return, line, count */
#define LEAVE        0x80 /* makes compiled code leave */

/* What the thread runs; NULL: no Lua. Read by its own signal handler. */
static _Thread_local struct job_stop *volatile current;

/* ---- the byte ----------------------------------------------------------------------------------
 */

static void never(struct lua_State *L, lua_Debug *ar)
{
}

/* Of the bytes that are still candidates those that show the mask. */
static size_t sift(const volatile uint8_t *at, bool *candidate, uint8_t mask)
{
	size_t n = 0;

	for (size_t i = 0; i < SEARCH_BYTES; i++) {
		candidate[i] = candidate[i] && at[i] == mask;
		n += candidate[i];
	}
	return n;
}

/* The state's own memory goes on for several times as much as is searched. */
static volatile uint8_t *find_hooks(lua_State *L)
{
	volatile uint8_t *at = (volatile uint8_t *)L;
	bool candidate[SEARCH_BYTES];
	size_t n;

	memset(candidate, true, sizeof(candidate));
	for (int mask = 1; mask <= MASKS; mask++) {
		lua_sethook(L, never, mask, 1000000);
		sift(at, candidate, (uint8_t)mask);
	}
	lua_sethook(L, NULL, 0, 0);
	n = sift(at, candidate, 0);
	for (size_t i = 0; n == 1 && i < SEARCH_BYTES; i++)
		if (candidate[i])
			return at + i;
	return NULL;
}

void job_stop_adopt(struct job_stop *s, lua_State *L)
{
	*s = (struct job_stop){.L = L, .hooks = find_hooks(L)};
}

/* ---- the hook ----------------------------------------------------------------------------------
 */

/* With the bit set lua_sethook would take it that this state is the one that is profiled. */
static void stay(const struct job_stop *s)
{
	if (s->hooks != NULL)
		*s->hooks &= (uint8_t)~LEAVE;
}

static void unhook(struct job_stop *s)
{
	stay(s);
	lua_sethook(s->L, NULL, 0, 0);
}

/*
 * The bit has done its work. Code of ours goes on, and would not get far with it: a compiled loop
 * over pairs() leaves before its first step, and the interpreter enters it again.
 */
static void on_instruction(lua_State *L, lua_Debug *ar)
{
	stay(current);
	lua_getinfo(L, "S", ar);
	if (!vm_is_ours(ar->source))
		luaL_error(L, "the job was cancelled");
}

static void on_signal(int signum)
{
	struct job_stop *s = current;
	int saved = errno;

	if (s != NULL && atomic_load_explicit(s->cancelled, memory_order_relaxed)) {
		s->bitten = true;
		unhook(s);
		lua_sethook(s->L, on_instruction, LUA_MASKLINE | LUA_MASKCOUNT, 1);
		if (s->profiled)
			*s->hooks |= LEAVE;
	}
	errno = saved;
}

/* ---- a job -------------------------------------------------------------------------------------
 */

/* The worker's state has the profiler: it starts none, but only sets the mode. */
static void compile_with_checks(struct job_stop *s)
{
	luaJIT_profile_start(s->L, "l", NULL, NULL);
	s->profiled = true;
}

void job_stop_begin(struct job_stop *s, const atomic_bool *cancelled)
{
	if (!s->profiled && s->hooks != NULL && watchdog_is_profiling())
		compile_with_checks(s);
	s->cancelled = cancelled;
	s->bitten = false;
	current = s;
}

bool job_stop_end(struct job_stop *s)
{
	current = NULL;
	if (s->bitten)
		unhook(s);
	return s->bitten;
}

void job_stop_send(pthread_t thread)
{
	pthread_kill(thread, SIGNAL);
}

void job_stop_unblock(sigset_t *mask)
{
	sigdelset(mask, SIGNAL);
}

/* Not SA_RESTART: what blocks is to end. */
void job_stop_setup(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	ENSURE(sigaction(SIGNAL, &action, NULL) == 0);
}
