#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "base/chunkq.h"
#include "http/app_port.h"
#include "http/head.h"
#include "net/conn.h"

/*
 * One request and its response, whatever protocol carries it. It has a wire end (the codec) and an
 * application end; each may finish first, and when both are gone it is freed in the reap phase.
 * The two directions have a state each, because HTTP is two half-closable directions.
 *
 * All policing of what an application may do lives in exchange_app.c: a call that is out of order
 * answers ERR_STATE and changes nothing. The application's calls come by id from Lua (bindings/
 * ffi_exchange.c), in the run phase; the codec's calls come in feed and flush.
 *
 * Body bytes: in `in` until the application takes them, watched by the codec against the
 * high-water mark; on the way out they go straight into the codec's queue, framed.
 */
struct codec;

enum exchange_in {
	IN_HEAD,   /* the head is being read; no application knows yet */
	IN_BODY,   /* body is expected */
	IN_END,    /* the whole body is here (or taken) */
	IN_BROKEN, /* no more will come: see gone_why */
};

enum exchange_out {
	OUT_IDLE,     /* the application has said nothing */
	OUT_STARTED,  /* status and fields are held back until the first byte of body or the end */
	OUT_BODY,     /* the head is out; body follows */
	OUT_TRAILERS, /* the body is out; trailers follow */
	OUT_END,      /* the response is complete */
	OUT_BROKEN,   /* it never will be */
};

/* Why the application sees http.disconnect. */
enum gone_why {
	GONE_NOT,
	GONE_CLOSED,    /* the peer left */
	GONE_TIMEOUT,   /* its body came too slowly */
	GONE_TOO_LARGE, /* its body is over the limit */
	GONE_SHUTDOWN,  /* the worker ends, or the code that it runs in */
};

#define EXCHANGE_LENGTH_UNKNOWN UINT64_MAX

struct exchange {
	const struct codec *codec; /* NULL once the wire end is done */
	void *wire;                /* the codec's own, borrowed; NULL with codec */
	double app;                /* the application end's handle (a task id); 0: none */
	struct list app_waiters;   /* the application end's: what else waits; emptied by its end */
	struct loop *loop;         /* borrowed for life */
	struct loop_item reap;
	struct arena arena; /* owned: everything below that is a span */

	struct head head;
	struct chunkq in;   /* body that was read and not yet taken */
	uint64_t in_length; /* as declared, or EXCHANGE_LENGTH_UNKNOWN */
	uint64_t in_total;  /* body bytes received */

	struct fields out_fields;
	struct fields trailers;
	uint64_t out_length; /* as declared or known, or EXCHANGE_LENGTH_UNKNOWN */
	uint64_t out_total;  /* body bytes accepted from the application */
	int status;

	uint8_t in_state;  /* enum exchange_in */
	uint8_t out_state; /* enum exchange_out */
	uint8_t gone;      /* enum gone_why */
	bool app_held;     /* the application end has not called exchange_app_done */
	bool in_told;      /* the application was handed the end of the body */
	bool wants_in;     /* the application asked for body and got ERR_AGAIN */
	bool wants_out;    /* the application was told ERR_AGAIN by a write */
	bool has_trailers; /* trailers were announced at start */
	bool has_date;     /* the application gave a date field */
	bool draining;     /* EXCHANGE_DRAIN was told */
	bool is_head;      /* the method is HEAD */

	uint64_t opened_us; /* when the head was complete */
	uint64_t begun_us;  /* when the application first ran */
	uint64_t lua_us;    /* time spent in Lua so far */
	uint64_t held_us;   /* the longest of these times between two waits */
};

/* Responses that never have content (RFC 9110 6.4.1). */
static inline bool exchange_bodiless(const struct exchange *ex)
{
	return ex->is_head || ex->status == 204 || ex->status == 304;
}

void exchange_setup(struct loop *loop, const struct app_port *port); /* once per process */
void exchange_teardown(void);                                        /* ENSUREs that none is live */
unsigned exchange_live(void);

/* Called when an exchange's wire end is done: the access log. May be NULL. */
typedef void exchange_done_fn(struct exchange *ex);
void exchange_set_done(exchange_done_fn *fn);

/* The codec's side. */

/* NULL when too many are live. */
struct exchange *exchange_new(const struct codec *codec, void *wire);
void exchange_opened(struct exchange *ex, bool has_body);         /* hands it to the application */
void exchange_push(struct exchange *ex, const char *p, size_t n); /* body bytes */
void exchange_push_end(struct exchange *ex);
void exchange_out_room(struct exchange *ex);
void exchange_drain(struct exchange *ex);

/* The wire end sees no more of it. Complete or broken; `ex` may be freed at the next reap. */
void exchange_wire_done(struct exchange *ex, enum gone_why why);

/* The request failed at our limits while the application runs: it sees `why`. */
void exchange_break_in(struct exchange *ex, enum gone_why why);

/*
 * The gateway's own answer: "400 Bad Request" and one line of text that names the culprit. Only
 * while nothing was sent; false otherwise.
 */
bool exchange_answer(struct exchange *ex, int status, const char *text);

/*
 * The application has had its time: 503 when nothing was sent, else the response is aborted. The
 * connection may live on; the application sees GONE_SHUTDOWN.
 */
void exchange_give_up(struct exchange *ex);

/* The application's side. */

struct exchange *exchange_find(double id);
double exchange_id(const struct exchange *ex);

/*
 * The next piece of the request's body, at most HTTP_PIECE_MAX bytes, valid until the next call
 * into the loop. 1: a piece (maybe empty) and *more_r; ERR_AGAIN; ERR_CLOSED: disconnected;
 * ERR_SHUTDOWN: a drain began and the response is a stream.
 */
int exchange_read(struct exchange *ex, struct span *piece_r, bool *more_r);

int exchange_start(struct exchange *ex, int status, bool trailers);
void exchange_unstart(struct exchange *ex); /* the start was refused: the next one begins afresh */

/*
 * ERR_STATE, or ERR_FIELD_NAME, ERR_FIELD_VALUE, ERR_FIELD_RESERVED, ERR_LENGTH for a bad field;
 * ERR_TOO_LARGE: all of them together are over HTTP_FIELDS_BYTES_MAX.
 */
int exchange_header(struct exchange *ex, struct span name, struct span value);

/*
 * Body bytes; `last`: with these the body is complete, and when nothing was sent before, its
 * length is known. How many were taken (a count below n: wait, then go on with the rest),
 * ERR_AGAIN, ERR_CLOSED, ERR_STATE, ERR_LENGTH (more than declared; nothing was taken).
 */
int64_t exchange_write(struct exchange *ex, const char *p, size_t n, bool last);

/* Instead of a body. Takes fd when it answers 0. */
int exchange_write_file(struct exchange *ex, int fd, uint64_t offset, uint64_t n);

int exchange_trailer(struct exchange *ex, struct span name, struct span value);
void exchange_untrailer(struct exchange *ex); /* some were refused: the next ones begin afresh */
int exchange_end_trailers(struct exchange *ex);

/* 103 with one Link field (RFC 8297); only before start. */
int exchange_early_hint(struct exchange *ex, struct span link);

/*
 * The application returned (failed: it raised). Settles what it left open: 500 when nothing was
 * sent, an aborted response otherwise. True when the response had to be given up or replaced.
 */
bool exchange_app_done(struct exchange *ex, bool failed);

#endif
