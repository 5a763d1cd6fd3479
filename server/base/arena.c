#include "base/arena.h"
#include "base/mem.h"

/*
 * What one burst of requests may leave in the cache: 1 MiB. None under AddressSanitizer, which
 * could not see a use after free through a cache.
 */
#ifdef __SANITIZE_ADDRESS__
#define CACHE_MAX 0
#else
#define CACHE_MAX 256
#endif

struct arena_block {
	struct arena_block *next; /* owned */
	size_t room;              /* ARENA_BLOCK, or more in a block made for one request */
	char bytes[];             /* aligned to 16 */
};

static struct arena_block *cache; /* owned; blocks of ARENA_BLOCK only */
static int cached;

/* Where an arena without a block points, so that even zero bytes of it are not NULL. */
static char nowhere[8];

void arena_init(struct arena *a)
{
	a->blocks = NULL;
	a->pos = a->end = nowhere;
}

static struct arena_block *take_block(void)
{
	struct arena_block *b = cache;

	if (LIKELY(b)) {
		cache = b->next;
		cached--;
		return b;
	}
	b = mem_alloc(sizeof(*b) + ARENA_BLOCK);
	b->room = ARENA_BLOCK;
	return b;
}

static void give_block(struct arena_block *b)
{
	if (b->room != ARENA_BLOCK || cached >= CACHE_MAX) {
		mem_free(b);
		return;
	}
	b->next = cache;
	cache = b;
	cached++;
}

void arena_fini(struct arena *a)
{
	struct arena_block *next;

	for (struct arena_block *b = a->blocks; b; b = next) {
		next = b->next;
		give_block(b);
	}
	arena_init(a);
}

/* Goes behind the newest block, whose rest stays in use. */
static void *alloc_large(struct arena *a, size_t n)
{
	struct arena_block *b;

	ENSURE(n <= SIZE_MAX / 2);
	b = mem_alloc(sizeof(*b) + n);
	b->room = n;
	if (a->blocks) {
		b->next = a->blocks->next;
		a->blocks->next = b;
	} else {
		b->next = NULL;
		a->blocks = b;
	}
	return b->bytes;
}

void *arena_alloc_slow(struct arena *a, size_t n)
{
	struct arena_block *b;

	if (n > ARENA_BLOCK)
		return alloc_large(a, n);
	b = take_block();
	b->next = a->blocks;
	a->blocks = b;
	a->pos = b->bytes + ((n + 7) & ~(size_t)7);
	a->end = b->bytes + ARENA_BLOCK;
	return b->bytes;
}

struct span arena_dup(struct arena *a, struct span s)
{
	char *copy;

	ENSURE(s.n < SIZE_MAX);
	copy = arena_alloc(a, s.n + 1);
	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return (struct span){copy, s.n};
}

void arena_drop_cache(void)
{
	struct arena_block *next;

	for (struct arena_block *b = cache; b; b = next) {
		next = b->next;
		mem_free(b);
	}
	cache = NULL;
	cached = 0;
}
