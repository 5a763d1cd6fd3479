#include "tls_check.h"

#include "net/tls_int.h"

#include <ev.h>
#include <poll.h>
#include <sys/socket.h>

/* OpenSSL's own limit of what one record carries. */
#define RECORD_MAX 16384

static void limit_to_12(struct tls_ctx *ctx)
{
	assert_true(SSL_CTX_set_max_proto_version(ctx->ssl, TLS1_2_VERSION));
}

static void test_handshake(void **state)
{
	static const size_t steps[] = {0, 1, 7, 1000};

	for (size_t i = 0; i < 2 * ARRAY_LEN(steps); i++) {
		bool old = i % 2 != 0;
		struct tls_ctx *client = pki_ctx(pki_client(&pki_get()->ca));
		struct tls_ctx *server = pki_ctx(pki_server(&pki_get()->server));
		struct tls_pair p;
		struct tls_info info;

		if (old)
			limit_to_12(server);
		tls_pair_open(&p, steps[i / 2], client, server, "example.org");
		tls_pair_shake(&p);
		if (!tls_pair_ok(&p))
			fail_msg("%s, %s", tls_reason(p.client), tls_reason(p.server));

		tls_describe(p.client, &info);
		assert_string_equal(info.version, old ? "TLSv1.2" : "TLSv1.3");
		assert_string_equal(info.cipher,
			old ? "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" : "TLS_AES_256_GCM_SHA384");
		assert_int_equal(info.alpn.n, 0);
		assert_string_equal(info.name, "");
		assert_string_equal(info.subject, "CN=server");
		assert_false(info.resumed);

		tls_describe(p.server, &info);
		assert_string_equal(info.version, old ? "TLSv1.2" : "TLSv1.3");
		assert_string_equal(info.name, "example.org");
		assert_string_equal(info.subject, "");
		assert_string_equal(tls_reason(p.client), "");
		assert_string_equal(tls_reason(p.server), "");
		tls_pair_close(&p);
		tls_ctx_unref(&client);
		tls_ctx_unref(&server);
	}
}

static void test_only_13(void **state)
{
	struct tls_config config = pki_client(&pki_get()->ca);
	struct tls_ctx *client, *server = pki_ctx(pki_server(&pki_get()->server));
	struct tls_pair p;

	config.tls12 = false;
	client = pki_ctx(config);
	limit_to_12(server);
	tls_pair_open(&p, 0, client, server, "example.org");
	tls_pair_shake(&p);
	assert_int_equal(p.client_rc, ERR_TLS);
	assert_int_equal(p.server_rc, ERR_TLS);
	assert_string_equal(tls_reason(p.client), "the peer refused: protocol version");
	assert_string_equal(tls_reason(p.server), "unsupported protocol");
	tls_pair_close(&p);
	tls_ctx_unref(&client);
	tls_ctx_unref(&server);
}

/* One direction of a large transfer: random bytes, in random pieces, as far as they go. */
struct flow {
	struct tls *from, *to;
	char *bytes;
	size_t n, sent, got;
};

static void push(struct flow *f)
{
	struct iovec iov[5];
	size_t at = f->sent;
	ssize_t rc;
	int n = 0;

	/* The largest piece is never smaller than what was left half sent. */
	while (n < 5 && at < f->n) {
		size_t piece = n == 4 ? f->n - at : random_below(9000);

		piece = MIN(piece, f->n - at);
		iov[n++] = (struct iovec){f->bytes + at, piece};
		at += piece;
	}
	rc = tls_write(f->from, iov, n);
	if (rc == ERR_AGAIN)
		return;
	if (rc < 0)
		fail_msg("%s", tls_reason(f->from));
	f->sent += (size_t)rc;
}

static void pull(struct flow *f)
{
	char room[20000];
	ssize_t n = tls_read(f->to, room, 1 + random_below(sizeof(room)));

	if (n == ERR_AGAIN)
		return;
	if (n <= 0)
		fail_msg("%zd: %s", n, tls_reason(f->to));
	assert_true(f->got + (size_t)n <= f->n);
	assert_memory_equal(f->bytes + f->got, room, (size_t)n);
	f->got += (size_t)n;
}

static void transfer(struct tls_pair *p, size_t n)
{
	struct flow flows[] = {{.from = p->client, .to = p->server, .n = n},
		{.from = p->server, .to = p->client, .n = n}};

	for (int i = 0; i < 2; i++) {
		flows[i].bytes = mem_alloc(n);
		for (size_t k = 0; k < n; k++)
			flows[i].bytes[k] = (char)random_below(256);
	}
	while (flows[0].got < n || flows[1].got < n) {
		for (int i = 0; i < 2; i++) {
			if (flows[i].sent < n)
				push(&flows[i]);
			if (flows[i].got < n)
				pull(&flows[i]);
		}
		tls_pair_turn(p);
	}
	mem_free(flows[0].bytes);
	mem_free(flows[1].bytes);
}

static void test_volume(void **state)
{
	static const struct {
		size_t step, n;
	} rows[] = {{0, 3000000}, {1, 5000}, {97, 100000}, {1500, 1000000}};
	struct tls_pair p;

	random_start("test_volume");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		shake_ok(&p, rows[i].step);
		transfer(&p, rows[i].n);
		tls_pair_close(&p);
	}
}

static void test_starved(void **state)
{
	struct tls_pair p;
	int tiny = 1;

	random_start("test_starved");
	shake_ok(&p, 0);
	setsockopt(p.client_fd, SOL_SOCKET, SO_SNDBUF, &tiny, sizeof(tiny));
	setsockopt(p.server_fd, SOL_SOCKET, SO_SNDBUF, &tiny, sizeof(tiny));
	transfer(&p, 500000);
	tls_pair_close(&p);
}

static void test_gather(void **state)
{
	struct tls_pair p;
	struct iovec iov[50];
	char bytes[500], got[1000];

	shake_ok(&p, 0);
	for (int i = 0; i < 500; i++)
		bytes[i] = (char)i;
	for (int i = 0; i < 50; i++)
		iov[i] = (struct iovec){bytes + 10 * i, 10};
	iov[7].iov_len = 0;
	memmove(bytes + 70, bytes + 80, 420);
	for (int i = 8; i < 50; i++)
		iov[i].iov_base = bytes + 10 * (i - 1);
	assert_int_equal(tls_write(p.client, iov, 50), 490);
	assert_int_equal(tls_read(p.server, got, sizeof(got)), 490);
	assert_memory_equal(got, bytes, 490);
	assert_int_equal(tls_write(p.client, iov + 7, 1), 0);
	assert_int_equal(tls_write(p.client, NULL, 0), 0);
	assert_int_equal(tls_read(p.server, got, sizeof(got)), ERR_AGAIN);
	tls_pair_close(&p);
}

/* Writes until nothing more goes; how much that was. The last record is half sent then. */
static size_t fill(struct tls *t)
{
	static char zeros[100000];
	struct iovec iov = {zeros, sizeof(zeros)};
	size_t all = 0;
	ssize_t n;

	while ((n = tls_write(t, &iov, 1)) > 0)
		all += (size_t)n;
	assert_int_equal(n, ERR_AGAIN);
	assert_int_equal(tls_wants(t), EV_WRITE);
	return all;
}

static size_t drain(struct tls *t, int code)
{
	char room[RECORD_MAX];
	size_t all = 0;
	ssize_t n;

	while ((n = tls_read(t, room, sizeof(room))) > 0)
		all += (size_t)n;
	assert_int_equal(n, code);
	return all;
}

static void test_half_sent(void **state)
{
	static char zeros[100000];
	struct iovec moved = {zeros, sizeof(zeros)};
	char other[] = "other";
	struct tls_pair p;
	size_t sent, got;
	ssize_t n;

	shake_ok(&p, 0);
	sent = fill(p.client);
	assert_int_equal(tls_shut(p.client), ERR_STATE);
	assert_int_equal(tls_write(p.client, &(struct iovec){other, 5}, 1), ERR_STATE);
	assert_int_equal(tls_write(p.client, &(struct iovec){zeros, 5}, 1), ERR_STATE);
	assert_int_equal(tls_write(p.client, &(struct iovec){zeros, 0}, 1), ERR_STATE);
	got = drain(p.server, ERR_AGAIN);
	assert_int_equal(tls_write(p.client, &(struct iovec){other, 5}, 1), ERR_STATE);
	assert_true(got <= sent);
	assert_int_equal(tls_wants(p.server), EV_READ);
	n = tls_write(p.client, &moved, 1);
	assert_true(n >= RECORD_MAX);
	sent += (size_t)n;
	while ((n = tls_shut(p.client)) == ERR_STATE) {
		got += drain(p.server, ERR_AGAIN);
		n = tls_write(p.client, &(struct iovec){zeros, RECORD_MAX}, 1);
		sent += (size_t)MAX(n, 0);
	}
	assert_int_equal(n, 0);
	got += drain(p.server, 0);
	assert_int_equal(got, sent);
	tls_pair_close(&p);
}

static void test_shut_waits(void **state)
{
	struct tls_pair p;
	char junk[4096] = {0};

	/* Plain bytes fill the socket to the brim, where TLS would have stopped before. */
	shake_ok(&p, 0);
	while (send(p.client_fd, junk, sizeof(junk), 0) > 0 || send(p.client_fd, junk, 1, 0) > 0)
		;
	assert_int_equal(tls_shut(p.client), ERR_AGAIN);
	assert_int_equal(tls_wants(p.client), EV_WRITE);
	assert_int_equal(tls_shut(p.client), ERR_AGAIN);
	while (recv(p.server_fd, junk, sizeof(junk), 0) > 0)
		;
	assert_int_equal(tls_shut(p.client), 0);
	assert_int_equal(tls_shut(p.client), 0);
	assert_true(recv(p.server_fd, junk, sizeof(junk), 0) > 0);
	tls_pair_close(&p);
}

/* After one side's close_notify the other may go on. */
static void test_half_close(void **state)
{
	struct tls_pair p;
	char got[16];

	shake_ok(&p, 3);
	tls_pair_write(p.client, "last", 4);
	assert_int_equal(tls_shut(p.client), 0);
	assert_int_equal(tls_pair_read(&p, p.server, got, sizeof(got)), 4);
	assert_int_equal(tls_pair_read(&p, p.server, got, sizeof(got)), 0);
	assert_int_equal(tls_pair_read(&p, p.server, got, sizeof(got)), 0);
	tls_pair_write(p.server, "answer", 6);
	assert_int_equal(tls_pair_read(&p, p.client, got, sizeof(got)), 6);
	assert_int_equal(tls_shut(p.server), 0);
	assert_int_equal(tls_pair_read(&p, p.client, got, sizeof(got)), 0);
	assert_string_equal(tls_reason(p.client), "");
	tls_pair_close(&p);
}

static void test_abrupt_end(void **state)
{
	struct tls_pair p;
	char got[16];

	shake_ok(&p, 0);
	tls_pair_write(p.server, "cut", 3);
	close(p.server_fd);
	p.server_fd = -1;
	assert_int_equal(tls_read(p.client, got, sizeof(got)), 3);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tls_read(p.client, got, sizeof(got)), ERR_CLOSED);
		assert_string_equal(tls_reason(p.client),
			"the peer closed the connection without TLS's close_notify");
	}
	assert_int_equal(tls_write(p.client, &(struct iovec){got, 1}, 1), ERR_CLOSED);
	assert_int_equal(tls_shut(p.client), ERR_CLOSED);
	assert_int_equal(tls_handshake(p.client), ERR_CLOSED);
	tls_pair_close(&p);
}

/* A unix socket that is closed with bytes unread resets its peer. */
static void test_reset(void **state)
{
	struct tls_pair p;
	char got[16];

	shake_ok(&p, 0);
	tls_pair_write(p.client, "unread", 6);
	close(p.server_fd);
	p.server_fd = -1;
	while (recv(p.client_fd, got, sizeof(got), 0) > 0)
		; /* the tickets; the reset is found by the second who asks */
	assert_int_equal(tls_write(p.client, &(struct iovec){got, 1}, 1), ERR_CLOSED);
	assert_string_equal(tls_reason(p.client), "Broken pipe");
	tls_pair_close(&p);

	shake_ok(&p, 0);
	assert_int_equal(tls_read(p.client, got, sizeof(got)), ERR_AGAIN);
	tls_pair_write(p.client, "unread", 6);
	close(p.server_fd);
	p.server_fd = -1;
	assert_int_equal(tls_read(p.client, got, sizeof(got)), ERR_RESET);
	assert_string_equal(tls_reason(p.client), "Connection reset by peer");
	tls_pair_close(&p);
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* The socket is empty, and the session is not. */
static void test_pending(void **state)
{
	struct tls_pair p;
	char got[16];

	shake_ok(&p, 0);
	assert_int_equal(tls_read(p.server, got, sizeof(got)), ERR_AGAIN);
	assert_int_equal(tls_pending(p.server), 0);
	tls_pair_write(p.client, "0123456789", 10);
	tls_pair_write(p.client, "abc", 3);
	assert_int_equal(tls_pending(p.server), 0);
	assert_int_equal(tls_read(p.server, got, 4), 4);
	assert_int_equal(tls_pending(p.server), 6);
	assert_false(readable(p.server_fd));
	assert_int_equal(tls_read(p.server, got, sizeof(got)), 6);
	assert_true(tls_pending(p.server) > 0);
	assert_int_equal(tls_read(p.server, got, sizeof(got)), 3);
	assert_int_equal(tls_read(p.server, got, sizeof(got)), ERR_AGAIN);
	assert_int_equal(tls_pending(p.server), 0);
	tls_pair_close(&p);
}

/* Half a record is nothing that a read could give. */
static void test_pending_part(void **state)
{
	struct tls_pair p;
	char got[16];

	shake_ok(&p, 1);
	assert_int_equal(tls_read(p.server, got, sizeof(got)), ERR_AGAIN);
	tls_pair_write(p.client, "0123456789", 10);
	for (int i = 0; i < 12; i++)
		tls_pair_turn(&p);
	assert_int_equal(tls_read(p.server, got, sizeof(got)), ERR_AGAIN);
	assert_int_equal(tls_pending(p.server), 0);
	assert_int_equal(tls_pair_read(&p, p.server, got, sizeof(got)), 10);
	tls_pair_close(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ZERO_TEST(test_handshake),
		ZERO_TEST(test_only_13),
		ZERO_TEST(test_volume),
		ZERO_TEST(test_starved),
		ZERO_TEST(test_gather),
		ZERO_TEST(test_half_sent),
		ZERO_TEST(test_shut_waits),
		ZERO_TEST(test_half_close),
		ZERO_TEST(test_abrupt_end),
		ZERO_TEST(test_reset),
		ZERO_TEST(test_pending),
		ZERO_TEST(test_pending_part),
	};

	return cmocka_run_group_tests_name("tls", tests, tls_setup, tls_teardown);
}
