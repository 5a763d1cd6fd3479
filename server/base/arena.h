#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/span.h"

/*
 * A bump allocator for what lives exactly as long as one exchange: nothing in it is freed alone.
 * Blocks come from a free list of the loop's thread, so that a keep-alive connection costs no
 * malloc per request and an idle one holds no block. Single-threaded.
 */
#define ARENA_BLOCK 4096

struct arena {
	struct arena_block *blocks; /* owned, newest first */
	char *pos;                  /* next free byte of the newest block */
	char *end;
};

void arena_init(struct arena *a); /* allocates nothing */
void arena_fini(struct arena *a); /* gives every block back; the arena may be used again */

void *arena_alloc_slow(struct arena *a, size_t n);

/* n bytes, aligned to 8. A request over ARENA_BLOCK gets a block of its own. */
static inline void *arena_alloc(struct arena *a, size_t n)
{
	char *p = a->pos;

	/* The rest of a block is a multiple of 8, so n is compared before it can wrap around. */
	if (UNLIKELY((size_t)(a->end - p) < n))
		return arena_alloc_slow(a, n);
	a->pos = p + ((n + 7) & ~(size_t)7);
	return p;
}

/* The bytes copied, with a NUL behind them that the length does not count. */
struct span arena_dup(struct arena *a, struct span s);

/* Frees the cached blocks (at exit, so that nothing counts as live). */
void arena_drop_cache(void);

#endif
