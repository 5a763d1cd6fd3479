#include "process/master_int.h"

#include "base/log.h"
#include "process/channel.h"

/*
 * Slot by slot, whatever is renewed: the first one tries, the others follow only if it succeeded.
 *
 * The application: the worker of the slot is asked to load it anew. It serves on meanwhile, and
 * after a failure too. One that is starting may have read some files too early: it is asked when
 * it is ready. One that is dead is passed by, since its replacement reads them all.
 *
 * The workers: a new one is started beside the old one of its slot and on the same sockets, so
 * that somebody accepts at every moment. The old one is told to drain only when the new one is
 * ready.
 */
static void next(struct master *m)
{
	struct slot *s = &m->slots[m->reload.slot];

	if (m->reload.kind == RELOAD_WORKERS) {
		s->next = worker_spawn(m, m->reload.slot);
		if (s->next == NULL)
			reload_fail(m);
	} else if (s->current == NULL) {
		reload_continue(m);
	} else if (s->current->state == WORKER_READY) {
		m->reload.asked = s->current; /* if it cannot be told it is about to be reaped */
		channel_send(s->current->channel_fd, CHANNEL_RELOAD);
	}
}

void reload_request(struct master *m, enum reload_kind kind)
{
	if (m->state != MASTER_STOPPING && kind > m->reload.again)
		m->reload.again = kind;
	reload_if_wanted(m);
}

void reload_if_wanted(struct master *m)
{
	if (m->state != MASTER_SERVING || m->reload.kind != RELOAD_NONE ||
		m->reload.again == RELOAD_NONE)
		return;
	m->reload = (struct reload){.kind = m->reload.again};
	m->round++;
	log_event(LOG_INFO, "reload.started", "round %u", m->round);
	next(m);
}

void reload_continue(struct master *m)
{
	m->reload.asked = NULL;
	if (++m->reload.slot < m->o->workers) {
		next(m);
		return;
	}
	m->reload.kind = RELOAD_NONE;
	log_event(LOG_INFO, "reload.done", "round %u", m->round);
	reload_if_wanted(m);
}

void reload_fail(struct master *m)
{
	bool workers = m->reload.kind == RELOAD_WORKERS;

	log_event(LOG_ERROR, "reload.failed", "round %u: %s of slot %d did not start; %s", m->round,
		workers ? "the new worker" : "the new application in the worker", m->reload.slot,
		workers ? "the old ones go on" : "the old one goes on");
	m->reload.kind = RELOAD_NONE;
	m->reload.asked = NULL;
	reload_if_wanted(m);
}

static bool is_waited_for(const struct master *m, const struct worker *w)
{
	return m->reload.kind == RELOAD_APP && m->state == MASTER_SERVING &&
	       m->reload.slot == w->slot;
}

void reload_worker_ready(struct master *m, struct worker *w)
{
	struct slot *s = &m->slots[w->slot];
	struct worker *old = s->current;

	if (s->next == w) {
		*s = (struct slot){.current = w, .respawn_at_us = NEVER};
		if (old != NULL)
			worker_stop(m, old);
		reload_continue(m);
	} else if (is_waited_for(m, w)) {
		next(m);
	}
}

/* An answer that nobody waits for: the worker reloaded for another reason. */
void reload_worker_answered(struct master *m, struct worker *w, bool done)
{
	if (m->reload.asked != w || m->state != MASTER_SERVING)
		return;
	if (done)
		reload_continue(m);
	else
		reload_fail(m);
}

void reload_worker_gone(struct master *m, struct worker *w, bool was_next)
{
	if (was_next || m->reload.asked == w)
		reload_fail(m);
	else if (is_waited_for(m, w) && m->slots[w->slot].current == NULL)
		reload_continue(m);
}
