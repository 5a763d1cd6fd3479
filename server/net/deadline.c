#include "net/deadline.h"

#include "base/mem.h"

struct deadline_entry {
	uint64_t key; /* <= the deadline's own at_us, unless that is 0 */
	struct deadline *d;
};

void deadlines_init(struct deadlines *ds)
{
	*ds = (struct deadlines){0};
}

void deadlines_fini(struct deadlines *ds)
{
	mem_free(ds->heap);
	*ds = (struct deadlines){0};
}

void deadline_init(struct deadline *d, void (*fn)(struct deadline *d))
{
	*d = (struct deadline){.fn = fn};
}

static void place(struct deadlines *ds, uint32_t i, struct deadline_entry e)
{
	ds->heap[i] = e;
	e.d->pos = i + 1;
}

/* A heap of four children a node: as many levels as bits / 2, and one cache line for a family. */
static void sift_up(struct deadlines *ds, uint32_t i, struct deadline_entry e)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 4;

		if (ds->heap[parent].key <= e.key)
			break;
		place(ds, i, ds->heap[parent]);
		i = parent;
	}
	place(ds, i, e);
}

static void sift_down(struct deadlines *ds, uint32_t i, struct deadline_entry e)
{
	for (;;) {
		uint32_t first = i * 4 + 1;
		uint32_t last = MIN(first + 4, ds->n);
		uint32_t best = first;

		if (first >= ds->n)
			break;
		for (uint32_t c = first + 1; c < last; c++)
			if (ds->heap[c].key < ds->heap[best].key)
				best = c;
		if (ds->heap[best].key >= e.key)
			break;
		place(ds, i, ds->heap[best]);
		i = best;
	}
	place(ds, i, e);
}

void deadline_set_slow(struct deadlines *ds, struct deadline *d, uint64_t at_us)
{
	ENSURE(at_us > 0);
	d->at_us = at_us;
	if (d->pos != 0) {
		struct deadline_entry e = ds->heap[d->pos - 1];

		if (at_us < e.key) {
			e.key = at_us;
			sift_up(ds, d->pos - 1, e);
		}
		return;
	}
	if (ds->n == ds->cap) {
		ds->cap = MAX(64, ds->cap * 2);
		ds->heap = mem_realloc(ds->heap, ds->cap * sizeof(*ds->heap));
	}
	sift_up(ds, ds->n++, (struct deadline_entry){at_us, d});
}

static void take_out(struct deadlines *ds, uint32_t i)
{
	struct deadline_entry last = ds->heap[--ds->n];

	ds->heap[i].d->pos = 0;
	if (i == ds->n)
		return;
	if (i > 0 && ds->heap[(i - 1) / 4].key > last.key)
		sift_up(ds, i, last);
	else
		sift_down(ds, i, last);
}

void deadline_remove(struct deadlines *ds, struct deadline *d)
{
	d->at_us = 0;
	if (d->pos != 0)
		take_out(ds, d->pos - 1);
}

void deadlines_run(struct deadlines *ds, uint64_t now_us)
{
	while (ds->n > 0 && ds->heap[0].key <= now_us) {
		struct deadline *d = ds->heap[0].d;

		if (d->at_us > now_us) { /* moved later since it was filed */
			sift_down(ds, 0, (struct deadline_entry){d->at_us, d});
			continue;
		}
		take_out(ds, 0);
		if (d->at_us != 0) {
			d->at_us = 0;
			d->fn(d);
		}
	}
}

uint64_t deadlines_next(const struct deadlines *ds)
{
	return ds->n > 0 ? ds->heap[0].key : 0;
}
