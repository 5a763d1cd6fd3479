#ifndef TESTS_WIRE_STRICT_H
#define TESTS_WIRE_STRICT_H

#include "base/buf.h"

/*
 * Requests read by the letter of RFC 9112, slowly and by code that shares nothing with the
 * gateway's: what an application may be handed at most. Every request whose head is sound and
 * behind whose predecessors nothing is wrong goes to `log` as "METHOD target\n"; the first thing
 * that is not as it should be ends it.
 */
void strict_read(struct span in, struct buf *log);

#endif
