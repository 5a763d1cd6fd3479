/*
 * The requests of the conversations, spoilt at random and sent at random cuts. Whatever comes of
 * it: nothing crashes or is left over, every answer is well formed, and the application saw no
 * request that a strict reader would not have let through.
 */
#include "run.h"

#include "answer.h"
#include "app.h"
#include "script.h"
#include "strict.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

/* What may be cut out of the bodies: it only costs time. */
#define INPUT_MAX 6000

struct fuzz {
	struct dice dice;
	struct buf input;
	struct buf log; /* what a strict reader saw */
	const char *wrong;
};

static const char *const morsels[] = {"\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", ",", ";", "0",
	"\r\n0\r\n\r\n", "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Host: b\r\n",
	"Transfer-Encoding: chunked\r\n", "Transfer-Encoding:chunked\r\n", "Connection: close\r\n",
	"Connection: keep-alive\r\n", "Expect: 100-continue\r\n", "HTTP/1.0", "HTTP/1.1",
	"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "POST /echo HTTP/1.1\r\n", "HEAD ", "\x0b",
	"\x80", "chunked", ", chunked", "%", "ffffffffffffffff", "-1", "+", "\r\n ", "http://b/"};

static void insert(struct buf *b, size_t at, const char *p, size_t n)
{
	buf_reserve(b, n);
	memmove(b->p + at + n, b->p + at, b->n - at);
	memcpy(b->p + at, p, n);
	b->n += n;
}

static void erase(struct buf *b, size_t at, size_t n)
{
	memmove(b->p + at, b->p + at + n, b->n - at - n);
	b->n -= n;
}

static void spoil(struct fuzz *f)
{
	struct buf *b = &f->input;
	size_t at = dice_below(&f->dice, b->n);
	size_t n = 1 + dice_below(&f->dice, 64); /* MIN evaluates twice */
	char copy[64];

	switch (dice_below(&f->dice, 6)) {
	case 0:
		b->p[at] = (char)dice_roll(&f->dice);
		break;
	case 1:
		b->p[at] = (char)(b->p[at] ^ 1 << dice_below(&f->dice, 8));
		break;
	case 2:
		erase(b, at, MIN(n / 8, b->n - at - 1));
		break;
	case 3: /* a stretch of it once more, elsewhere */
		n = MIN(n, b->n - at);
		memcpy(copy, b->p + at, n);
		insert(b, dice_below(&f->dice, b->n), copy, n);
		break;
	default: {
		const char *s = morsels[dice_below(&f->dice, ARRAY_LEN(morsels))];

		insert(b, at, s, strlen(s));
		break;
	}
	}
}

/* The bytes of one conversation, at most INPUT_MAX, and some damage. */
static bool choose(struct fuzz *f, const struct script *scripts, size_t files)
{
	const struct script *s = &scripts[dice_below(&f->dice, files)];
	const struct conversation *c = &s->list[dice_below(&f->dice, s->n)];
	size_t times = dice_below(&f->dice, 5);

	buf_clear(&f->input);
	for (size_t i = 0; i < c->n; i++)
		if (c->steps[i].kind == STEP_SEND)
			buf_append(&f->input, c->steps[i].bytes.p, c->steps[i].bytes.n);
	f->input.n = MIN(f->input.n, (size_t)INPUT_MAX);
	for (size_t i = 0; i < times && f->input.n > 0; i++)
		spoil(f);
	strict_read(buf_span(&f->input), &f->log);
	return f->input.n > 0;
}

static void send_input(struct fuzz *f, struct remote *p)
{
	struct span s = buf_span(&f->input);

	p->short_write = dice_below(&f->dice, 4) == 0 ? 1 + dice_below(&f->dice, 50) : 0;
	while (s.n > 0) {
		size_t n = 1 + dice_below(&f->dice, dice_below(&f->dice, 2) == 0 ? 20 : s.n);

		n = MIN(n, s.n);
		remote_send(p, s.p, n);
		world_settle();
		s.p += n;
		s.n -= n;
		if (dice_below(&f->dice, 50) == 0)
			world_wait(dice_roll(&f->dice) % (20 * CLOCK_SECOND));
	}
	app_go();
	world_settle();
	if (dice_below(&f->dice, 2) == 0)
		remote_fin(p);
	world_wait(100 * CLOCK_SECOND);
	app_go();
	world_drain(); /* ends the streams that have no end */
	world_wait(2 * CLOCK_SECOND);
}

/* "METHOD target\n": the one at *at, which moves on. Empty at the end. */
static struct span next_line(struct span *log)
{
	const char *lf = log->n > 0 ? memchr(log->p, '\n', log->n) : NULL;
	struct span s = {log->p, lf != NULL ? (size_t)(lf - log->p) + 1 : 0};

	log->p += s.n;
	log->n -= s.n;
	return s;
}

static void check_calls(struct fuzz *f)
{
	struct span seen = buf_span(&app_seen.log), allowed = buf_span(&f->log), s;

	while ((s = next_line(&seen)).n > 0)
		if (!span_eq(s, next_line(&allowed)))
			f->wrong = "the application was called with what a strict reader refuses";
}

/* Answers come in the order of the calls; a refusal may come after the last. */
static void check_answers(struct fuzz *f, const struct remote *p)
{
	struct span calls = buf_span(&app_seen.log), s = next_line(&calls);
	size_t at = 0;

	while (at < p->got.n && f->wrong == NULL) {
		struct answer a;
		bool head = s.n > 5 && memcmp(s.p, "HEAD ", 5) == 0;
		size_t n = answer_read(&a, (struct span){p->got.p + at, p->got.n - at}, head,
			p->shut || p->closed);

		/* What was cut short was cut on purpose: the connection ended with it. */
		if (n == 0 && a.incomplete && (p->closed || p->shut))
			n = p->got.n - at;
		else if (n == 0)
			f->wrong = a.wrong != NULL ? a.wrong : "an answer that never ends";
		else if (a.close && at + n != p->got.n)
			f->wrong = "something behind a last answer";
		else if (a.status >= 200)
			s = next_line(&calls);
		at += n;
		buf_fini(&a.body);
	}
}

static void report(const struct fuzz *f, const struct remote *p, unsigned round, uint64_t seed)
{
	struct buf text = {0};

	buf_puts(&text, "  the input:\n");
	script_escape(&text, buf_span(&f->input));
	buf_puts(&text, "\n  the output:\n");
	script_escape(&text, buf_span(&p->got));
	buf_puts(&text, "\n  called:\n");
	script_escape(&text, buf_span(&app_seen.log));
	buf_puts(&text, "  a strict reader:\n");
	script_escape(&text, buf_span(&f->log));
	fprintf(stderr, "fuzz: round %u of WIRE_SEED=%llu: %s\n%s\n", round,
		(unsigned long long)seed, f->wrong, buf_cstr(&text));
	buf_fini(&text);
}

bool fuzz_run(const struct script *scripts, size_t files, unsigned rounds, uint64_t seed)
{
	struct fuzz f = {.dice = {seed * 2 + 1}};
	unsigned calls = 0;

	for (unsigned i = 0; i < rounds && f.wrong == NULL; i++) {
		struct remote *p;
		const char *left;

		if (!choose(&f, scripts, files))
			continue;
		world_open();
		http_limits.high_water = 4000;
		p = world_remote();
		send_input(&f, p);
		check_calls(&f);
		check_answers(&f, p);
		calls += app_seen.opened;
		if (f.wrong != NULL)
			report(&f, p, i, seed);
		left = world_close();
		if (left != NULL) {
			fprintf(stderr, "fuzz: round %u of WIRE_SEED=%llu: %s is left over\n", i,
				(unsigned long long)seed, left);
			exit(1);
		}
	}
	buf_fini(&f.input);
	buf_fini(&f.log);
	if (f.wrong == NULL)
		printf("fuzz: %u rounds (WIRE_SEED=%llu), %u requests were handed over\n", rounds,
			(unsigned long long)seed, calls);
	return f.wrong == NULL;
}
