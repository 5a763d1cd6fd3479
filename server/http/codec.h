#ifndef HTTP_CODEC_H
#define HTTP_CODEC_H

#include "http/exchange.h"

/*
 * The seam between an exchange and the protocol that carries it. A codec reads requests off a
 * connection, calls exchange_new / exchange_opened / exchange_push / …, and offers the calls below
 * for the way out. It frames and queues bytes; the connection writes them in the flush phase, so
 * nothing here calls back into the exchange.
 *
 * The exchange has checked everything that the contract demands before it calls.
 */
struct codec {
	const char *name;

	/* ex->status, ex->out_fields and ex->out_length (EXCHANGE_LENGTH_UNKNOWN: framed by the
	 * codec). */
	void (*send_head)(struct exchange *ex);
	void (*send_body)(struct exchange *ex, const char *p, size_t n);
	void (*send_file)(struct exchange *ex, int fd, off_t offset, size_t n); /* takes fd */
	void (*send_end)(struct exchange *ex, const struct fields *trailers);   /* NULL: none */
	void (*send_interim)(struct exchange *ex, int status, const struct fields *fields);

	bool (*full)(
		struct exchange *ex); /* over the high-water mark: exchange_out_room will follow */
	void (*in_wanted)(struct exchange *ex); /* the application waits for body (100-continue) */
	void (*in_taken)(struct exchange *ex, size_t n); /* n bytes of body left the queue */

	/* The response cannot be completed: the peer must be able to tell (close, RST_STREAM). */
	void (*abort)(struct exchange *ex, enum close_reason why);

	const struct conn *(*conn)(const struct exchange *ex);
};

#endif
