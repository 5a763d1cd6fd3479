#include "../base/check.h"

#include "base/mem.h"
#include "runtime/dns_int.h"

/* A query for the SRV records of a.b, answered with an alias, two services, and a zone's SOA. */
static const unsigned char message[] = {
	0x12, 0x34, 0x81, 0x80, 0, 1, 0, 3, 0, 1, 0, 0,            /* header */
	1, 'a', 1, 'b', 0, 0, 33, 0, 1,                            /* question */
	0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 20, 0, 4, 1, 'c', 0xc0, 14, /* a.b CNAME c.b, 20 s */
	0xc0, 33, 0, 33, 0, 1, 0, 0, 1, 44, 0, 10, 0, 1, 0, 2, 0, 80, 1, 'd', 0xc0, 14, /* SRV */
	0xc0, 33, 0, 33, 0, 1, 0, 0, 1, 44, 0, 7, 0, 3, 0, 4, 0x1f, 0x90, 0,            /* SRV . */
	0xc0, 14, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,
	1, 0, 0, 0, 7, /* SOA: 7 s */
};

static bool read_copy(struct dns_records *rs, enum dns_kind kind, const unsigned char *p, size_t n)
{
	char *exact = mem_alloc(n); /* so that a sanitizer sees what is read behind it */
	bool ok;

	memcpy(exact, p, n);
	*rs = (struct dns_records){0};
	ok = dns_message_read(rs, kind, (struct span){exact, n});
	mem_free(exact);
	return ok;
}

static void test_reads(void **state)
{
	struct dns_records rs;

	assert_true(read_copy(&rs, DNS_SRV, message, sizeof(message)));
	assert_int_equal(rs.n, 2);
	assert_int_equal(rs.ttl, 20);
	assert_int_equal(rs.v[0].priority, 1);
	assert_int_equal(rs.v[0].weight, 2);
	assert_int_equal(rs.v[0].port, 80);
	assert_int_equal(rs.v[0].n, 3);
	assert_memory_equal(rs.text.p + rs.v[0].at, "d.b", 3);
	assert_int_equal(rs.v[1].port, 8080);
	assert_int_equal(rs.v[1].n, 0);
	dns_records_fini(&rs);

	assert_true(read_copy(&rs, DNS_TXT, message, sizeof(message)));
	assert_int_equal(rs.n, 0);
	assert_int_equal(rs.ttl, 7);
	assert_true(rs.has_ttl);
	dns_records_fini(&rs);
}

static void test_cut_anywhere(void **state)
{
	struct dns_records rs;

	for (size_t n = 0; n < sizeof(message); n++) {
		assert_int_equal(read_copy(&rs, DNS_SRV, message, n), n >= sizeof(message) - 34);
		assert_true(rs.n <= 2);
		dns_records_fini(&rs);
		assert_false(read_copy(&rs, DNS_TXT, message, n));
		dns_records_fini(&rs);
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void test_bytes_changed(void **state)
{
	static const enum dns_kind kinds[] = {DNS_A, DNS_MX, DNS_TXT, DNS_AAAA, DNS_SRV};
	unsigned char changed[sizeof(message)];
	struct dns_records rs;
	uint32_t seed = 1;

	for (int round = 0; round < 20000; round++) {
		memcpy(changed, message, sizeof(message));
		for (int i = 0; i < 3; i++)
			changed[next_random(&seed) % sizeof(message)] =
				(unsigned char)next_random(&seed);
		read_copy(&rs, kinds[round % 5], changed, sizeof(message) - next_random(&seed) % 4);
		for (unsigned i = 0; i < rs.n; i++)
			assert_true((size_t)rs.v[i].at + rs.v[i].n <= rs.text.n);
		dns_records_fini(&rs);
	}
}

static void test_records_are_bounded(void **state)
{
	unsigned char head[] = {0, 0, 0x81, 0x80, 0, 0, 0x0f, 0xff, 0, 0, 0, 0};
	static const unsigned char rr[] = {0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1};
	struct buf b = {0};
	struct dns_records rs;

	buf_append(&b, head, sizeof(head));
	for (int i = 0; i < 0xfff; i++)
		buf_append(&b, rr, sizeof(rr));
	assert_true(read_copy(&rs, DNS_A, (const unsigned char *)b.p, b.n));
	assert_int_equal(rs.n, DNS_RECORDS_MAX);
	assert_int_equal(rs.v[255].family, 4);
	dns_records_fini(&rs);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_reads),
		ZERO_TEST(test_cut_anywhere),
		ZERO_TEST(test_bytes_changed),
		ZERO_TEST(test_records_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
