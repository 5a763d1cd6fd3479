#include "runtime/dns_int.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#define BUCKETS_MIN 64u

static struct {
	struct list *buckets; /* owned; NULL before the first entry */
	unsigned buckets_n;   /* a power of two */
	unsigned max;
	unsigned kept;    /* how many are done and in the table */
	struct list used; /* these */
} cache;

struct dns_entry *dns_entry_new(enum dns_kind kind, const char *name)
{
	struct dns_entry *e = mem_zalloc(sizeof(*e));

	e->kind = kind;
	e->name = mem_strdup(name);
	e->refs = 1;
	list_init(&e->bucket);
	list_init(&e->used);
	list_init(&e->waiters);
	return e;
}

static void free_unused(struct dns_entry *e)
{
	if (e->refs > 0 || e->tabled)
		return;
	ENSURE(list_empty(&e->waiters));
	dns_records_fini(&e->records);
	mem_free(e->detail);
	mem_free(e->name);
	mem_free(e);
}

void dns_entry_unref(struct dns_entry **e)
{
	struct dns_entry *was = *e;

	*e = NULL;
	if (!was)
		return;
	ENSURE(was->refs > 0);
	was->refs--;
	free_unused(was);
}

static void take_out(struct dns_entry *e)
{
	if (!e->tabled)
		return;
	if (!list_empty(&e->used))
		cache.kept--;
	list_del(&e->used);
	list_del(&e->bucket);
	e->tabled = false;
	free_unused(e);
}

/* FNV-1a. */
static struct list *bucket_of(enum dns_kind kind, const char *name)
{
	uint32_t h = 2166136261u ^ (uint32_t)kind;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return &cache.buckets[h & (cache.buckets_n - 1)];
}

struct dns_entry *dns_cache_find(enum dns_kind kind, const char *name)
{
	struct list *bucket;

	if (!cache.buckets)
		return NULL;
	bucket = bucket_of(kind, name);
	for (struct list *l = bucket->next; l != bucket; l = l->next) {
		struct dns_entry *e = container_of(l, struct dns_entry, bucket);

		if (e->kind != kind || strcmp(e->name, name) != 0)
			continue;
		if (!e->done)
			return e;
		if (clock_now_us() >= e->expires_us) {
			take_out(e);
			return NULL;
		}
		list_del(&e->used);
		list_add(&cache.used, &e->used);
		return e;
	}
	return NULL;
}

static void make_buckets(void)
{
	cache.buckets_n = BUCKETS_MIN;
	while (cache.buckets_n < cache.max)
		cache.buckets_n *= 2;
	cache.buckets = mem_alloc(cache.buckets_n * sizeof(*cache.buckets));
	for (unsigned i = 0; i < cache.buckets_n; i++)
		list_init(&cache.buckets[i]);
}

void dns_cache_add(struct dns_entry *e)
{
	ENSURE(!e->tabled && !e->done);
	if (!cache.buckets)
		make_buckets();
	list_add(bucket_of(e->kind, e->name), &e->bucket);
	e->tabled = true;
}

void dns_cache_keep(struct dns_entry *e, uint32_t ttl)
{
	ENSURE(e->done && e->refs > 0);
	e->expires_us = clock_now_us() + ttl * CLOCK_SECOND;
	if (!e->tabled) /* resolv.conf changed */
		return;
	if (ttl == 0 || cache.max == 0) {
		take_out(e);
		return;
	}
	list_add(&cache.used, &e->used);
	cache.kept++;
	if (cache.kept > cache.max)
		take_out(container_of(cache.used.next, struct dns_entry, used));
}

void dns_cache_clear(void)
{
	for (unsigned i = 0; i < cache.buckets_n; i++)
		while (!list_empty(&cache.buckets[i]))
			take_out(container_of(cache.buckets[i].next, struct dns_entry, bucket));
	ENSURE(cache.kept == 0);
}

void dns_cache_setup(unsigned max)
{
	cache.max = max;
	list_init(&cache.used);
}

void dns_cache_teardown(void)
{
	dns_cache_clear();
	mem_free(cache.buckets);
	cache.buckets = NULL;
	cache.buckets_n = 0;
}
