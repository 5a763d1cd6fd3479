#include "runtime/socket_int.h"

#include <errno.h>
#include <unistd.h>

/*
 * Bytes come into the scratch buffer that all sockets share, and mostly go to Lua from there: what
 * nobody asked for yet moves into the socket's own buffer, which is freed when it is empty. Only
 * a read that waits for more than is there lets bytes come into the own buffer directly; and so
 * does one by a finalizer that Lua runs while it copies the scratch buffer.
 */

/* Room for one read into the own buffer. */
#define READ_ROOM 16384

static int note_end(struct socket *s, int code)
{
	s->end = code;
	return code;
}

/* How many bytes came; 0: the end, or s->end says why; ERR_AGAIN: he waits. */
static ssize_t receive_tls(struct socket *s, double task, char *to, size_t room)
{
	ssize_t n = tls_read(s->tls, to, room);

	if (n > 0)
		return n;
	if (n == ERR_AGAIN)
		return socket_wait(s, SOCKET_READER, task, tls_wants(s->tls));
	/* An end that the peer did not announce may have been made by somebody in between. */
	if (n == ERR_CLOSED)
		return note_end(s, socket_fail(ERR_TLS, "the peer ended without close_notify"));
	if (n == 0)
		return note_end(s, ERR_CLOSED);
	return note_end(s, socket_fail((int)n, tls_reason(s->tls)));
}

static ssize_t receive(struct socket *s, double task, char *to, size_t room)
{
	ssize_t n;

	if (s->tls)
		return receive_tls(s, task, to, room);
	if (s->drained)
		return socket_wait(s, SOCKET_READER, task, EV_READ);
	do
		n = recv(s->fd, to, room, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		s->drained = (size_t)n < room;
		return n;
	}
	if (n == 0)
		return note_end(s, ERR_CLOSED);
	if (errno == EAGAIN) {
		s->drained = true;
		return socket_wait(s, SOCKET_READER, task, EV_READ);
	}
	return note_end(s, socket_fail_errno(errno));
}

/* What of `have` is the answer: how many bytes, and how many more go with it. */
struct cut {
	size_t n, skip;
};

static bool cut_line(struct socket *s, struct span have, size_t max, struct cut *cut_r)
{
	const char *lf = memchr(have.p + s->seen, '\n', MIN(have.n, max) - s->seen);

	s->seen = MIN(have.n, max);
	if (!lf)
		return false;
	cut_r->n = (size_t)(lf - have.p);
	cut_r->skip = 1;
	if (cut_r->n > 0 && lf[-1] == '\r') {
		cut_r->n--;
		cut_r->skip++;
	}
	return true;
}

/* `seen` stays in front of what may be the beginning of a delimiter. */
static bool cut_delimiter(
	struct socket *s, struct span have, const struct socket_ask *ask, struct cut *cut_r)
{
	struct span d = ask->delimiter;
	size_t n = MIN(have.n, ask->n);
	const char *at = memmem(have.p + s->seen, n - s->seen, d.p, d.n);

	if (!at) {
		s->seen = n >= d.n ? MAX(s->seen, n - (d.n - 1)) : s->seen;
		return false;
	}
	cut_r->n = (size_t)(at - have.p) + (ask->keep ? d.n : 0);
	cut_r->skip = ask->keep ? 0 : d.n;
	return true;
}

/* 0: cut_r is the answer; ERR_AGAIN: more is needed; ERR_TOO_LARGE. */
static int cut_out(
	struct socket *s, struct span have, const struct socket_ask *ask, struct cut *cut_r)
{
	bool found = false;

	*cut_r = (struct cut){0};
	switch (ask->what) {
	case SOCKET_SOME:
		cut_r->n = have.n;
		return have.n > 0 ? 0 : ERR_AGAIN;
	case SOCKET_EXACT:
		cut_r->n = ask->n;
		return have.n >= ask->n ? 0 : ERR_AGAIN;
	case SOCKET_ALL:
		cut_r->n = have.n;
		if (have.n > ask->n)
			return ERR_TOO_LARGE;
		return s->end == ERR_CLOSED ? 0 : ERR_AGAIN;
	case SOCKET_LINE:
		found = have.n > 0 && cut_line(s, have, ask->n, cut_r);
		break;
	case SOCKET_UNTIL:
		found = have.n > 0 && cut_delimiter(s, have, ask, cut_r);
		break;
	}
	if (found)
		return 0;
	return have.n >= ask->n ? ERR_TOO_LARGE : ERR_AGAIN;
}

static struct span own_bytes(const struct socket *s)
{
	return (struct span){s->in.p + s->from, s->in.n - s->from};
}

/* From the own buffer, where the rest stays as it is. */
static int try_own(struct socket *s, const struct socket_ask *ask, struct span *out_r)
{
	struct span have = own_bytes(s);
	struct cut cut;
	int rc = cut_out(s, have, ask, &cut);

	if (rc == 0) {
		*out_r = (struct span){have.p, cut.n};
		s->from += cut.n + cut.skip;
		s->seen = 0;
	}
	return rc;
}

/* From the scratch buffer; what is left of it is kept. */
static int try_scratch(struct socket *s, size_t n, const struct socket_ask *ask, struct span *out_r)
{
	struct span have = {sockets.scratch, n};
	struct cut cut;
	int rc = cut_out(s, have, ask, &cut);

	if (rc != 0) {
		buf_append(&s->in, have.p, have.n);
		return rc;
	}
	*out_r = (struct span){have.p, cut.n};
	sockets.lent = true;
	s->seen = 0;
	buf_append(&s->in, have.p + cut.n + cut.skip, have.n - cut.n - cut.skip);
	return 0;
}

/* How much room is made at once: for an exact read what is missing. */
static size_t room_for(const struct socket *s, const struct socket_ask *ask)
{
	size_t have = s->in.n - s->from;

	if (ask->what == SOCKET_EXACT && ask->n > have)
		return MIN(MAX(ask->n - have, READ_ROOM), SOCKET_SCRATCH);
	return READ_ROOM;
}

static void empty(struct socket *s)
{
	buf_fini(&s->in);
	s->from = 0;
}

/* More bytes came, or the end: asks again. */
static int fill(struct socket *s, double task, const struct socket_ask *ask, struct span *out_r)
{
	ssize_t n;

	if (s->from == s->in.n && !sockets.lent) {
		if (s->in.p)
			empty(s);
		n = receive(s, task, sockets.scratch, sizeof(sockets.scratch));
		if (n > 0)
			return try_scratch(s, (size_t)n, ask, out_r);
	} else {
		if (s->from > 0) {
			buf_consume(&s->in, s->from);
			s->from = 0;
		}
		char *to = buf_reserve(&s->in, room_for(s, ask));

		n = receive(s, task, to, s->in.cap - s->in.n);
		if (n > 0) {
			s->in.n += (size_t)n;
			return try_own(s, ask, out_r);
		}
	}
	if (n == ERR_CLOSED && ask->what == SOCKET_ALL)
		return try_own(s, ask, out_r);
	return (int)n;
}

static bool waits(const struct socket *s)
{
	return s->side[SOCKET_READER].wants != 0;
}

int socket_read(struct socket *s, double task, const struct socket_ask *ask, struct span *out_r)
{
	int rc;

	*out_r = (struct span){"", 0};
	if (s->state != SOCKET_STREAM)
		return socket_fail(ERR_STATE, "it is no connected stream");
	rc = socket_enter(s, SOCKET_READER, task);
	if (rc < 0)
		return rc;
	s->side[SOCKET_READER].wants = 0;
	if (ask->now)
		s->drained = false;
	if (!ask->again)
		s->seen = 0;
	rc = s->in.n > s->from || s->end < 0 || ask->what == SOCKET_EXACT ? try_own(s, ask, out_r)
	                                                                  : ERR_AGAIN;
	while (rc == ERR_AGAIN && !waits(s)) {
		if (s->end < 0)
			return socket_done(s, SOCKET_READER, s->end);
		rc = socket_secure(s, SOCKET_READER, task);
		if (rc == 0)
			rc = fill(s, task, ask, out_r);
	}
	return rc == ERR_AGAIN ? rc : socket_done(s, SOCKET_READER, rc);
}

void socket_trim(struct socket *s)
{
	sockets.lent = false;
	if (s->in.p && s->from == s->in.n)
		empty(s);
}

bool socket_is_idle(struct socket *s, bool look)
{
	struct socket_ask ask = {.what = SOCKET_SOME, .now = true};
	struct span got;
	int rc;

	if (s->state != SOCKET_STREAM || s->end < 0 || s->shut || s->in.n > s->from ||
		s->side[SOCKET_READER].task != 0 || s->side[SOCKET_WRITER].task != 0)
		return false;
	if (!look)
		return true;
	rc = socket_read(s, 0, &ask, &got);
	if (rc == 0 && got.p == sockets.scratch)
		buf_append(&s->in, got.p, got.n);
	else if (rc == 0)
		s->from -= got.n;
	sockets.lent = false;
	socket_done(s, SOCKET_READER, 0);
	return rc == ERR_AGAIN;
}
