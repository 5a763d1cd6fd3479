#include "runtime/dns_int.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/slab.h"
#include "runtime/task.h"

/* IPv4 and IPv6 are two questions. */
#define PARTS 2

struct dns_lookup {
	enum dns_kind kind;
	double task;                    /* who is woken; 0: nobody */
	struct dns_entry *parts[PARTS]; /* refs; the second may be NULL */
	struct dns_waiter waiters[PARTS];
	struct dns_pick *picks; /* owned; in order, once all parts are done */
	unsigned n;
	bool ordered;
	char *detail; /* owned, or NULL: of both parts together */
};

struct dns_state dns;
static struct slab lookups;

void dns_setup(struct loop *loop, const struct dns_config *config)
{
	ENSURE(!dns.loop);
	dns.loop = loop;
	dns.config = *config;
	if (!dns.config.hosts)
		dns.config.hosts = "/etc/hosts";
	if (!dns.config.resolv_conf)
		dns.config.resolv_conf = "/etc/resolv.conf";
	dns_cache_setup(config->cache);
	slab_init(&lookups, "look-up", sizeof(struct dns_lookup));
}

static struct dns_lookup *find(double id)
{
	return dns.loop ? slab_find(&lookups, id) : NULL;
}

void dns_entry_tell(struct dns_entry *e)
{
	struct list *link;

	while ((link = list_take(&e->waiters)) != NULL) {
		struct dns_lookup *l = container_of(link, struct dns_waiter, link)->lookup;
		struct task *t = task_find(l->task);

		l->task = 0;
		if (t)
			task_wake(t);
	}
}

/* The same question that somebody asks just now, or asked a moment ago; or a new one. */
static struct dns_entry *ask_servers(enum dns_kind kind, const char *name)
{
	struct dns_entry *e = dns_cache_find(kind, name);

	if (e) {
		e->refs++;
		return e;
	}
	e = dns_entry_new(kind, name);
	dns_cache_add(e);
	if (!dns_channel_query(e)) {
		dns_entry_fail(e, ERR_QUEUE_FULL, "%s: too many queries wait for an answer", name);
		dns_cache_keep(e, 0);
	}
	return e;
}

/* Done from the begin: what needs no server. NULL: it does. */
static struct dns_entry *ask_here(enum dns_kind kind, struct span name, struct dns_name *read)
{
	char text[64];
	const char *wrong = NULL;
	struct dns_entry *e;

	if (name.n < sizeof(text)) {
		memcpy(text, name.p, name.n);
		text[name.n] = '\0';
	}
	if (name.n < sizeof(text) && strlen(text) == name.n && dns_literal_family(text) != 0)
		memcpy(read->text, text, name.n + 1);
	else
		wrong = dns_name_read(read, name);
	if (wrong) {
		e = dns_entry_new(kind, "");
		dns_entry_fail(e, ERR_INVALID, "the name %s", wrong);
		return e;
	}
	e = dns_entry_new(kind, read->text);
	if (dns_local(&e->records, kind, read))
		dns_entry_found(e);
	else
		dns_entry_unref(&e);
	return e;
}

static void add_part(struct dns_lookup *l, int i, struct dns_entry *e)
{
	l->parts[i] = e;
	l->waiters[i].lookup = l;
	if (!e->done)
		list_add(&e->waiters, &l->waiters[i].link);
}

double dns_ask(enum dns_kind kind, struct span name)
{
	struct dns_lookup *l;
	struct dns_entry *here;
	struct dns_name read;

	if (!dns.loop)
		return ERR_SHUTDOWN;
	l = slab_alloc(&lookups);
	if (!l)
		return ERR_QUEUE_FULL;
	*l = (struct dns_lookup){.kind = kind};
	for (int i = 0; i < PARTS; i++)
		list_init(&l->waiters[i].link);
	dns_hosts_refresh(dns.config.hosts);
	dns_channel_refresh();
	here = ask_here(kind, name, &read);
	if (here) {
		add_part(l, 0, here);
	} else if (kind == DNS_ANY) {
		add_part(l, 0, ask_servers(DNS_AAAA, read.text));
		add_part(l, 1, ask_servers(DNS_A, read.text));
	} else {
		add_part(l, 0, ask_servers(kind, read.text));
	}
	return slab_id(l);
}

static void order(struct dns_lookup *l)
{
	unsigned n = 0;

	for (int i = 0; i < PARTS; i++)
		n += l->parts[i] && l->parts[i]->rc == 0 ? l->parts[i]->records.n : 0;
	l->ordered = true;
	if (n == 0)
		return;
	l->picks = mem_alloc(n * sizeof(*l->picks));
	for (int i = 0; i < PARTS; i++) {
		const struct dns_entry *e = l->parts[i];

		for (unsigned k = 0; e && e->rc == 0 && k < e->records.n; k++)
			l->picks[l->n++] = (struct dns_pick){e, &e->records.v[k]};
	}
	if (l->kind == DNS_SRV || l->kind == DNS_MX)
		dns_order_services(l->picks, n);
	else if (l->kind != DNS_TXT)
		dns_order_addresses(l->picks, n);
}

/* Of two parts that failed: that there is no such name says more than that it has no address, and a
 * server that failed more than one that knows nothing. */
static int why(struct dns_lookup *l, struct span *detail_r)
{
	const struct dns_entry *e = l->parts[0], *other = l->parts[1];

	if (other && e->rc == ERR_NOT_FOUND && other->rc == ERR_NOT_FOUND && !e->no_name &&
		!other->no_name) {
		if (!l->detail)
			l->detail = mem_printf("%s has no address", e->name);
		*detail_r = span_of(l->detail);
		return ERR_NOT_FOUND;
	}
	if (other && e->rc == ERR_NOT_FOUND && (other->rc != ERR_NOT_FOUND || !e->no_name))
		e = other;
	*detail_r = span_of(e->detail);
	return e->rc;
}

int dns_answer(double id, double task, struct span *detail_r)
{
	struct dns_lookup *l = find(id);

	*detail_r = (struct span){"", 0};
	if (!l)
		return ERR_GONE;
	for (int i = 0; i < PARTS; i++) {
		if (l->parts[i] && !l->parts[i]->done) {
			l->task = task;
			return ERR_AGAIN;
		}
	}
	if (!l->ordered)
		order(l);
	return l->n > 0 ? (int)l->n : why(l, detail_r);
}

static void drop_part(struct dns_lookup *l, int i)
{
	list_del(&l->waiters[i].link);
	dns_entry_unref(&l->parts[i]);
}

void dns_hurry(double id)
{
	struct dns_lookup *l = find(id);

	for (int i = 0; l && i < PARTS; i++) {
		const struct dns_entry *e = l->parts[i], *other = l->parts[PARTS - 1 - i];

		if (e && other && !e->done && other->done && other->rc == 0)
			drop_part(l, i);
	}
}

bool dns_record(double id, unsigned i, struct dns_answer_record *r_r)
{
	const struct dns_lookup *l = find(id);
	const struct dns_pick *p;
	uint64_t now = clock_now_us();

	*r_r = (struct dns_answer_record){0};
	if (!l || i >= l->n)
		return false;
	p = &l->picks[i];
	r_r->family = p->record->family;
	r_r->priority = p->record->priority;
	r_r->weight = p->record->weight;
	r_r->port = p->record->port;
	r_r->text = dns_pick_text(p);
	if (p->from->expires_us > now)
		r_r->ttl =
			(unsigned)((p->from->expires_us - now + CLOCK_SECOND - 1) / CLOCK_SECOND);
	return true;
}

static void free_one(void *object, void *arg)
{
	struct dns_lookup *l = object;

	for (int i = 0; i < PARTS; i++)
		drop_part(l, i);
	mem_free(l->picks);
	mem_free(l->detail);
	slab_free(&lookups, l);
}

void dns_free(double id)
{
	struct dns_lookup *l = find(id);

	if (l)
		free_one(l, NULL);
}

unsigned dns_live(void)
{
	return lookups.live;
}

void dns_teardown(void)
{
	if (!dns.loop)
		return;
	slab_each(&lookups, free_one, NULL);
	slab_fini(&lookups);
	dns_channel_teardown();
	dns_cache_teardown();
	dns_hosts_teardown();
	dns.loop = NULL;
}
