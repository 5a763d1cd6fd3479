#include "base/chunkq.h"
#include "base/mem.h"

/*
 * Every block has the one size: an append that is larger becomes several blocks, so that its
 * memory comes from the cache and goes back there piece by piece as the socket takes it.
 *
 * Between two calls no block of a queue is empty, save one that was reserved and not yet
 * committed; nothing but chunkq_commit may come between.
 */

/* 2 MiB at most; none under AddressSanitizer, which could not see a use after free through it. */
#ifdef __SANITIZE_ADDRESS__
#define CACHE_MAX 0
#else
#define CACHE_MAX 256
#endif

struct chunk {
	struct chunk *next, *prev; /* owned by the queue; `prev` of a cached block is stale */
	uint32_t pos, end;         /* the bytes not yet consumed */
	_Alignas(64) char bytes[CHUNK_BYTES];
};

_Static_assert(sizeof(struct chunk) == 8192, "a header of one cache line, two pages in all");

static struct chunk *cache; /* owned */
static int cached;

void chunkq_init(struct chunkq *q)
{
	*q = (struct chunkq){0};
}

static void give_block(struct chunk *c)
{
	if (cached >= CACHE_MAX) {
		mem_free(c);
		return;
	}
	c->next = cache;
	cache = c;
	cached++;
}

void chunkq_fini(struct chunkq *q)
{
	struct chunk *next;

	for (struct chunk *c = q->head; c; c = next) {
		next = c->next;
		give_block(c);
	}
	chunkq_init(q);
}

/* A new empty tail. */
static struct chunk *add_block(struct chunkq *q)
{
	struct chunk *c = cache;

	if (LIKELY(c)) {
		cache = c->next;
		cached--;
	} else {
		c = mem_alloc(sizeof(*c));
	}
	c->pos = c->end = 0;
	c->next = NULL;
	c->prev = q->tail;
	if (q->tail)
		q->tail->next = c;
	else
		q->head = c;
	q->tail = c;
	return c;
}

void chunkq_append(struct chunkq *q, const void *p, size_t n)
{
	struct chunk *c = q->tail;
	const char *from = p;

	while (n > 0) {
		size_t step;

		if (!c || c->end == CHUNK_BYTES)
			c = add_block(q);
		step = MIN(n, CHUNK_BYTES - c->end);
		memcpy(c->bytes + c->end, from, step);
		c->end += (uint32_t)step;
		q->total += step;
		from += step;
		n -= step;
	}
}

char *chunkq_reserve(struct chunkq *q, size_t n)
{
	struct chunk *c = q->tail;

	ENSURE(n <= CHUNK_BYTES);
	if (!c || CHUNK_BYTES - c->end < n)
		c = add_block(q);
	return c->bytes + c->end;
}

void chunkq_commit(struct chunkq *q, size_t used)
{
	struct chunk *c = q->tail;

	ENSURE(c && used <= CHUNK_BYTES - c->end);
	c->end += (uint32_t)used;
	q->total += used;
	if (LIKELY(c->pos != c->end))
		return;
	/* Nothing came of it: an idle connection must not keep the block. */
	q->tail = c->prev;
	if (q->tail)
		q->tail->next = NULL;
	else
		q->head = NULL;
	give_block(c);
}

struct span chunkq_peek(const struct chunkq *q, size_t max)
{
	const struct chunk *c = q->head;

	if (!c)
		return (struct span){NULL, 0};
	return (struct span){c->bytes + c->pos, MIN((size_t)(c->end - c->pos), max)};
}

void chunkq_consume(struct chunkq *q, size_t n)
{
	ENSURE(n <= q->total);
	q->total -= n;
	while (n > 0) {
		struct chunk *c = q->head;
		size_t have = c->end - c->pos;

		if (n < have) {
			c->pos += (uint32_t)n;
			return;
		}
		n -= have;
		q->head = c->next;
		if (q->head)
			q->head->prev = NULL;
		else
			q->tail = NULL;
		give_block(c);
	}
}

int chunkq_gather(const struct chunkq *q, struct iovec *iov, int max, size_t *bytes_r)
{
	size_t bytes = 0;
	int n = 0;

	for (struct chunk *c = q->head; c && n < max; c = c->next) {
		iov[n].iov_base = c->bytes + c->pos;
		iov[n].iov_len = c->end - c->pos;
		bytes += iov[n].iov_len;
		n++;
	}
	*bytes_r = bytes;
	return n;
}

void chunkq_move(struct chunkq *to, struct chunkq *from)
{
	ENSURE(to != from);
	if (!from->head)
		return;
	from->head->prev = to->tail;
	if (to->tail)
		to->tail->next = from->head;
	else
		to->head = from->head;
	to->tail = from->tail;
	to->total += from->total;
	chunkq_init(from);
}

void chunkq_drop_cache(void)
{
	struct chunk *next;

	for (struct chunk *c = cache; c; c = next) {
		next = c->next;
		mem_free(c);
	}
	cache = NULL;
	cached = 0;
}
