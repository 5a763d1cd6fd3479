#ifndef TESTS_DNS_RIG_H
#define TESTS_DNS_RIG_H

#include "check.h"
#include "fake_clock.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/fd_watch.h"
#include "runtime/dns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * A name server of one socket on the loop of the test. The first label of a name says what it does;
 * it counts what it is asked.
 */
static struct {
	struct loop loop;
	struct fd_watch ready;
	struct ev_timer wake; /* so that a poll of ours ends */
	int fd;
	unsigned asked;
	struct buf held; /* the last query to "late" */
	struct sockaddr_in held_from;
	char dir[32], hosts[64], resolv_conf[64], servers[32];
	long live_before;
	unsigned fds_before;
} rig;

struct reply {
	unsigned char p[2048];
	size_t n;
};

static void put(struct reply *r, const void *p, size_t n)
{
	assert_true(r->n + n <= sizeof(r->p));
	memcpy(r->p + r->n, p, n);
	r->n += n;
}

/* A name by a pointer to the question's, type, class IN, time to live, data. */
static void put_rr(struct reply *r, int section, int type, unsigned ttl, const void *data, size_t n)
{
	unsigned char head[] = {0xc0, 12, 0, (unsigned char)type, 0, 1, (unsigned char)(ttl >> 24),
		(unsigned char)(ttl >> 16), (unsigned char)(ttl >> 8), (unsigned char)ttl, 0,
		(unsigned char)n};

	put(r, head, sizeof(head));
	put(r, data, n);
	r->p[section * 2 + 5]++; /* 1: answers, 2: authority */
}

static bool is(const unsigned char *query, const char *label)
{
	return query[12] == strlen(label) && memcmp(query + 13, label, query[12]) == 0;
}

/* RDATA of a zone whose names that do not exist do so for that long (7 s). */
static const unsigned char soa[] = {
	0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7};
static const unsigned char v6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

static void put_service(struct reply *r, int priority, int weight, char target)
{
	const unsigned char data[] = {0, (unsigned char)priority, 0, (unsigned char)weight, 0x1f,
		0x90, 1, (unsigned char)target, 0xc0, 12};

	put_rr(r, 1, DNS_SRV, 60, data, sizeof(data));
}

static void put_answers(struct reply *r, const unsigned char *query, int type)
{
	static const unsigned char to_a[] = {1, 'a', 4, 't', 'e', 's', 't', 0};

	if (is(query, "none"))
		put_rr(r, 2, 6, 60, soa, sizeof(soa));
	else if (is(query, "alias"))
		put_rr(r, 1, 5, 5, to_a, sizeof(to_a));
	if (is(query, "none") || is(query, "broken") || is(query, "refuses"))
		r->p[3] |= is(query, "none") ? 3 : is(query, "broken") ? 2 : 5;
	else if (is(query, "garbage"))
		put_rr(r, 1, type, 60, "abc", 3);
	else if (is(query, "only4") && type == DNS_AAAA)
		put_rr(r, 2, 6, 60, soa, sizeof(soa));
	else if (type == DNS_A)
		put_rr(r, 1, type,
			is(query, "brief")     ? 0
			: is(query, "eternal") ? 99999
					       : 60,
			"\300\000\002\001", 4);
	else if (type == DNS_AAAA)
		put_rr(r, 1, type, 30, v6, sizeof(v6));
	else if (type == DNS_TXT && is(query, "long"))
		put_rr(r, 1, type, 60, "\003abc\004defg", 9);
	else if (type == DNS_TXT)
		put_rr(r, 1, type, 60, "\011cut short", 4);
	else if (type == DNS_SRV && is(query, "off"))
		put_rr(r, 1, type, 60, "\0\0\0\0\0\0\0", 7);
	else if (type == DNS_SRV) {
		put_service(r, 2, 0, 'c');
		put_service(r, 1, 1, 'a');
		put_service(r, 1, 9, 'b');
	}
}

static size_t question_end(const unsigned char *query)
{
	size_t n = 12;

	while (query[n] != 0)
		n += query[n] + 1u;
	return n + 5;
}

static int type_of(const unsigned char *query)
{
	return query[question_end(query) - 3];
}

static void answer(const unsigned char *query, const struct sockaddr_in *to)
{
	struct reply r = {.n = 0};

	put(&r, query, question_end(query));
	r.p[2] = 0x85; /* a response, authoritative */
	r.p[3] = 0x80;
	memset(r.p + 6, 0, 6);
	put_answers(&r, query, type_of(query));
	sendto(rig.fd, r.p, r.n, 0, (const struct sockaddr *)to, sizeof(*to));
}

static void on_query(struct fd_watch *w)
{
	unsigned char query[600];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(rig.fd, query, sizeof(query), 0, (struct sockaddr *)&from, &len);

	fd_watch_start(&rig.loop, w);
	if (n < 17)
		return;
	rig.asked++;
	if (is(query, "late")) {
		buf_clear(&rig.held);
		buf_append(&rig.held, query, (size_t)n);
		rig.held_from = from;
	} else if (is(query, "noise")) { /* nothing that belongs to the query, then what does */
		sendto(rig.fd, "abc", 3, 0, (struct sockaddr *)&from, len);
		query[0] ^= 1;
		answer(query, &from);
		query[0] ^= 1;
		answer(query, &from);
	} else if (!is(query, "silent") && !(is(query, "half") && type_of(query) == DNS_AAAA)) {
		answer(query, &from);
	}
}

static void release(void)
{
	assert_true(rig.held.n > 0);
	answer((unsigned char *)rig.held.p, &rig.held_from);
	buf_clear(&rig.held);
}

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void open_server(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(in);

	rig.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(rig.fd, (struct sockaddr *)&in, n), 0);
	assert_int_equal(getsockname(rig.fd, (struct sockaddr *)&in, &n), 0);
	snprintf(rig.servers, sizeof(rig.servers), "127.0.0.1:%d", ntohs(in.sin_port));
	fd_watch_init(&rig.ready, rig.fd, on_query);
	fd_watch_start(&rig.loop, &rig.ready);
}

static void on_wake(struct ev_loop *ev, struct ev_timer *t, int revents)
{
}

static void set_up_dns(unsigned cache, uint64_t timeout_us)
{
	const struct dns_config config = {.servers = rig.servers,
		.timeout_us = timeout_us,
		.cache = cache,
		.hosts = rig.hosts,
		.resolv_conf = rig.resolv_conf};

	dns_setup(&rig.loop, &config);
}

static int set_up(void **state)
{
	memset(&rig, 0, sizeof(rig));
	rig.fds_before = count_fds();
	rig.live_before = mem_live();
	strcpy(rig.dir, "/tmp/moonloop-dns-XXXXXX");
	assert_non_null(mkdtemp(rig.dir));
	snprintf(rig.hosts, sizeof(rig.hosts), "%s/hosts", rig.dir);
	snprintf(rig.resolv_conf, sizeof(rig.resolv_conf), "%s/resolv.conf", rig.dir);
	write_file(rig.hosts, "127.0.0.1 localhost\n");
	write_file(rig.resolv_conf, "nameserver 127.0.0.1\noptions ndots:1\n");
	loop_init(&rig.loop);
	ev_timer_init(&rig.wake, on_wake, 0.01, 0.01);
	ev_timer_start(rig.loop.ev, &rig.wake);
	open_server();
	fake_clock_start();
	set_up_dns(100, 5 * CLOCK_SECOND);
	return 0;
}

/* Nothing is left, whatever the test left pending. */
static int tear_down(void **state)
{
	dns_teardown();
	fake_clock_stop();
	fd_watch_stop(&rig.loop, &rig.ready);
	ev_timer_stop(rig.loop.ev, &rig.wake);
	close(rig.fd);
	loop_fini(&rig.loop);
	buf_fini(&rig.held);
	unlink(rig.hosts);
	unlink(rig.resolv_conf);
	rmdir(rig.dir);
	assert_int_equal(mem_live(), rig.live_before);
	assert_int_equal(count_fds(), rig.fds_before);
	return 0;
}

static double ask(enum dns_kind kind, const char *name)
{
	double id = dns_ask(kind, span_of(name));

	assert_true(id > 0);
	return id;
}

/* What the loop says until it is answered, for 20 s at most. */
static int await(double id, struct span *detail_r)
{
	int rc = ERR_AGAIN;

	for (int i = 0; i < 2000 && rc == ERR_AGAIN; i++) {
		rc = dns_answer(id, 0, detail_r);
		if (rc == ERR_AGAIN)
			ev_run(rig.loop.ev, EVRUN_ONCE);
	}
	return rc;
}

/* The answers of one look-up, with blanks between: "192.0.2.1 2001:db8::1"; or code and detail. */
static const char *look_up(enum dns_kind kind, const char *name)
{
	static char out[1024];
	struct dns_answer_record r;
	double id = ask(kind, name);
	struct span detail;
	int n = await(id, &detail);
	size_t at = 0;

	out[0] = '\0';
	if (n < 0)
		snprintf(out, sizeof(out), "%s: %.*s", err_name(n), (int)detail.n, detail.p);
	for (int i = 0; i < n; i++) {
		assert_true(dns_record(id, (unsigned)i, &r));
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%.*s", i > 0 ? " " : "",
			(int)r.text.n, r.text.p);
	}
	assert_false(n > 0 && dns_record(id, (unsigned)n, &r));
	dns_free(id);
	return out;
}

#endif
