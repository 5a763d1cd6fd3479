#ifndef TESTS_WIRE_ANSWER_H
#define TESTS_WIRE_ANSWER_H

#include "base/buf.h"

/*
 * A response read strictly, by code that shares nothing with the gateway's: what a careful client
 * would insist on.
 */
struct answer {
	int status;
	bool close;        /* connection: close */
	bool to_the_end;   /* the body ends with the connection */
	struct buf body;   /* decoded */
	const char *wrong; /* why it is malformed */
	bool incomplete;   /* more bytes are needed */
};

/*
 * Reads one response off `in`; how many bytes it took, 0 when a->wrong or a->incomplete. `head`:
 * it answers a HEAD request. `closed`: nothing will follow `in`. The body is the caller's.
 */
size_t answer_read(struct answer *a, struct span in, bool head, bool closed);

#endif
