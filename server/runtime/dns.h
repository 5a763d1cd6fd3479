#ifndef RUNTIME_DNS_H
#define RUNTIME_DNS_H

#include "base/span.h"
#include "net/loop.h"

/*
 * Names looked up without blocking: addresses, and records of some other types. c-ares talks to
 * the name servers over sockets and timers of the loop; the rest is ours: the files that it would
 * read at each look-up (/etc/hosts, resolv.conf) are looked at once a second at most, and read
 * when they changed, and answers are shared and kept.
 *
 * An address is answered by the first of: the name is an address itself; it is localhost or ends
 * in .localhost (RFC 6761 6.3: never asked of anybody); /etc/hosts; the name servers, with the
 * search list of resolv.conf. Other records are asked for by their full names.
 *
 * A look-up is a handle. Who asks twice for one thing at a time shares one query, and an asker
 * who leaves does not stop it. An answer is kept for its time to live, between the two bounds
 * below; that there is none for what the zone says (RFC 2308 5). Failures are not kept.
 *
 * Loop's thread only; set up once per process. The first look-up makes the channel to the servers.
 */
#define DNS_TTL_MIN          1    /* seconds */
#define DNS_TTL_MAX          3600 /* an hour */
#define DNS_NEGATIVE_TTL     5    /* where the zone does not say */
#define DNS_NEGATIVE_TTL_MAX 60
#define DNS_TRIES            2          /* of each name server */
#define DNS_PENDING_MAX      4096       /* queries; then ERR_QUEUE_FULL */
#define DNS_RECORDS_MAX      256        /* of one answer; the rest is dropped */
#define DNS_HOSTS_BYTES      (8u << 20) /* of the hosts file; the rest is not read */
#define DNS_NAME_MAX         253 /* bytes of a name, a last dot not counted (RFC 1035 2.3.4) */

/* What is asked for: the number of the record's type, or any address. */
enum dns_kind {
	DNS_ANY = 0,
	DNS_A = 1,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
};

struct dns_config {
	const char *servers;     /* "192.0.2.1,192.0.2.2:5353,[::1]:53"; "": resolv.conf's */
	uint64_t timeout_us;     /* of the first try; the next ones wait for twice as long */
	unsigned cache;          /* answers that are kept; 0: none */
	const char *hosts;       /* NULL: /etc/hosts */
	const char *resolv_conf; /* NULL: /etc/resolv.conf */
};

/* Borrows the strings. */
void dns_setup(struct loop *loop, const struct dns_config *config);
void dns_teardown(void); /* ends what is left */

/* Begins a look-up: its handle; ERR_QUEUE_FULL, ERR_SHUTDOWN. A bad name is answered below. */
double dns_ask(enum dns_kind kind, struct span name);

/*
 * How many records there are, in the order to try them: addresses as of RFC 6724, services as of
 * RFC 2782, anew for each look-up. ERR_AGAIN: `task` is woken. Else a code and in *detail_r a
 * sentence, valid until dns_free:
 * ERR_NOT_FOUND, ERR_TIMEOUT, ERR_REFUSED, ERR_FAILED, ERR_INVALID, ERR_IO, ERR_SHUTDOWN, ERR_GONE.
 */
int dns_answer(double id, double task, struct span *detail_r);

/* Of DNS_ANY, when one family is known and the other is not: the known one is the answer. */
void dns_hurry(double id);

struct dns_answer_record {
	int family;   /* of an address: 4 or 6 */
	unsigned ttl; /* seconds that are left; 0: not from the DNS */
	unsigned priority, weight, port;
	struct span text; /* address, target or text; valid until dns_free */
};

/* The record of that number, from 0; false: there is none. */
bool dns_record(double id, unsigned i, struct dns_answer_record *r_r);

void dns_free(double id);
unsigned dns_live(void);

#endif
