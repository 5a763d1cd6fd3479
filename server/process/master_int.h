#ifndef PROCESS_MASTER_INT_H
#define PROCESS_MASTER_INT_H

#include "base/clock.h"
#include "base/list.h"
#include "process/control_sockets.h"
#include "process/listeners.h"
#include "process/master.h"

#include <signal.h>
#include <sys/types.h>

/*
 * The inside of the master, shared by its four files:
 *     master.c   opens and closes everything, waits, hands out signals
 *     spawn.c    the fork, and what a child does before and after worker_main
 *     slots.c    birth, readiness, death and replacement of the workers of a slot
 *     reload.c   what SIGHUP and SIGUSR2 do, slot by slot
 *
 * A worker is in the list `workers` from its fork until it was waited for. A slot points at the
 * worker that serves it and, during a reload, at the one that is to follow; a worker that drains
 * is in no slot any more. Times are those of clock_mono_us.
 */
#define NEVER UINT64_MAX

#define BACKOFF_FIRST_US (CLOCK_SECOND / 10)
#define BACKOFF_MAX_US   (5 * CLOCK_SECOND)
#define BACKOFF_RESET_US (10 * CLOCK_SECOND) /* a worker that lived longer ends the back-off */
#define KILL_GRACE_US    CLOCK_SECOND        /* after the drain time-out */
#define ANSWER_US        (CLOCK_SECOND / 10) /* for a stuck worker to say what it is doing */
#define SIGNAL_ECHO_US   (CLOCK_SECOND / 5)  /* a second signal this soon is the first one */

enum worker_state {
	WORKER_STARTING, /* has not said that it is ready */
	WORKER_READY,    /* serves */
	WORKER_STOPPING, /* was told to end; in no slot, or the master stops */
};

struct worker {
	struct list node; /* in master.workers */
	pid_t pid;
	int slot;
	enum worker_state state;
	int channel_fd; /* owned; this end of channel.h; -1: nothing more to come */
	uint64_t started_us;
	uint64_t kill_at_us; /* SIGKILL is due then, or NEVER */
	struct pulse *pulse; /* owned */
	uint64_t look_at_us; /* at the pulse, or NEVER */
	bool asked;          /* what it is stuck in */
};

struct slot {
	struct worker *current; /* serves or starts to; NULL: dead, a replacement is due */
	struct worker *next;    /* of a reload; NULL: none */
	uint64_t backoff_us;    /* wait before the next replacement */
	uint64_t respawn_at_us; /* or NEVER */
};

enum master_state {
	MASTER_BOOTING,  /* not every slot has been ready yet */
	MASTER_SERVING,  /* a slot without a worker gets a new one */
	MASTER_STOPPING, /* waits for the last worker to end */
};

/* The greater does what the smaller one does, too. */
enum reload_kind {
	RELOAD_NONE,
	RELOAD_APP,     /* SIGHUP: in the workers that are there */
	RELOAD_WORKERS, /* SIGUSR2 */
};

struct reload {
	enum reload_kind kind;  /* of the one that is being done */
	enum reload_kind again; /* wanted afterwards */
	int slot;               /* whose turn it is */
	struct worker *asked;   /* borrowed; RELOAD_APP: who owes an answer, or NULL */
};

struct master {
	const struct options *o; /* borrowed */
	worker_main_fn *worker_main;
	struct listeners listeners;
	struct control_sockets control;
	struct shared_stats *stats; /* owned; one block for each slot */
	struct slot *slots;         /* owned; o->workers of them */
	struct list workers;        /* owned; every process that was not waited for yet */
	enum master_state state;
	struct reload reload;
	unsigned round; /* reloads begun */
	int exit_code;
	uint64_t stop_at_us; /* when SIGTERM came */
	pid_t pid;
	int signal_fd;
	struct pollfd *polls; /* owned; room for signal_fd and every worker in a slot */
	sigset_t old_mask;    /* of who started the master; its children get it back */
};

/* master.c */

/* Every slot has been ready: says so, and begins a reload that was asked for meanwhile. */
void master_serve(struct master *m);

/* Begins the end: SIGTERM to all. */
void master_stop(struct master *m, int exit_code);

/* spawn.c */

/* A new process for the slot, in no slot yet; NULL: could not fork, logged. */
struct worker *worker_spawn(struct master *m, int slot);

/* slots.c */

void slots_init(struct master *m);
void slots_fini(struct master *m); /* no worker may be left */
void slots_boot(struct master *m);

void slots_poll(struct master *m); /* hears what workers have to say */
void slots_tick(struct master *m); /* does what is due: replacements, SIGKILL */
uint64_t slots_deadline(const struct master *m);

void worker_stop(struct master *m, struct worker *w); /* SIGTERM, and a deadline; once */
void worker_exited(struct master *m, pid_t pid, int status);

/* reload.c */

void reload_request(struct master *m, enum reload_kind kind);
void reload_if_wanted(struct master *m);
void reload_continue(struct master *m); /* this slot is done */
void reload_fail(struct master *m);

void reload_worker_ready(struct master *m, struct worker *w);
void reload_worker_answered(struct master *m, struct worker *w, bool done);
void reload_worker_gone(struct master *m, struct worker *w, bool was_next); /* out of its slot */

#endif
