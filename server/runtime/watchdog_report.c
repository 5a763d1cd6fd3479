/* What the guard tells: where a task is, in the log and to the master. */
#include "runtime/watchdog_int.h"

#include "base/buf.h"
#include "base/log.h"
#include "net/pulse.h"
#include "runtime/sched.h"
#include "runtime/vm.h"

#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

#define PLACES_MAX 256 /* of the stall report; what comes after them is not reported */
#define LEVELS_MAX 50  /* of a stack that are searched for the application's code */
#define PROTECT    "\t[C]: in function 'xpcall'"

static struct {
	uint64_t places[PLACES_MAX]; /* hashes */
	unsigned n;
} told;

/* ---- where -------------------------------------------------------------------------------------
 */

/* The innermost line of the application. */
void watchdog_place(lua_State *L, char out[static WATCHDOG_PLACE_MAX])
{
	lua_Debug ar;

	for (int level = 0; level < LEVELS_MAX && lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline <= 0 || vm_is_ours(ar.source))
			continue;
		snprintf(out, WATCHDOG_PLACE_MAX, "%s:%d", ar.short_src, ar.currentline);
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

void watchdog_report_budget(lua_State *L, const struct task *t, const char *message)
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
	for (unsigned i = 0; i < told.n; i++)
		if (told.places[i] == h)
			return false;
	if (told.n == PLACES_MAX)
		return false;
	told.places[told.n++] = h;
	return true;
}

void watchdog_report_afresh(void)
{
	told.n = 0;
}

void watchdog_report_stall(const struct task *t, const char *where, uint64_t took_us)
{
	struct watchdog_subject s = {{"", 0}, {"", 0}};
	struct span place = span_of(where);
	struct log_line l;

	watchdog.config.describe(t, &s);
	if (place.n > 0 ? !is_new(place, SPAN("")) : !is_new(s.method, s.path))
		return;
	if (place.n == 0)
		place = t->kind == TASK_BOOT ? SPAN("loading") : SPAN("a blocking call");
	log_begin(&l, LOG_WARN, "loop.stalled");
	log_str(&l, "place", place);
	log_int(&l, "ms", (int64_t)(took_us / 1000));
	log_subject(&l, t);
	log_end(&l);
}

/* ---- the master's question ---------------------------------------------------------------------
 */

/*
 * The master asks what this worker is stuck in, and then kills it. Nothing can be broken here any
 * more: what is read may be in the middle of a change, but is not freed.
 */
void watchdog_answer(int signum)
{
	int saved = errno;
	const struct task *t = sched_current();
	struct watchdog_subject s = {{"", 0}, {"", 0}};
	char place[WATCHDOG_PLACE_MAX] = "";
	size_t n = 0, cap = sizeof(pulse->serving);

	if (t != NULL) {
		watchdog.config.describe(t, &s);
		if (t->co != NULL)
			watchdog_place(t->co, place);
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
