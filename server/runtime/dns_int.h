#ifndef RUNTIME_DNS_INT_H
#define RUNTIME_DNS_INT_H

#include "base/buf.h"
#include "base/list.h"
#include "runtime/dns.h"

/* Private to dns*.c. */

/* dns_message.c: the records of a message. */
struct dns_record {
	uint32_t at, n; /* its text, in that of all */
	uint16_t priority, weight, port;
	uint8_t family; /* 4 or 6 */
};

struct dns_records {
	struct dns_record *v; /* owned */
	unsigned n;
	struct buf text;
	uint32_t ttl; /* the least of all; of none, the zone's word on that */
	bool has_ttl;
};

/* Reads the answers of that type out of a DNS message. False: it is garbage. */
bool dns_message_read(struct dns_records *out, enum dns_kind kind, struct span message);

void dns_records_add(struct dns_records *rs, struct dns_record r, struct span text);
void dns_records_fini(struct dns_records *rs);

/*
 * dns_cache.c: an entry is one thing to know, or known. It is found in the table from the begin of
 * the query on, until its time is over or it must make room; and lives on while there are refs.
 */
struct dns_entry {
	struct list bucket;  /* in the table */
	struct list used;    /* of those that are done and in the table, the last used at the end */
	struct list waiters; /* struct dns_waiter */
	unsigned refs;       /* of look-ups, and of its query */
	uint64_t expires_us; /* 0: never */
	enum dns_kind kind;  /* in the table not DNS_ANY */
	bool tabled, done;
	bool no_name; /* ERR_NOT_FOUND: not only no such record */
	int rc;       /* once done */
	char *detail; /* owned; with rc < 0 */
	struct dns_records records;
	char *name; /* owned; lower case */
};

struct dns_waiter {
	struct list link;
	struct dns_lookup *lookup; /* whose part it is */
};

struct dns_entry *dns_entry_new(enum dns_kind kind, const char *name); /* with one ref */
void dns_entry_unref(struct dns_entry **e);

struct dns_entry *dns_cache_find(enum dns_kind kind, const char *name); /* borrowed, or NULL */
void dns_cache_add(struct dns_entry *e);                                /* one that is not done */
void dns_cache_keep(struct dns_entry *e, uint32_t ttl);                 /* done; 0: drops it */
void dns_cache_clear(void);
void dns_cache_setup(unsigned max);
void dns_cache_teardown(void);

/* dns_channel.c: the queries. */
bool dns_channel_query(struct dns_entry *e); /* false: too many. May be done at once */
void dns_channel_refresh(void);              /* reads resolv.conf again if it changed */
void dns_channel_teardown(void);

/* dns_answer.c: what a query's end makes of its entry. */
struct dns_outcome {
	int status;          /* of c-ares */
	int errnum;          /* why no socket could be made; 0 */
	struct span message; /* or nothing */
	const char *servers; /* whom it asked: "the name server at 192.0.2.1:53" */
	bool several;        /* then c-ares forgets what each of them said */
};
void dns_entry_settle(struct dns_entry *e, const struct dns_outcome *o);
void dns_entry_found(struct dns_entry *e); /* done, as its records say */
void dns_entry_fail(struct dns_entry *e, int rc, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* dns.c: wakes who waits. */
void dns_entry_tell(struct dns_entry *e);

/* dns_local.c: what needs no server. */
struct dns_name {
	char text[DNS_NAME_MAX + 2]; /* lower case, with its last dot if it had one */
	struct span bare;            /* without */
};
const char *dns_name_read(struct dns_name *n, struct span name); /* NULL, or what is wrong */
int dns_literal_family(const char *text);                        /* 4, 6; 0: no address */

/* The records of a name that is an address, localhost, or in the hosts file; false: it is none. */
bool dns_local(struct dns_records *out, enum dns_kind kind, const struct dns_name *name);

/* dns_hosts.c */
void dns_hosts_refresh(const char *path);
bool dns_hosts_find(struct dns_records *out, enum dns_kind kind, struct span name);
void dns_hosts_teardown(void);

/* Whether a file is another than it was; at most once a second a stat is made. */
struct dns_file {
	uint64_t next_us;
	uint64_t size, inode, changed_ns;
};
bool dns_file_changed(struct dns_file *f, const char *path);

/* dns_order.c */
struct dns_pick {
	const struct dns_entry *from; /* borrowed */
	const struct dns_record *record;
};
struct span dns_pick_text(const struct dns_pick *p);
void dns_order_addresses(struct dns_pick *v, unsigned n);
void dns_order_services(struct dns_pick *v, unsigned n);

struct dns_state {
	struct loop *loop; /* borrowed; NULL: not set up */
	struct dns_config config;
};
extern struct dns_state dns;

#endif
