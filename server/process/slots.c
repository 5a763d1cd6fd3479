#include "process/master_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/pulse.h"
#include "process/channel.h"
#include "process/exits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void set_state(struct worker *w, enum worker_state to)
{
	ENSURE(to > w->state);
	w->state = to;
}

static void close_channel(struct worker *w)
{
	if (w->channel_fd >= 0)
		close(w->channel_fd);
	w->channel_fd = -1;
}

static void log_worker(enum log_level level, const char *event, const struct worker *w)
{
	struct log_line l;

	log_begin(&l, level, event);
	log_int(&l, "slot", w->slot);
	log_int(&l, "pid", w->pid);
	log_end(&l);
}

void slots_init(struct master *m)
{
	m->slots = mem_zalloc(sizeof(*m->slots) * (size_t)m->o->workers);
	for (int i = 0; i < m->o->workers; i++)
		m->slots[i].respawn_at_us = NEVER;
	list_init(&m->workers);
}

void slots_fini(struct master *m)
{
	ENSURE(list_empty(&m->workers));
	mem_free(m->slots);
	m->slots = NULL;
}

/* At once the first time, then later and later, as long as its workers are short-lived. */
static void schedule(struct slot *s, uint64_t lived_us)
{
	if (lived_us >= BACKOFF_RESET_US)
		s->backoff_us = 0;
	s->respawn_at_us = clock_mono_us() + s->backoff_us;
	s->backoff_us =
		s->backoff_us == 0 ? BACKOFF_FIRST_US : MIN(2 * s->backoff_us, BACKOFF_MAX_US);
}

static void start(struct master *m, int i)
{
	struct slot *s = &m->slots[i];

	s->respawn_at_us = NEVER;
	s->current = worker_spawn(m, i);
	if (s->current == NULL)
		schedule(s, 0);
}

/* The first slot tries alone: what does not start would otherwise say so once for each worker. */
void slots_boot(struct master *m)
{
	m->slots[0].respawn_at_us = clock_mono_us();
}

static void continue_boot(struct master *m)
{
	int ready = 0;

	for (int i = 0; i < m->o->workers; i++) {
		struct slot *s = &m->slots[i];

		if (s->current == NULL && s->respawn_at_us == NEVER)
			s->respawn_at_us = clock_mono_us();
		ready += s->current != NULL && s->current->state == WORKER_READY;
	}
	if (ready == m->o->workers)
		master_serve(m);
}

static void set_ready(struct master *m, struct worker *w)
{
	set_state(w, WORKER_READY);
	if (m->o->stall_kill_us != 0)
		w->look_at_us = clock_mono_us();
	log_worker(LOG_INFO, "worker.started", w);
	if (m->state == MASTER_BOOTING)
		continue_boot(m);
	else
		reload_worker_ready(m, w);
}

static void heed(struct master *m, struct worker *w, enum channel_message message)
{
	if (message == CHANNEL_READY && w->state == WORKER_STARTING)
		set_ready(m, w);
	else if (message == CHANNEL_RELOADED || message == CHANNEL_NOT)
		reload_worker_answered(m, w, message == CHANNEL_RELOADED);
}

/* That the other end is closed is no news yet: the process has ended, or soon will. */
static void hear(struct master *m, struct worker *w)
{
	enum channel_message message;

	if (w->channel_fd < 0)
		return;
	while ((message = channel_receive(w->channel_fd)) > 0)
		heed(m, w, message);
	if (message == CHANNEL_GONE)
		close_channel(w);
}

void slots_poll(struct master *m)
{
	for (struct list *l = m->workers.next; l != &m->workers; l = l->next)
		hear(m, container_of(l, struct worker, node));
}

void worker_stop(struct master *m, struct worker *w)
{
	if (w->state == WORKER_STOPPING)
		return;
	set_state(w, WORKER_STOPPING);
	kill(w->pid, SIGTERM);
	w->kill_at_us = clock_mono_us() + m->o->drain_timeout_us + KILL_GRACE_US;
}

/* SIGTERM may come before the worker has a handler for it. */
static bool ended_well(int status)
{
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGTERM : WEXITSTATUS(status) == EXIT_OK;
}

/* It has said why. */
static bool did_not_start(const struct worker *w, int status)
{
	return w->state == WORKER_STARTING && WIFEXITED(status) &&
	       WEXITSTATUS(status) >= EXIT_ENVIRONMENT && WEXITSTATUS(status) <= EXIT_APP;
}

/* A second try would say the same. */
static bool will_never_start(const struct master *m, const struct worker *w, int status)
{
	return m->state == MASTER_BOOTING && did_not_start(w, status);
}

static void log_end_of(const struct master *m, const struct worker *w, int status)
{
	bool expected = w->state == WORKER_STOPPING && ended_well(status);
	bool replaced = m->slots[w->slot].next != w && m->state == MASTER_SERVING;
	struct log_line l;

	if (did_not_start(w, status) && !replaced)
		return;
	log_begin(&l, expected ? LOG_INFO : LOG_ERROR, expected ? "worker.stopped" : "worker.died");
	log_int(&l, "slot", w->slot);
	log_int(&l, "pid", w->pid);
	if (WIFSIGNALED(status)) {
		char name[16];
		const char *abbrev = sigabbrev_np(WTERMSIG(status));

		snprintf(name, sizeof(name), "SIG%s", abbrev != NULL ? abbrev : "?");
		log_cstr(&l, "signal", name);
	} else {
		log_int(&l, "exit_code", WEXITSTATUS(status));
	}
	log_end(&l);
}

static struct worker *find(struct master *m, pid_t pid)
{
	for (struct list *l = m->workers.next; l != &m->workers; l = l->next) {
		struct worker *w = container_of(l, struct worker, node);

		if (w->pid == pid)
			return w;
	}
	return NULL;
}

/* Who starts us looks at stderr, also when the log is a file. */
static void say_where_the_reason_is(const struct master *m)
{
	if (strcmp(m->o->log, "-") != 0)
		fprintf(stderr, "moonloop: %s did not start; the reason is in %s\n", m->o->app,
			m->o->log);
}

/* Takes the dead worker out of its slot and decides what follows. */
static void replace(struct master *m, struct worker *w, int status)
{
	struct slot *s = &m->slots[w->slot];
	bool was_current = s->current == w, was_next = s->next == w;

	if (was_current)
		s->current = NULL;
	if (was_next)
		s->next = NULL;
	if (m->state == MASTER_STOPPING) {
		if (!ended_well(status) && m->exit_code == EXIT_OK)
			m->exit_code = EXIT_ENVIRONMENT;
	} else if (will_never_start(m, w, status)) {
		if (WEXITSTATUS(status) == EXIT_APP)
			say_where_the_reason_is(m);
		master_stop(m, WEXITSTATUS(status));
	} else {
		if (was_current)
			schedule(s, clock_mono_us() - w->started_us);
		reload_worker_gone(m, w, was_next);
	}
}

void worker_exited(struct master *m, pid_t pid, int status)
{
	struct worker *w = find(m, pid);

	if (w == NULL) /* as process 1 of a container we also inherit strangers */
		return;
	hear(m, w);
	log_end_of(m, w, status);
	list_del(&w->node);
	replace(m, w, status);
	close_channel(w);
	pulse_unmap(&w->pulse);
	mem_free(w);
}

uint64_t slots_deadline(const struct master *m)
{
	uint64_t first = NEVER;

	for (int i = 0; i < m->o->workers; i++)
		first = MIN(first, m->slots[i].respawn_at_us);
	for (const struct list *l = m->workers.next; l != &m->workers; l = l->next) {
		const struct worker *w = container_of(l, struct worker, node);

		first = MIN(first, MIN(w->kill_at_us, w->look_at_us));
	}
	return first;
}

static void log_stalled(const struct worker *w, uint64_t age_us)
{
	struct log_line l;

	log_begin(&l, LOG_ERROR, "worker.stalled");
	log_int(&l, "slot", w->slot);
	log_int(&l, "pid", w->pid);
	log_num(&l, "seconds", (double)(age_us / 1000) / 1000);
	log_cstr(&l, "serving", atomic_load(&w->pulse->answered) ? w->pulse->serving : "unknown");
	log_end(&l);
}

/* Asked first, and looked at again: it may have come back meanwhile. */
static void look(struct master *m, struct worker *w, uint64_t now)
{
	uint64_t age = pulse_age_us(w->pulse, now);

	if (age < m->o->stall_kill_us) {
		w->asked = false;
		w->look_at_us = now + MAX(m->o->stall_kill_us / 4, CLOCK_SECOND / 100);
	} else if (!w->asked) {
		w->asked = true;
		atomic_store(&w->pulse->answered, false);
		kill(w->pid, SIGUSR2);
		w->look_at_us = now + ANSWER_US;
	} else {
		log_stalled(w, age);
		kill(w->pid, SIGKILL);
		w->look_at_us = NEVER;
	}
}

void slots_tick(struct master *m)
{
	uint64_t now = clock_mono_us();

	for (int i = 0; i < m->o->workers; i++)
		if (m->slots[i].respawn_at_us <= now)
			start(m, i);
	for (struct list *l = m->workers.next; l != &m->workers; l = l->next) {
		struct worker *w = container_of(l, struct worker, node);

		if (w->look_at_us <= now)
			look(m, w, now);
		if (w->kill_at_us > now)
			continue;
		w->kill_at_us = NEVER;
		log_worker(LOG_WARN, "worker.killed", w);
		kill(w->pid, SIGKILL);
	}
}
