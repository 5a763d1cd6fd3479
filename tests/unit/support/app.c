#include "app.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum verdict {
	WAIT,   /* step again when woken */
	DONE,   /* the application returned */
	FAILED, /* it raised */
	ON,     /* a helper's answer: go on */
};

struct task {
	struct list all, run;
	struct exchange *ex; /* valid: we hold it */
	enum verdict (*step)(struct task *t);
	int phase;
	unsigned chunks; /* left to be sent */
	size_t size;     /* of each */
	struct buf buf;  /* what is being sent */
	size_t pos;
	bool more; /* of the request's body */
	bool end;  /* buf is the last of the response */
	bool ended;
	bool went; /* the test said go */
};

struct app_seen app_seen;

static struct list tasks, runnable;

/* ---- helpers -----------------------------------------------------------------------------------
 */

static enum verdict failed(int rc)
{
	if (rc != ERR_AGAIN)
		app_seen.error = rc;
	/* The peer is gone: an application returns. Anything else is raised. */
	return rc == ERR_AGAIN ? WAIT : rc == ERR_CLOSED || rc == ERR_SHUTDOWN ? DONE : FAILED;
}

static enum verdict start(struct task *t, int status, const char *type)
{
	int rc = exchange_start(t->ex, status, false);

	if (rc == 0 && type != NULL)
		rc = exchange_header(t->ex, SPAN("content-type"), span_of(type));
	return rc == 0 ? ON : failed(rc);
}

static void load(struct task *t, const char *text, bool end)
{
	buf_clear(&t->buf);
	buf_puts(&t->buf, text);
	t->pos = 0;
	t->end = end;
}

/* Sends what is left of t->buf. */
static enum verdict put(struct task *t)
{
	while (t->pos < t->buf.n || (t->end && !t->ended)) {
		int64_t n = exchange_write(t->ex, t->buf.p + t->pos, t->buf.n - t->pos, t->end);

		if (n < 0)
			return failed((int)n);
		t->pos += (size_t)n;
		t->ended = t->end && t->pos == t->buf.n;
	}
	return ON;
}

/* The next piece of the request's body to t->buf. */
static enum verdict take(struct task *t)
{
	struct span piece;
	int rc = exchange_read(t->ex, &piece, &t->more);

	if (rc < 0)
		return failed(rc);
	app_seen.took += piece.n;
	buf_clear(&t->buf);
	buf_append(&t->buf, piece.p, piece.n);
	t->pos = 0;
	return ON;
}

/* Reads all of it and drops it. */
static enum verdict take_all(struct task *t)
{
	enum verdict v;

	while (t->more) {
		v = take(t);
		if (v != ON)
			return v;
	}
	return ON;
}

static enum verdict answer(struct task *t, int status, const char *text)
{
	if (t->phase < 100) {
		enum verdict v = start(t, status, "text/plain");

		if (v != ON)
			return v;
		load(t, text, true);
		t->phase = 100;
	}
	enum verdict v = put(t);

	return v == ON ? DONE : v;
}

/* ---- behaviours --------------------------------------------------------------------------------
 */

static enum verdict hello(struct task *t)
{
	return answer(t, 200, "hello\n");
}

static enum verdict inspect(struct task *t)
{
	const struct head *h = &t->ex->head;
	struct buf b = {0};
	enum verdict v;

	buf_printf(&b, "%.*s HTTP/%d.%d\n", (int)h->method.n, h->method.p, h->major, h->minor);
	buf_printf(&b, "path %.*s\n", (int)h->path.n, h->path.p);
	buf_printf(&b, "raw %.*s\n", (int)h->raw_path.n, h->raw_path.p);
	buf_printf(&b, "query %.*s\n", (int)h->query.n, h->query.p);
	for (uint32_t i = 0; i < h->fields.n; i++) {
		struct span name = field_name(&h->fields, i), value = field_value(&h->fields, i);

		buf_printf(&b, "%.*s=%.*s\n", (int)name.n, name.p, (int)value.n, value.p);
	}
	v = answer(t, 200, buf_cstr(&b));
	buf_fini(&b);
	return v;
}

/* The body back, piece by piece. */
static enum verdict echo(struct task *t)
{
	enum verdict v = put(t);

	while (v == ON && !t->ended) {
		v = take(t);
		if (v != ON)
			break;
		if (t->phase++ == 0)
			v = start(t, 200, NULL);
		if (v != ON)
			break;
		t->end = !t->more;
		v = put(t);
	}
	return v == ON ? DONE : v;
}

static enum verdict count(struct task *t)
{
	enum verdict v = take_all(t);
	char text[32];

	if (v != ON)
		return v;
	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)t->ex->in_total);
	return answer(t, 200, text);
}

static enum verdict slow_count(struct task *t)
{
	return t->went || t->ex->gone != GONE_NOT ? count(t) : WAIT;
}

/* N chunks of SIZE bytes of 'x'. */
static enum verdict send_chunks(struct task *t)
{
	enum verdict v = put(t);

	while (v == ON && !t->ended) {
		buf_clear(&t->buf);
		if (t->chunks > 0)
			memset(buf_reserve(&t->buf, t->size), 'x', t->size);
		t->buf.n = t->chunks > 0 ? t->size : 0;
		t->pos = 0;
		t->end = t->chunks <= 1;
		if (t->chunks > 0)
			t->chunks--;
		v = put(t);
	}
	return v == ON ? DONE : v;
}

static enum verdict stream(struct task *t)
{
	if (t->phase++ == 0) {
		enum verdict v = start(t, 200, NULL);

		if (v != ON)
			return v;
	}
	return send_chunks(t);
}

static enum verdict sized(struct task *t)
{
	if (t->phase++ == 0) {
		char length[32];
		int n = snprintf(
			length, sizeof(length), "%llu", (unsigned long long)t->chunks * t->size);
		enum verdict v = start(t, 200, NULL);

		if (v != ON)
			return v;
		exchange_header(t->ex, SPAN("content-length"), (struct span){length, (size_t)n});
	}
	return send_chunks(t);
}

static enum verdict slow(struct task *t)
{
	if (t->ex->gone != GONE_NOT || t->ex->codec == NULL)
		return DONE;
	return t->went ? hello(t) : WAIT;
}

static enum verdict slow_stream(struct task *t)
{
	enum verdict v;

	if (t->phase == 0) {
		t->phase = 1;
		v = start(t, 200, NULL);
		if (v != ON)
			return v;
		load(t, "one\n", false);
		v = put(t);
		if (v != ON)
			return v;
	}
	if (t->ex->gone != GONE_NOT || t->ex->codec == NULL)
		return DONE;
	if (!t->went)
		return WAIT;
	if (t->phase++ == 1)
		load(t, "two\n", true);
	v = put(t);
	return v == ON ? DONE : v;
}

static enum verdict never(struct task *t)
{
	return t->ex->gone != GONE_NOT || t->ex->codec == NULL ? DONE : WAIT;
}

/* Reads until it is told that nobody is there. */
static enum verdict until_gone(struct task *t)
{
	enum verdict v;

	do
		v = take(t);
	while (v == ON);
	return v;
}

/* Answers, then waits for the disconnect. */
static enum verdict answer_and_stay(struct task *t)
{
	if (!t->ended) {
		enum verdict v = hello(t);

		if (v != DONE)
			return v;
	}
	return until_gone(t);
}

/* Streams until a drain or the peer ends it. */
static enum verdict events(struct task *t)
{
	enum verdict v;

	if (t->phase == 0) {
		t->phase = 1;
		v = start(t, 200, NULL);
		if (v != ON)
			return v;
		load(t, "event\n", false);
		v = put(t);
		if (v != ON)
			return v;
	}
	v = until_gone(t);
	if (v != DONE || app_seen.error != ERR_SHUTDOWN)
		return v;
	load(t, "bye\n", true);
	v = put(t);
	return v == ON ? DONE : v;
}

/* Begins the answer, then reads. */
static enum verdict late_read(struct task *t)
{
	enum verdict v;

	if (t->phase == 0) {
		t->phase = 1;
		v = start(t, 200, NULL);
		if (v != ON)
			return v;
		load(t, "first\n", false);
		v = put(t);
		if (v != ON)
			return v;
	}
	if (t->phase == 1) {
		v = take_all(t);
		if (v != ON)
			return v;
		t->phase = 2;
		load(t, "last\n", true);
	}
	v = put(t);
	return v == ON ? DONE : v;
}

static enum verdict early_hint(struct task *t)
{
	if (t->phase == 0)
		exchange_early_hint(t->ex, SPAN("</style.css>; rel=preload"));
	return hello(t);
}

static enum verdict trailers(struct task *t)
{
	enum verdict v;

	if (t->phase++ == 0) {
		int rc = exchange_start(t->ex, 200, true);

		if (rc < 0)
			return failed(rc);
		load(t, "body\n", true);
	}
	v = put(t);
	if (v != ON)
		return v;
	exchange_trailer(t->ex, SPAN("x-sum"), SPAN("42"));
	exchange_end_trailers(t->ex);
	return DONE;
}

/* Announces trailers and returns without them. */
static enum verdict no_trailers(struct task *t)
{
	enum verdict v;

	if (t->phase++ == 0) {
		exchange_start(t->ex, 200, true);
		load(t, "body\n", true);
	}
	v = put(t);
	return v == ON ? DONE : v;
}

static enum verdict file(struct task *t)
{
	char name[] = "/tmp/wire-XXXXXX";
	int fd = mkstemp(name);
	int rc;

	unlink(name);
	for (size_t i = 0; i < t->size; i++)
		ENSURE(write(fd, &"0123456789"[i % 10], 1) == 1);
	rc = exchange_start(t->ex, 200, false);
	/* `chunks` bytes are left out at the beginning, and said to be there at the end. */
	if (rc == 0)
		rc = exchange_write_file(t->ex, fd, t->chunks, t->size);
	if (rc < 0) {
		close(fd);
		return failed(rc);
	}
	return DONE;
}

static enum verdict short_body(struct task *t)
{
	start(t, 200, NULL);
	exchange_header(t->ex, SPAN("content-length"), SPAN("100"));
	load(t, "only this", true);
	put(t);
	return DONE;
}

/* More than declared is refused and nothing of it is sent; what fits, then, is. */
static enum verdict long_body(struct task *t)
{
	start(t, 200, NULL);
	exchange_header(t->ex, SPAN("content-length"), SPAN("3"));
	load(t, "four", true);
	put(t);
	load(t, "the", true);
	put(t);
	return DONE;
}

static enum verdict raise_early(struct task *t)
{
	return FAILED;
}

static enum verdict raise_started(struct task *t)
{
	start(t, 200, "text/plain");
	return FAILED;
}

static enum verdict raise_late(struct task *t)
{
	start(t, 200, "text/plain");
	load(t, "some", false);
	put(t);
	return FAILED;
}

static enum verdict just_return(struct task *t)
{
	return DONE;
}

static enum verdict status(struct task *t)
{
	return answer(t, (int)t->chunks, t->size > 0 ? "body\n" : "");
}

static enum verdict dated(struct task *t)
{
	if (t->phase == 0) {
		start(t, 200, NULL);
		exchange_header(t->ex, SPAN("Date"), SPAN("Thu, 01 Jan 1970 00:00:00 GMT"));
		load(t, "old\n", true);
		t->phase = 100;
	}
	return answer(t, 200, "");
}

/* PATH, or PATH/N, or PATH/N/M: `chunks` and `size`. */
static const struct {
	const char *path;
	enum verdict (*step)(struct task *t);
} behaviours[] = {
	{"/hello", hello},
	{"/inspect", inspect},
	{"/echo", echo},
	{"/count", count},
	{"/slow-count", slow_count},
	{"/stream", stream},
	{"/sized", sized},
	{"/slow", slow},
	{"/slow-stream", slow_stream},
	{"/never", never},
	{"/until-gone", until_gone},
	{"/answer-and-stay", answer_and_stay},
	{"/events", events},
	{"/late-read", late_read},
	{"/early-hint", early_hint},
	{"/trailers", trailers},
	{"/no-trailers", no_trailers},
	{"/file", file},
	{"/short", short_body},
	{"/long", long_body},
	{"/raise", raise_early},
	{"/raise-started", raise_started},
	{"/raise-late", raise_late},
	{"/return", just_return},
	{"/status", status},
	{"/dated", dated},
};

/* ---- tasks -------------------------------------------------------------------------------------
 */

static void choose(struct task *t, struct span path)
{
	t->step = inspect; /* any other path */
	for (size_t i = 0; i < ARRAY_LEN(behaviours); i++) {
		size_t n = strlen(behaviours[i].path);
		char numbers[64] = "";

		if (path.n < n || memcmp(path.p, behaviours[i].path, n) != 0)
			continue;
		if (path.n > n && path.p[n] != '/')
			continue;
		memcpy(numbers, path.p + n, MIN(path.n - n, sizeof(numbers) - 1));
		sscanf(numbers, "/%u/%zu", &t->chunks, &t->size);
		/* Paths may come from a fuzzer. */
		t->chunks = MIN(t->chunks, 1000u);
		t->size = MIN(t->size, (size_t)1 << 20);
		t->step = behaviours[i].step;
	}
}

static void wake(struct task *t)
{
	if (list_empty(&t->run))
		list_add(&runnable, &t->run);
}

static void on_opened(struct exchange *ex)
{
	struct task *t;

	if (app_seen.refuse) {
		exchange_app_done(ex, true);
		return;
	}
	t = mem_zalloc(sizeof(*t));
	t->ex = ex;
	t->more = true;
	list_init(&t->all);
	list_init(&t->run);
	list_add(&tasks, &t->all);
	choose(t, ex->head.path);
	app_seen.opened++;
	app_seen.live++;
	buf_printf(&app_seen.log, "%.*s %.*s\n", (int)ex->head.method.n, ex->head.method.p,
		(int)ex->head.target.n, ex->head.target.p);
	ex->app = 1;
	wake(t);
}

static struct task *task_of(const struct exchange *ex)
{
	for (struct list *n = tasks.next; n != &tasks; n = n->next) {
		struct task *t = container_of(n, struct task, all);

		if (t->ex == ex)
			return t;
	}
	return NULL;
}

static void on_changed(struct exchange *ex, unsigned events)
{
	struct task *t = task_of(ex);

	ENSURE(t != NULL);
	if (events & EXCHANGE_GONE)
		app_seen.gone = ex->gone;
	if (events & EXCHANGE_DRAIN)
		app_seen.hints++;
	wake(t);
}

const struct app_port app_port = {.opened = on_opened, .changed = on_changed};

static void end(struct task *t, bool did_fail)
{
	if (did_fail)
		app_seen.failed++;
	app_seen.live--;
	exchange_app_done(t->ex, did_fail);
	list_del(&t->all);
	list_del(&t->run);
	buf_fini(&t->buf);
	mem_free(t);
}

static bool run(void *arg, uint64_t budget_us)
{
	struct list *node;

	for (struct list *n = tasks.next; n != &tasks; n = n->next) {
		struct task *t = container_of(n, struct task, all);

		app_seen.in_peak = MAX(app_seen.in_peak, t->ex->in.total);
	}
	while ((node = list_take(&runnable)) != NULL) {
		struct task *t = container_of(node, struct task, run);
		enum verdict v = t->step(t);

		if (v != WAIT)
			end(t, v == FAILED);
	}
	return false;
}

void app_setup(struct loop *loop)
{
	list_init(&tasks);
	list_init(&runnable);
	app_seen = (struct app_seen){0};
	loop_set_runner(loop, run, NULL);
}

void app_teardown(void)
{
	ENSURE(list_empty(&tasks) && list_empty(&runnable));
	buf_fini(&app_seen.log);
}

void app_go(void)
{
	for (struct list *n = tasks.next; n != &tasks; n = n->next) {
		struct task *t = container_of(n, struct task, all);

		t->went = true;
		wake(t);
	}
}

bool app_runnable(void)
{
	return !list_empty(&runnable);
}
