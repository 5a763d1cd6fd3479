#include "base/slab.h"
#include "base/mem.h"
#include "base/panic.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define HIDE(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define SHOW(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
#endif

#define SLOT_BITS  20
#define ID_LIMIT   4503599627370496.0 /* 2^52: every id is below */
#define NO_ID      0.0
#define PAGE_BYTES 16384
#define PAGE_MIN   8 /* slots in a page of large objects */

_Static_assert(SLAB_MAX_SLOTS == 1u << SLOT_BITS, "the slot fills its bits");

/*
 * Before every object. The id is kept as the number that Lua holds, so that finding compares once:
 * a free slot has NO_ID, a fraction or a NaN equals no id.
 */
struct header {
	double id;           /* NO_ID while free */
	uint32_t generation; /* of the object in it, or of the next one; from 1 */
	uint32_t next_free;  /* slot + 1, 0 = last; only while free */
};

_Static_assert(sizeof(struct header) == 16, "objects stay aligned to 16");

void slab_init(struct slab *s, const char *name, size_t object_size)
{
	size_t stride = sizeof(struct header) + ((object_size + 15) & ~(size_t)15);
	uint32_t shift = 0;

	while ((1u << shift) < PAGE_MIN || (stride << (shift + 1)) <= PAGE_BYTES)
		shift++;
	*s = (struct slab){
		.name = name,
		.object_size = object_size,
		.stride = stride,
		.page_shift = shift,
	};
}

void slab_fini(struct slab *s)
{
	uint32_t page_slots = 1u << s->page_shift;

	if (s->live)
		panic("slab %s: %u objects live at the end", s->name, s->live);
	for (uint32_t i = 0; i * page_slots < s->slots; i++) {
		SHOW(s->pages[i], s->stride << s->page_shift);
		mem_free(s->pages[i]);
	}
	mem_free(s->pages);
	slab_init(s, s->name, s->object_size);
}

static inline struct header *header_at(const struct slab *s, uint32_t slot)
{
	char *page = s->pages[slot >> s->page_shift];

	return (struct header *)(page + (slot & ((1u << s->page_shift) - 1)) * s->stride);
}

static inline uint32_t slot_of(double id)
{
	return (uint32_t)((int64_t)id & (SLAB_MAX_SLOTS - 1));
}

static void add_page(struct slab *s, uint32_t page)
{
	if (page == s->pages_cap) {
		s->pages_cap = s->pages_cap ? s->pages_cap * 2 : 4;
		s->pages = mem_realloc(s->pages, s->pages_cap * sizeof(*s->pages));
	}
	s->pages[page] = mem_alloc(s->stride << s->page_shift);
}

/* A slot that was never used; pages are touched only as far as they are needed. */
static struct header *make_slot(struct slab *s, uint32_t *slot_r)
{
	uint32_t slot = s->slots;
	struct header *h;

	if (slot == SLAB_MAX_SLOTS)
		return NULL;
	if ((slot & ((1u << s->page_shift) - 1)) == 0)
		add_page(s, slot >> s->page_shift);
	s->slots++;
	h = header_at(s, slot);
	h->generation = 1;
	*slot_r = slot;
	return h;
}

void *slab_alloc(struct slab *s)
{
	struct header *h;
	uint32_t slot;

	if (LIKELY(s->free_head)) {
		slot = s->free_head - 1;
		h = header_at(s, slot);
		s->free_head = h->next_free;
		SHOW(h + 1, s->object_size);
	} else {
		h = make_slot(s, &slot);
		if (UNLIKELY(!h))
			return NULL;
	}
	h->id = (double)(int64_t)((uint64_t)h->generation << SLOT_BITS | slot);
	s->live++;
	return h + 1;
}

void slab_free(struct slab *s, void *object)
{
	struct header *h = (struct header *)object - 1;
	uint32_t slot = slot_of(h->id);

	ENSURE(h->id != NO_ID && slot < s->slots && header_at(s, slot) == h);
	h->id = NO_ID;
	s->live--;
	HIDE(object, s->object_size);
	/* After its last generation a slot is left aside: an id never means two objects. */
	if (UNLIKELY(++h->generation == 0))
		return;
	h->next_free = s->free_head;
	s->free_head = slot + 1;
}

double slab_id(const void *object)
{
	return ((const struct header *)object - 1)->id;
}

void *slab_find(struct slab *s, double id)
{
	struct header *h;
	uint32_t slot;

	/* Written so that a NaN fails: converting one, or a number out of range, is undefined. */
	if (UNLIKELY(!(id >= 1 && id < ID_LIMIT)))
		return NULL;
	slot = slot_of(id);
	if (UNLIKELY(slot >= s->slots))
		return NULL;
	h = header_at(s, slot);
	return LIKELY(h->id == id) ? h + 1 : NULL;
}

void slab_each(struct slab *s, void (*fn)(void *object, void *arg), void *arg)
{
	for (uint32_t slot = 0; slot < s->slots; slot++) {
		struct header *h = header_at(s, slot);

		if (h->id != NO_ID)
			fn(h + 1, arg);
	}
}
