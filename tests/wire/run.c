/*
 * Performs conversations (README.md) over an in-memory connection: whole, byte by byte, with
 * short writes, and cut at random.
 *
 *     run [--fuzz ROUNDS] FILE.wire …
 *
 * WIRE_SEED and WIRE_CUTS (random runs per conversation) come from the environment, and so does
 * WIRE_ONLY, a part of the titles to run.
 */
#include "run.h"

#include "answer.h"
#include "app.h"
#include "base/mem.h"
#include "script.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum how {
	HOW_WHOLE,
	HOW_BYTES,
	HOW_SHORT_WRITES,
	HOW_CUTS,
};

static const char *const how_names[] = {"whole", "byte by byte", "short writes", "cut at random"};

struct run {
	const struct script *script;
	const struct conversation *c;
	enum how how;
	struct dice dice;
	uint64_t seed; /* of this run */
	struct remote *remote;
	size_t at;        /* how much of peer->got was accounted for */
	unsigned answers; /* seen, the final ones */
	unsigned writes;  /* of the peer, at the last look */
	const struct step *step;
	bool ok;
};

static void fail(struct run *r, const char *why)
{
	struct buf got = {0};
	size_t n = r->remote->got.n - r->at;

	if (!r->ok)
		return;
	r->ok = false;
	script_escape(&got, (struct span){r->remote->got.p + r->at, MIN(n, (size_t)2000)});
	fprintf(stderr,
		"%s:%d: %s\n  in \"%s\", %s, seed %llu\n  the output from here on (%zu "
		"bytes):\n%s\n",
		r->script->path, r->step->line, why, r->c->title, how_names[r->how],
		(unsigned long long)r->seed, n, buf_cstr(&got));
	buf_fini(&got);
}

static bool nothing_follows(const struct run *r)
{
	return r->remote->shut || r->remote->closed;
}

/* ---- what the peer does -------------------------------------------------------------------- */

static void send_piece(struct run *r, const char *p, size_t n)
{
	remote_send(r->remote, p, n);
	world_settle();
}

static void send_all(struct run *r, struct span s)
{
	while (s.n > 0) {
		size_t n = s.n;

		if (r->how == HOW_BYTES)
			n = 1;
		else if (r->how == HOW_CUTS)
			n = 1 + dice_below(&r->dice, dice_below(&r->dice, 3) == 0 ? 3 : s.n);
		n = MIN(n, s.n);
		send_piece(r, s.p, n);
		s.p += n;
		s.n -= n;
	}
}

static void set_limit(struct run *r, const char *name, uint64_t value)
{
	struct http_limits *l = &http_limits;

	if (strcmp(name, "head-max") == 0)
		l->head_max = (size_t)value;
	else if (strcmp(name, "target-max") == 0)
		l->target_max = (size_t)value;
	else if (strcmp(name, "fields-max") == 0)
		l->fields_max = (unsigned)value;
	else if (strcmp(name, "body-max") == 0)
		l->body_max = value;
	else if (strcmp(name, "high-water") == 0)
		l->high_water = world.pool.high_water = (size_t)value;
	else if (strcmp(name, "head-timeout") == 0)
		l->head_timeout_us = value;
	else if (strcmp(name, "body-timeout") == 0)
		l->body_timeout_us = value;
	else if (strcmp(name, "idle-timeout") == 0)
		l->idle_timeout_us = value;
	else if (strcmp(name, "write-timeout") == 0)
		world.pool.write_timeout_us = value;
	else
		fail(r, "no such limit");
}

/* ---- what it expects ----------------------------------------------------------------------- */

static struct span unseen(const struct run *r)
{
	return (struct span){r->remote->got.p + r->at, r->remote->got.n - r->at};
}

/* "<date>" is any date, "<any>" any bytes to the end of the line. */
static bool matches(struct span pattern, struct span line)
{
	while (pattern.n > 0) {
		if (pattern.n >= 6 && memcmp(pattern.p, "<date>", 6) == 0) {
			if (line.n < 29 || memcmp(line.p + 25, " GMT", 4) != 0)
				return false;
			pattern = (struct span){pattern.p + 6, pattern.n - 6};
			line = (struct span){line.p + 29, line.n - 29};
			continue;
		}
		if (pattern.n >= 5 && memcmp(pattern.p, "<any>", 5) == 0)
			return true;
		if (line.n == 0 || *pattern.p != *line.p)
			return false;
		pattern.p++, pattern.n--, line.p++, line.n--;
	}
	return line.n == 0;
}

static void expect_line(struct run *r, struct span pattern)
{
	struct span s = unseen(r);
	const char *lf = s.n > 0 ? memchr(s.p, '\n', s.n) : NULL;

	if (lf == NULL) {
		fail(r, "no such line came");
		return;
	}
	s.n = (size_t)(lf - s.p) + 1;
	if (!matches(pattern, s)) {
		fail(r, "another line was expected");
		return;
	}
	/* A final status line is an answer. */
	if (s.n > 10 && memcmp(s.p, "HTTP/1.1 ", 9) == 0 && s.p[9] != '1')
		r->answers++;
	r->at += s.n;
}

static void expect_raw(struct run *r, struct span bytes)
{
	struct span s = unseen(r);

	if (s.n < bytes.n || memcmp(s.p, bytes.p, bytes.n) != 0)
		fail(r, "other bytes were expected");
	else
		r->at += bytes.n;
}

static void skip_head(struct run *r)
{
	struct span s = unseen(r);
	const char *end = s.n > 0 ? memmem(s.p, s.n, "\r\n\r\n", 4) : NULL;

	if (end == NULL)
		fail(r, "the head does not end");
	else
		r->at += (size_t)(end - s.p) + 4;
}

static void expect_answer(struct run *r, const struct step *s)
{
	struct answer a;
	size_t n = answer_read(&a, unseen(r), s->kind == STEP_HEAD, nothing_follows(r));

	if (n == 0)
		fail(r, a.wrong != NULL ? a.wrong : "no complete answer");
	else if (a.status != (int)s->number)
		fail(r, "another status was expected");
	else if (s->kind == STEP_ANSWER && !span_eq(buf_span(&a.body), buf_span(&s->bytes)))
		fail(r, "another body was expected");
	else if (a.close && r->at + n < r->remote->got.n)
		fail(r, "something follows an answer that said connection: close");
	buf_fini(&a.body);
	r->at += n;
	r->answers++;
}

/* The gateway's own answer: it says why, closes, and the application knows nothing. */
static void expect_refusal(struct run *r, const struct step *s)
{
	struct answer a;
	struct span in = unseen(r);
	size_t n = answer_read(&a, in, false, nothing_follows(r));
	char start[8];

	snprintf(start, sizeof(start), "%d ", (int)s->number);
	if (n == 0)
		fail(r, a.wrong != NULL ? a.wrong : "no complete answer");
	else if (a.status != (int)s->number)
		fail(r, "another status was expected");
	else if (!a.close || !nothing_follows(r))
		fail(r, "the connection stays open");
	else if (a.body.n < 4 || memcmp(a.body.p, start, 4) != 0)
		fail(r, "the text does not begin with the status");
	else if (s->bytes.n > 0 && !memmem(a.body.p, a.body.n, s->bytes.p, s->bytes.n))
		fail(r, "the text does not say why");
	else if (n != in.n)
		fail(r, "something follows the refusal");
	else if (s->kind == STEP_REFUSED && app_seen.opened != r->answers)
		fail(r, "the application was called");
	buf_fini(&a.body);
	r->at += n;
}

static void expect_number(struct run *r, const char *word, uint64_t n)
{
	bool ok = true;

	if (strcmp(word, "called") == 0)
		ok = app_seen.opened == n;
	else if (strcmp(word, "live") == 0)
		ok = app_seen.live == n;
	else if (strcmp(word, "took") == 0)
		ok = app_seen.took == n;
	else if (strcmp(word, "failed") == 0)
		ok = app_seen.failed == n;
	else if (strcmp(word, "queued at most") == 0)
		ok = world.out_peak <= n;
	else if (strcmp(word, "held at most") == 0)
		ok = app_seen.in_peak <= n;
	else if (strcmp(word, "unread at least") == 0)
		ok = r->remote->sent.n >= n;
	else if (r->how == HOW_WHOLE) /* "writes" depends on the cuts */
		ok = r->remote->writes - r->writes == n;
	r->writes = r->remote->writes;
	if (!ok)
		fail(r, "another number was expected");
}

static void do_number(struct run *r, const char *word, uint64_t n)
{
	if (strcmp(word, "take") == 0)
		r->remote->window = (size_t)n;
	else if (strcmp(word, "short-writes") == 0)
		r->remote->short_write = (size_t)n;
	else if (strcmp(word, "short-reads") == 0)
		r->remote->short_read = (size_t)n;
	else
		expect_number(r, word, n);
	world_settle();
}

static void expect_word(struct run *r, const char *word)
{
	const struct remote *p = r->remote;
	bool ok = true;

	if (strcmp(word, "open") == 0)
		ok = !nothing_follows(r);
	else if (strcmp(word, "closed") == 0)
		ok = nothing_follows(r);
	else if (strcmp(word, "dead") == 0)
		ok = p->closed;
	else if (strcmp(word, "quiet") == 0)
		ok = r->at == p->got.n;
	else if (strcmp(word, "reading") == 0)
		ok = (p->watching & EV_READ) != 0;
	else if (strcmp(word, "paused") == 0)
		ok = (p->watching & EV_READ) == 0;
	else if (strcmp(word, "not called") == 0)
		ok = app_seen.opened == 0;
	if (!ok)
		fail(r, word);
}

static void do_word(struct run *r, const char *word)
{
	if (strcmp(word, "eof") == 0)
		remote_fin(r->remote);
	else if (strcmp(word, "reset") == 0)
		remote_reset(r->remote);
	else if (strcmp(word, "go") == 0)
		app_go();
	else if (strcmp(word, "drain") == 0)
		world_drain();
	else if (strcmp(word, "ignore") == 0)
		r->at = r->remote->got.n;
	else if (strcmp(word, "take all") == 0)
		r->remote->window = REMOTE_UNLIMITED;
	else
		expect_word(r, word);
	world_settle();
}

static void expect_gone(struct run *r, const char *why)
{
	static const char *const names[] = {
		[GONE_NOT] = "not",
		[GONE_CLOSED] = "closed",
		[GONE_TIMEOUT] = "timeout",
		[GONE_TOO_LARGE] = "too large",
		[GONE_SHUTDOWN] = "shutdown",
	};

	if (strcmp(names[app_seen.gone], why) != 0)
		fail(r, "the application was told another reason");
}

static void perform(struct run *r, const struct step *s)
{
	r->step = s;
	switch (s->kind) {
	case STEP_SEND:
		send_all(r, buf_span(&s->bytes));
		break;
	case STEP_LINE:
		expect_line(r, buf_span(&s->bytes));
		break;
	case STEP_RAW:
		expect_raw(r, buf_span(&s->bytes));
		break;
	case STEP_REST:
		skip_head(r);
		break;
	case STEP_ANSWER:
	case STEP_HEAD:
		expect_answer(r, s);
		break;
	case STEP_REFUSED:
	case STEP_CUT_OFF:
		expect_refusal(r, s);
		break;
	case STEP_WORD:
		do_word(r, s->word);
		break;
	case STEP_NUMBER:
		do_number(r, s->word, s->number);
		break;
	case STEP_LIMIT:
		set_limit(r, s->word, s->number);
		break;
	case STEP_WAIT:
		world_wait(s->number);
		break;
	case STEP_GONE:
		expect_gone(r, s->word);
		break;
	}
}

static bool run_once(
	const struct script *script, const struct conversation *c, enum how how, uint64_t seed)
{
	struct run r = {.script = script, .c = c, .how = how, .seed = seed, .ok = true};
	const char *left;

	r.dice.state = seed | 1;
	world_open();
	r.remote = world_remote();
	if (how == HOW_SHORT_WRITES)
		r.remote->short_write = 7;
	else if (how == HOW_CUTS)
		r.remote->short_write =
			dice_below(&r.dice, 2) == 0 ? 0 : 1 + dice_below(&r.dice, 100);
	for (size_t i = 0; i < c->n && r.ok; i++)
		perform(&r, &c->steps[i]);
	if (r.ok && r.at != r.remote->got.n)
		fail(&r, "output that nobody expected");
	left = world_close();
	if (left != NULL) {
		fprintf(stderr, "%s:%d: \"%s\", %s, seed %llu: %s is left over\n", script->path,
			c->line, c->title, how_names[how], (unsigned long long)seed, left);
		exit(1);
	}
	return r.ok;
}

static bool run_conversation(
	const struct script *s, const struct conversation *c, uint64_t seed, unsigned cuts)
{
	const char *only = getenv("WIRE_ONLY");

	if (only != NULL && strstr(c->title, only) == NULL)
		return true;
	for (enum how how = HOW_WHOLE; how < HOW_CUTS; how++)
		if (!run_once(s, c, how, seed))
			return false;
	for (unsigned i = 0; i < cuts; i++)
		if (!run_once(s, c, HOW_CUTS, seed + 2 * i))
			return false;
	return true;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value != NULL ? strtoull(value, NULL, 10) : otherwise;
}

static int run_all(const struct script *scripts, int files, uint64_t seed, unsigned cuts)
{
	unsigned bad = 0, total = 0;

	for (int i = 0; i < files; i++) {
		total += (unsigned)scripts[i].n;
		for (size_t j = 0; j < scripts[i].n; j++)
			bad += !run_conversation(&scripts[i], &scripts[i].list[j], seed, cuts);
	}
	printf("wire: %u conversations, whole, byte by byte, with short writes and %u times cut at "
	       "random (WIRE_SEED=%llu): %u failed\n",
		total, cuts, (unsigned long long)seed, bad);
	return bad > 0;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 2 && strcmp(argv[1], "--fuzz") == 0 ? (unsigned)atoi(argv[2]) : 0;
	char **paths = argv + (rounds > 0 ? 3 : 1);
	int files = argc - (rounds > 0 ? 3 : 1), rc = 0;
	uint64_t seed = number_from("WIRE_SEED", 1);
	struct script *scripts = mem_zalloc((size_t)(files + 1) * sizeof(*scripts));

	for (int i = 0; i < files; i++)
		if (!script_read(&scripts[i], paths[i]))
			rc = 2;
	if (rc == 0 && rounds > 0)
		rc = !fuzz_run(scripts, (size_t)files, rounds, seed);
	else if (rc == 0)
		rc = run_all(scripts, files, seed, (unsigned)number_from("WIRE_CUTS", 20));
	for (int i = 0; i < files; i++)
		script_fini(&scripts[i]);
	mem_free(scripts);
	return rc;
}
