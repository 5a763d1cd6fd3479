#include "process/master_int.h"

#include "base/log.h"

/*
 * One new worker at a time, beside the old one of its slot and on the same sockets, so that
 * somebody accepts at every moment. The old one is told to drain only when the new one is ready.
 */
static void start_next(struct master *m)
{
	struct slot *s = &m->slots[m->reload.slot];

	s->next = worker_spawn(m, m->reload.slot);
	if (s->next == NULL)
		reload_fail(m);
}

void reload_request(struct master *m)
{
	if (m->state != MASTER_STOPPING)
		m->reload.again = true;
	reload_if_wanted(m);
}

void reload_if_wanted(struct master *m)
{
	if (m->state != MASTER_SERVING || m->reload.running || !m->reload.again)
		return;
	m->reload = (struct reload){.running = true};
	m->round++;
	log_event(LOG_INFO, "reload.started", "round %u", m->round);
	start_next(m);
}

void reload_continue(struct master *m)
{
	struct slot *s = &m->slots[m->reload.slot];
	struct worker *old = s->current;

	ENSURE(m->reload.running && s->next != NULL);
	*s = (struct slot){.current = s->next, .respawn_at_us = NEVER};
	if (old != NULL)
		worker_stop(m, old);
	if (++m->reload.slot < m->o->workers) {
		start_next(m);
		return;
	}
	m->reload.running = false;
	log_event(LOG_INFO, "reload.done", "round %u", m->round);
	reload_if_wanted(m);
}

void reload_fail(struct master *m)
{
	log_event(LOG_ERROR, "reload.failed",
		"round %u: the new worker of slot %d did not start; the old ones go on", m->round,
		m->reload.slot);
	m->reload.running = false;
	reload_if_wanted(m);
}
