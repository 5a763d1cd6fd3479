#include "tls_check.h"

#include "net/tls_int.h"

/* What two ends agree on: a protocol above TLS, and to go on from where they were last time. */

static struct tls_config with_alpn(struct tls_config config, const char *alpn)
{
	config.alpn = span_of(alpn);
	return config;
}

static void test_alpn(void **state)
{
	static const struct {
		const char *client, *server, *agreed;
	} rows[] = {
		{"h2,http/1.1", "h2,http/1.1", "h2"},
		{"http/1.1, h2", " h2 ,,http/1.1", "h2"}, /* the server's wish counts */
		{"http/1.1", "h2,http/1.1", "http/1.1"},
		{"", "h2", ""},
		{"h2", "", ""},
		{"", "", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_config client = pki_client(&pki_get()->ca);
		struct tls_config server = pki_server(&pki_get()->server);
		struct tls_pair p;
		struct tls_info info;

		shake(&p, 0, with_alpn(client, rows[i].client), with_alpn(server, rows[i].server),
			"example.org");
		assert_true(tls_pair_ok(&p));
		tls_describe(p.client, &info);
		assert_true(span_eq(info.alpn, span_of(rows[i].agreed)));
		tls_describe(p.server, &info);
		assert_true(span_eq(info.alpn, span_of(rows[i].agreed)));
		tls_pair_close(&p);
	}
}

static void test_alpn_no_overlap(void **state)
{
	struct tls_pair p;

	shake(&p, 0, with_alpn(pki_client(&pki_get()->ca), "h2"),
		with_alpn(pki_server(&pki_get()->server), "http/1.1"), "example.org");
	assert_int_equal(p.client_rc, ERR_TLS);
	assert_int_equal(p.server_rc, ERR_TLS);
	assert_string_equal(tls_reason(p.client), "the peer refused: no application protocol");
	assert_string_equal(tls_reason(p.server), "no application protocol");
	tls_pair_close(&p);
}

static void test_alpn_lengths(void **state)
{
	char *long_name = mem_alloc(70000), err[128] = "";
	struct tls_config config = {.role = TLS_CLIENT};
	struct tls_ctx *ctx;

	memset(long_name, 'x', 70000);
	config.alpn = (struct span){long_name, 255};
	assert_int_equal(tls_ctx_new(&ctx, &config, err, sizeof(err)), 0);
	tls_ctx_unref(&ctx);
	config.alpn.n = 256;
	assert_int_equal(tls_ctx_new(&ctx, &config, err, sizeof(err)), ERR_INVALID);
	assert_string_equal(err, "alpn: a protocol of more than 255 bytes");
	for (size_t i = 100; i < 70000; i += 100)
		long_name[i] = ',';
	config.alpn.n = 70000;
	assert_int_equal(tls_ctx_new(&ctx, &config, err, sizeof(err)), ERR_INVALID);
	assert_string_equal(err, "alpn: longer than 65535 bytes");
	mem_free(long_name);
}

/* Two contexts between which connections come and go. */
struct two {
	struct tls_ctx *client, *server;
};

static void two_open(struct two *w, bool old)
{
	struct tls_config server = pki_server(&pki_get()->server);
	struct tls_config client = pki_client(&pki_get()->ca);

	server.verify = true;
	server.ca = client.ca;
	client.cert = span_of(pki_get()->client.pem);
	client.key = span_of(pki_get()->client.key);
	w->client = pki_ctx(client);
	w->server = pki_ctx(server);
	if (old)
		assert_true(SSL_CTX_set_max_proto_version(w->server->ssl, TLS1_2_VERSION));
}

static void two_close(struct two *w)
{
	tls_ctx_unref(&w->client);
	tls_ctx_unref(&w->server);
}

/* Connects, says something each way, and tells whether it was a session resumed. */
static bool meet(struct tls_pair *p, struct two *w, const char *name)
{
	struct tls_info client, server;
	char got[8];

	tls_pair_open(p, 0, w->client, w->server, name);
	tls_pair_shake(p);
	if (!tls_pair_ok(p))
		fail_msg("%s, %s", tls_reason(p->client), tls_reason(p->server));
	tls_pair_write(p->client, "hello", 5);
	assert_int_equal(tls_read(p->server, got, sizeof(got)), 5);
	tls_pair_write(p->server, "hello", 5);
	assert_int_equal(tls_read(p->client, got, sizeof(got)), 5); /* the tickets come first */
	tls_describe(p->client, &client);
	tls_describe(p->server, &server);
	assert_int_equal(client.resumed, server.resumed);
	assert_string_equal(client.subject, "CN=server");
	assert_says(server.subject, "client");
	return client.resumed;
}

static bool meet_once(struct two *w, const char *name)
{
	struct tls_pair p;
	bool resumed = meet(&p, w, name);

	tls_pair_close(&p);
	return resumed;
}

static void test_resumed(void **state)
{
	for (int old = 0; old < 2; old++) {
		struct two w;

		two_open(&w, old);
		assert_false(meet_once(&w, "example.org"));
		assert_true(meet_once(&w, "example.org"));
		assert_true(meet_once(&w, "EXAMPLE.org."));
		assert_false(meet_once(&w, "www.example.net"));
		assert_false(meet_once(&w, "127.0.0.1"));
		assert_true(meet_once(&w, "127.0.0.1"));
		assert_int_equal(w.client->cache.n, 3);
		assert_int_equal(w.server->cache.n, 0);
		two_close(&w);
	}
}

/* A ticket of TLS 1.3 used twice would tell an observer that it is the same client. */
static void test_single_use(void **state)
{
	for (int old = 0; old < 2; old++) {
		struct tls_pair a, b;
		struct two w;

		two_open(&w, old);
		assert_false(meet_once(&w, "example.org"));
		tls_pair_open(&a, 0, w.client, w.server, "example.org");
		tls_pair_open(&b, 0, w.client, w.server, "example.org");
		tls_pair_shake(&a);
		tls_pair_shake(&b);
		assert_true(tls_pair_ok(&a) && tls_pair_ok(&b));
		assert_true(SSL_session_reused(a.client->ssl));
		assert_int_equal(SSL_session_reused(b.client->ssl), old);
		tls_pair_close(&a);
		tls_pair_close(&b);
		two_close(&w);
	}
}

/* Many servers end without a close_notify; the session is good all the same. */
static void test_resumed_after_abrupt_end(void **state)
{
	for (int old = 0; old < 2; old++) {
		struct tls_pair p;
		struct two w;
		char got[8];

		two_open(&w, old);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(meet(&p, &w, "example.org"), i > 0);
			close(p.server_fd);
			p.server_fd = -1;
			assert_int_equal(tls_read(p.client, got, sizeof(got)), ERR_CLOSED);
			tls_pair_close(&p);
		}
		two_close(&w);
	}
}

/* Another server, or the same one started anew, has no key to the ticket: a full handshake. */
static void test_unknown_ticket(void **state)
{
	for (int old = 0; old < 2; old++) {
		struct two w, other;

		two_open(&w, old);
		two_open(&other, old);
		assert_false(meet_once(&w, "example.org"));
		tls_ctx_unref(&w.server);
		w.server = other.server;
		other.server = NULL;
		assert_false(meet_once(&w, "example.org"));
		assert_true(meet_once(&w, "example.org"));
		two_close(&w);
		two_close(&other);
	}
}

/* What ended in a fatal alert is not gone on with. */
static void test_fatal_end(void **state)
{
	for (int old = 0; old < 2; old++) {
		struct tls_pair p;
		struct two w;
		char got[8];

		two_open(&w, old);
		assert_false(meet(&p, &w, "example.org"));
		assert_int_equal(w.client->cache.n, 1);
		assert_int_equal(write(p.server_fd, "no TLS", 6), 6);
		assert_int_equal(tls_read(p.client, got, sizeof(got)), ERR_TLS);
		tls_pair_close(&p);
		assert_int_equal(w.client->cache.n, 0);
		two_close(&w);
	}
}

/* A server that breaks off when a session is offered to it is met without one the next time. */
static void test_failed_offer(void **state)
{
	for (int old = 0; old < 2; old++) {
		struct tls_pair p;
		struct two w;

		two_open(&w, old);
		assert_false(meet_once(&w, "example.org"));
		tls_pair_open(&p, 0, w.client, w.server, "example.org");
		assert_int_equal(tls_handshake(p.client), ERR_AGAIN);
		close(p.server_fd);
		p.server_fd = -1;
		assert_true(tls_handshake(p.client) < ERR_AGAIN);
		tls_pair_close(&p);
		assert_int_equal(w.client->cache.n, 0);
		assert_false(meet_once(&w, "example.org"));
		two_close(&w);
	}
}

static void put(struct tls_cache *c, const char *name, int version, long age_s)
{
	static const unsigned char id[] = "id";
	SSL_SESSION *s = SSL_SESSION_new();

	assert_true(SSL_SESSION_set1_id(s, id, sizeof(id)));
	assert_true(SSL_SESSION_set_protocol_version(s, version));
	SSL_SESSION_set_time(s, time(NULL) - age_s);
	SSL_SESSION_set_timeout(s, 100);
	tls_cache_put(c, name, s);
	SSL_SESSION_free(s);
}

static bool has(struct tls_cache *c, const char *name)
{
	SSL_SESSION *s = tls_cache_take(c, name);

	SSL_SESSION_free(s);
	return s != NULL;
}

static void test_cache(void **state)
{
	struct tls_cache c;
	char name[32];

	tls_cache_init(&c);
	assert_false(has(&c, "a"));
	put(&c, "a", TLS1_2_VERSION, 0);
	put(&c, "b", TLS1_3_VERSION, 0);
	put(&c, "old", TLS1_2_VERSION, 101);
	put(&c, "a", TLS1_2_VERSION, 0);
	assert_int_equal(c.n, 3);
	assert_true(has(&c, "a"));
	assert_true(has(&c, "a"));
	assert_true(has(&c, "b"));
	assert_false(has(&c, "b"));
	assert_false(has(&c, "old"));
	assert_int_equal(c.n, 1);

	/* A full one forgets who was not asked for longest. */
	put(&c, "b", TLS1_2_VERSION, 0);
	for (int i = 2; i < TLS_CACHE_NAMES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		put(&c, name, TLS1_2_VERSION, 0);
	}
	assert_true(has(&c, "a"));
	put(&c, "one more", TLS1_2_VERSION, 0);
	assert_int_equal(c.n, TLS_CACHE_NAMES);
	assert_true(has(&c, "a"));
	assert_false(has(&c, "b"));
	tls_cache_drop(&c, "a");
	tls_cache_drop(&c, "a");
	assert_false(has(&c, "a"));
	tls_cache_fini(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ZERO_TEST(test_alpn),
		ZERO_TEST(test_alpn_no_overlap),
		ZERO_TEST(test_alpn_lengths),
		ZERO_TEST(test_resumed),
		ZERO_TEST(test_single_use),
		ZERO_TEST(test_resumed_after_abrupt_end),
		ZERO_TEST(test_unknown_ticket),
		ZERO_TEST(test_fatal_end),
		ZERO_TEST(test_failed_offer),
		ZERO_TEST(test_cache),
	};

	return cmocka_run_group_tests_name("tls resume", tests, tls_setup, tls_teardown);
}
