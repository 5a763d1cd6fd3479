#ifndef HTTP_H1_INT_H
#define HTTP_H1_INT_H

#include "http/codec.h"
#include "http/limits.h"

#include <llhttp.h>

/*
 * Private to the four files of HTTP/1: h1_conn.c (life of the connection), h1_end.c (its end),
 * h1_parse.c (llhttp's callbacks → exchange), h1_write.c (exchange → bytes).
 */
enum h1_state {
	H1_IDLE, /* nothing of the next request was read */
	H1_HEAD, /* a head is arriving */
	H1_BODY, /* the exchange is open, its body is arriving */
	H1_WAIT, /* the request is complete; its response is not */
	H1_OVER, /* no further request will be read */
};

struct h1 {
	llhttp_t parser;     /* parser.data points here */
	struct conn *conn;   /* borrowed: it owns us */
	struct exchange *ex; /* the current one, from the first byte of its head; NULL while idle */
	const char *mark;    /* while the parser runs: what is behind it was not yet vetted */
	uint64_t active_us;  /* when the last response ended, or the connection began */
	uint32_t head_n;  /* bytes of the current head, or of framing since the last body bytes */
	uint32_t extra_n; /* bytes of chunk extensions in this body */
	uint32_t dropped; /* body bytes thrown away after the response ended */
	char tail[5];     /* the last bytes that were vetted, to go on from in the next read */
	uint8_t method_n; /* bytes of the method */
	uint16_t trailers_n; /* trailer fields seen */
	uint16_t reject;     /* status that a callback decided to refuse with; 0: none */
	uint8_t state;       /* enum h1_state; h1_set_state only */
	bool keep_alive;     /* the request allows a next one */
	bool close;          /* the response said "connection: close", or must be the last */
	bool expects;        /* "expect: 100-continue" not yet answered */
	bool chunked;        /* the response is sent chunked */
	bool answered;       /* the response is complete */
	bool timing_head;    /* the head's time-out is running */
	bool probed;         /* a half-closed peer was sent an interim response */
	bool named;          /* the current field has a name */
	bool field_closed;   /* the last field's value is complete */
	bool in_trailers;    /* fields now parsed are trailers: checked and dropped */
	bool version_seen;   /* the request line was checked as far as its version */
	bool after_data;     /* a chunk's data ended: CRLF comes next */
	bool has_body;       /* as the head says */
	const char *why;     /* static text for the refusal */
};

extern const struct codec h1_codec;
extern const llhttp_settings_t h1_parser_settings;

/* A peer that was active this recently may be sending its next request right now: a draining
 * worker waits so long before it closes the idle connection. */
#define DRAIN_GRACE_US (CLOCK_SECOND / 2)

static inline struct h1 *h1_of(const struct exchange *ex)
{
	return ex->wire;
}

void h1_set_state(struct h1 *h, enum h1_state to);
bool h1_draining(void);

/* Are answers still on their way? The write deadline guards them. */
static inline bool h1_writing(const struct h1 *h)
{
	return h->conn->out.total > 0 || h->conn->file_fd >= 0;
}

/* h1_conn.c */
void h1_detach(struct h1 *h, enum gone_why why); /* the exchange is the application's alone */
void h1_finish(struct h1 *h);                    /* no further request; what is queued leaves */
void h1_refuse(struct h1 *h, int status, enum gone_why why); /* h->why says what is wrong */

/* h1_end.c: the peer sent FIN, and what came before it is parsed as far as it can be. */
void h1_input_over(struct h1 *h);
void h1_slow(struct conn *c);  /* of struct conn_proto */
void h1_drain(struct conn *c); /* of struct conn_proto */

/* h1_write.c */
void h1_send_head(struct exchange *ex);
void h1_send_body(struct exchange *ex, const char *p, size_t n);
void h1_send_file(struct exchange *ex, int fd, off_t offset, size_t n);
void h1_send_end_bytes(struct exchange *ex, const struct fields *trailers);
void h1_send_interim(struct exchange *ex, int status, const struct fields *fields);

/* h1_conn.c: the first byte of a head is there; NULL: too many exchanges. */
void h1_watch_peer(struct h1 *h); /* h1_end.c: reading has stopped, a reset shall be noticed */
struct exchange *h1_begin_exchange(struct h1 *h);

/*
 * h1_parse.c. Vets what is not body, from h->mark up to `to`: line ends, and the limit of a head.
 * False: h->reject and h->why say why not.
 */
bool h1_vet(struct h1 *h, const char *to);

/* h1_parse.c: the status and text for a parse error; `h->why` is set. */
int h1_parse_status(struct h1 *h, llhttp_errno_t err);

#endif
