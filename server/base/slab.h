#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include "base/base.h"

/*
 * A pool of objects of one size with ids that are never mistaken for a later object's: an id is
 * slot + generation (20 + 32 bits, exact in a double), and the generation counts up at each
 * free. Lua holds these numbers instead of pointers. Objects do not move. Single-threaded.
 *
 * Ids are positive; 0 is no id.
 */
#define SLAB_MAX_SLOTS (1u << 20)

struct slab {
	const char *name; /* for panic */
	size_t object_size;
	uint32_t slots;      /* slots made so far */
	uint32_t live;       /* objects in use */
	uint32_t free_head;  /* slot + 1 of the first free one, 0 = none */
	uint32_t page_shift; /* a page has 1 << page_shift slots */
	size_t stride;       /* from one object to the next, the hidden header included */
	uint32_t pages_cap;
	char **pages; /* owned */
};

void slab_init(struct slab *s, const char *name, size_t object_size);
void slab_fini(struct slab *s); /* ENSUREs that nothing is live */

void *slab_alloc(struct slab *s); /* contents undefined; NULL when SLAB_MAX_SLOTS are in use */
void slab_free(struct slab *s, void *object);

double slab_id(const void *object);
void *slab_find(struct slab *s, double id); /* NULL: stale or never given */

/* Visits every live object; `fn` may free the one that it was given. */
void slab_each(struct slab *s, void (*fn)(void *object, void *arg), void *arg);

#endif
