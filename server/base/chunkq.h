#ifndef BASE_CHUNKQ_H
#define BASE_CHUNKQ_H

#include "base/span.h"

#include <sys/uio.h>

/*
 * A queue of bytes on their way: appended at the tail, taken from the head, never moved. Small
 * appends share a block; blocks come from a free list of the loop's thread, so an empty queue
 * holds no memory. The owner watches `total` against its water marks. Single-threaded.
 */
#define CHUNK_BYTES 8128 /* room in one block */

struct chunkq {
	struct chunk *head, *tail; /* owned */
	size_t total;              /* bytes in the queue */
};

void chunkq_init(struct chunkq *q);
void chunkq_fini(struct chunkq *q); /* drops the bytes, gives the blocks back */

void chunkq_append(struct chunkq *q, const void *p, size_t n);

/*
 * At least n contiguous bytes at the tail (n <= CHUNK_BYTES) to be written in place, then
 * committed with the count really used (0 gives an unused block back). Nothing else is done to the
 * queue in between.
 */
char *chunkq_reserve(struct chunkq *q, size_t n);
void chunkq_commit(struct chunkq *q, size_t used);

/* The first stretch of bytes, at most `max` long; empty when the queue is. Valid until consumed. */
struct span chunkq_peek(const struct chunkq *q, size_t max);
void chunkq_consume(struct chunkq *q, size_t n); /* n <= total */

/* Fills at most `max` entries with what is at the head; how many, and their bytes in *bytes_r. */
int chunkq_gather(const struct chunkq *q, struct iovec *iov, int max, size_t *bytes_r);

/* Moves everything from `from` to the end of `to` without copying. */
void chunkq_move(struct chunkq *to, struct chunkq *from);

void chunkq_drop_cache(void); /* frees the cached blocks, at exit */

#endif
