#include "tls_check.h"

#include "base/panic.h"
#include "net/tls_int.h"

/* Whom a client believes, whom a server believes, and what both say if they do not. */

static void test_names(void **state)
{
	const struct pki *k = pki_get();
	const struct {
		const char *name;
		const struct cert *server;
		const char *why; /* "": accepted */
	} rows[] = {
		{"example.org", &k->server, ""},
		{"EXAMPLE.Org.", &k->server, ""},
		{"www.example.net", &k->server, ""},
		{"127.0.0.1", &k->server, ""},
		{"::1", &k->server, ""},
		{"0:0:0:0:0:0:0:1%lo", &k->server, ""},
		{"example.com", &k->server, "the name example.com is not in the certificate"},
		{"www.example.org", &k->server, "the name www.example.org is not in"},
		{"a.b.example.net", &k->server, "the name a.b.example.net is not in"},
		{"example.net", &k->server, "the name example.net is not in"},
		{"192.0.2.1", &k->server, "the address 192.0.2.1 is not in the certificate"},
		{"2001:db8::1", &k->server, "the address 2001:db8::1 is not in the certificate"},
		{"example.org", &k->nameless, "the name example.org is not in"},
		{"www.example.org", &k->starred, "the name www.example.org is not in"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_pair p;
		struct tls_info info;

		shake(&p, 0, pki_client(&k->ca), pki_server(rows[i].server), rows[i].name);
		assert_says(tls_reason(p.client), rows[i].why);
		if (rows[i].why[0] != '\0') {
			assert_int_equal(p.client_rc, ERR_TLS);
			assert_int_equal(p.server_rc, ERR_TLS);
			assert_string_equal(
				tls_reason(p.server), "the peer refused: bad certificate");
		} else {
			assert_true(tls_pair_ok(&p));
			tls_describe(p.server, &info); /* no SNI for addresses (RFC 6066 3) */
			assert_int_equal(info.name[0] != '\0', strpbrk(rows[i].name, "xX") != NULL);
		}
		tls_pair_close(&p);
	}
}

static void test_no_name(void **state)
{
	static char endless[300];
	const char *names[] = {NULL, "", ".", ".example.org", endless};

	memset(endless, 'x', sizeof(endless) - 1);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct tls_ctx *ctx = pki_ctx(pki_client(&pki_get()->ca));
		struct tls *t = tls_new(ctx, -1, names[i]);

		assert_int_equal(tls_handshake(t), ERR_INVALID);
		assert_says(tls_reason(t), "is no server's name");
		tls_free(&t);
		tls_ctx_unref(&ctx);
	}
}

static void test_chains(void **state)
{
	const struct pki *k = pki_get();
	char *chain = mem_printf("%s%s", k->below.pem, k->intermediate.pem);
	char *bundle = mem_printf("# two roots\n%s\nText.\n%s", k->other_ca.pem, k->ca.pem);
	const struct cert whole = {chain, k->below.key}, both = {bundle, NULL};
	const struct {
		const struct cert *server, *trusted;
		const char *why, *told;
	} rows[] = {
		{&k->server, &k->ca, "", ""},
		{&k->server, &both, "", ""},
		{&whole, &k->ca, "", ""},
		{&k->below, &k->intermediate, "", ""}, /* what is given is trusted, root or not */
		{&k->self, &k->self, "", ""},
		{&k->server, &k->other_ca, "the issuer of the certificate is not trusted",
			"unknown ca"},
		{&k->below, &k->ca, "the issuer of the certificate is not trusted", "unknown ca"},
		{&k->self, &k->ca, "self-signed certificate", "unknown ca"},
		{&k->expired, &k->ca, "certificate has expired", "certificate expired"},
		{&k->future, &k->ca, "certificate is not yet valid", "bad certificate"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_pair p;

		shake(&p, i % 3, pki_client(rows[i].trusted), pki_server(rows[i].server),
			"example.org");
		assert_says(tls_reason(p.client), rows[i].why);
		assert_says(tls_reason(p.server), rows[i].told);
		assert_int_equal(p.client_rc, rows[i].why[0] == '\0' ? 0 : ERR_TLS);
		assert_int_equal(p.server_rc, rows[i].why[0] == '\0' ? 0 : ERR_TLS);
		tls_pair_close(&p);
	}
	mem_free(chain);
	mem_free(bundle);
}

static void test_verify_off(void **state)
{
	const struct pki *k = pki_get();
	const struct cert *servers[] = {&k->self, &k->expired, &k->server, &k->server};
	const char *names[] = {"wrong.example", NULL, "192.0.2.1", ""};
	struct tls_config config = {.role = TLS_CLIENT, .tls12 = true};

	for (int i = 0; i < 4; i++) {
		struct tls_pair p;
		struct tls_info info;

		shake(&p, 0, config, pki_server(servers[i]), names[i]);
		assert_true(tls_pair_ok(&p));
		tls_describe(p.server, &info);
		assert_string_equal(info.name, i == 0 ? "wrong.example" : "");
		tls_pair_close(&p);
	}
}

static struct tls_config checking_server(void)
{
	struct tls_config config = pki_server(&pki_get()->server);

	config.verify = true;
	config.ca = span_of(pki_get()->ca.pem);
	return config;
}

static struct tls_config client_with(const struct cert *identity)
{
	struct tls_config config = pki_client(&pki_get()->ca);

	config.cert = span_of(identity->pem);
	config.key = span_of(identity->key);
	return config;
}

static void test_client_certificate(void **state)
{
	struct tls_pair p;
	struct tls_info info;

	shake(&p, 0, client_with(&pki_get()->client), checking_server(), "example.org");
	assert_true(tls_pair_ok(&p));
	tls_describe(p.server, &info);
	assert_string_equal(info.subject, "CN=J\xc3\xbcrgen\\, \\\"client\\\"");
	tls_pair_close(&p);

	/* A server that does not ask is told nothing. */
	shake(&p, 0, client_with(&pki_get()->client), pki_server(&pki_get()->server),
		"example.org");
	assert_true(tls_pair_ok(&p));
	tls_describe(p.server, &info);
	assert_string_equal(info.subject, "");
	tls_pair_close(&p);
}

/* In TLS 1.3 the client's handshake is over before the server has seen its certificate. */
static void refused_client(struct tls_config client, const char *why, const char *told)
{
	for (int write_first = 0; write_first < 2; write_first++) {
		struct tls_pair p;
		char byte = 'x';

		shake(&p, 0, client, checking_server(), "example.org");
		assert_int_equal(p.client_rc, 0);
		assert_int_equal(p.server_rc, ERR_TLS);
		assert_string_equal(tls_reason(p.server), why);
		tls_free(&p.server);
		close(p.server_fd);
		p.server_fd = -1;
		if (write_first)
			assert_int_equal(
				tls_write(p.client, &(struct iovec){&byte, 1}, 1), ERR_TLS);
		else
			assert_int_equal(tls_read(p.client, &byte, 1), ERR_TLS);
		assert_string_equal(tls_reason(p.client), told);
		tls_pair_close(&p);
	}
}

static void test_client_refused(void **state)
{
	refused_client(pki_client(&pki_get()->ca), "peer did not return a certificate",
		"the peer refused: certificate required");
	refused_client(client_with(&pki_get()->self), "self-signed certificate",
		"the peer refused: unknown ca");
	refused_client(client_with(&pki_get()->expired), "certificate has expired",
		"the peer refused: certificate expired");
}

#define OWN(who, chain, its_key)                                                                   \
	{                                                                                          \
		.role = (who), .cert = (chain), .key = (its_key)                                   \
	}

static void test_config_refused(void **state)
{
	const struct pki *k = pki_get();
	char *locked = cert_lock_key(&k->server, "phrase");
	char *half = mem_printf("%s%.200s", k->server.pem, k->ca.pem);
	char *bad = mem_printf(
		"%s-----BEGIN CERTIFICATE-----\n****\n-----END CERTIFICATE-----\n", k->server.pem);
	struct span cert = span_of(k->server.pem), key = span_of(k->server.key), none = {0};
	const struct {
		struct tls_config config;
		const char *why;
	} rows[] = {
		{OWN(TLS_SERVER, none, none), "cert: a server needs one"},
		{OWN(TLS_SERVER, none, key), "cert: there is a key without one"},
		{OWN(TLS_CLIENT, cert, none), "key: there is a certificate without one"},
		{OWN(TLS_SERVER, key, key), "cert: no certificate in it"},
		{OWN(TLS_SERVER, SPAN("text"), key), "cert: no certificate in it"},
		{OWN(TLS_SERVER, span_of(half), key),
			"cert: certificate number 2 in it cannot be read"},
		{OWN(TLS_SERVER, span_of(bad), key),
			"cert: certificate number 2 in it cannot be read: bad base64 decode"},
		{OWN(TLS_SERVER, cert, cert), "key: no private key in it"},
		{OWN(TLS_SERVER, cert, span_of(locked)), "key: it is locked by a pass phrase"},
		{OWN(TLS_SERVER, cert, span_of(k->ca.key)), "key: it does not fit the certificate"},
		{{.ca = SPAN("x"), .verify = true}, "ca: no certificate in it"},
		{{.ca = span_of(half), .verify = true}, "ca: certificate number 2 in it"},
		{{.role = TLS_SERVER, .cert = cert, .key = key, .verify = true},
			"ca: needed to check the clients' certificates"},
		{{.alpn = SPAN(" ,")}, "alpn: no protocol in it"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_ctx *ctx = (void *)1;
		char err[256] = "";

		assert_int_equal(tls_ctx_new(&ctx, &rows[i].config, err, sizeof(err)), ERR_INVALID);
		assert_null(ctx);
		assert_says(err, rows[i].why);
		assert_int_equal(ERR_peek_error(), 0);
	}
	mem_free(locked);
	mem_free(half);
	mem_free(bad);
}

/* The system's store is made once in a process, so each of these is one of its own. */
static void in_child(void (*fn)(const char *dir), const char *dir)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		fn(dir);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void remove_file(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static void set_path(const char *variable, const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	setenv(variable, path, 1);
}

static const char *ask_system(const struct cert *server)
{
	static char why[160];
	struct tls_config client = {.role = TLS_CLIENT, .verify = true};
	struct tls_pair p;

	shake(&p, 0, client, pki_server(server), "example.org");
	snprintf(why, sizeof(why), "%s", tls_pair_ok(&p) ? "trusted" : tls_reason(p.client));
	tls_pair_close(&p);
	return why;
}

static void expect(const char *what, const char *wanted)
{
	if (strcmp(what, wanted) != 0)
		panic("\"%s\" instead of \"%s\"", what, wanted);
}

static void with_file(const char *dir)
{
	set_path("SSL_CERT_FILE", dir, "ca.pem");
	setenv("SSL_CERT_DIR", dir, 1);
	expect(ask_system(&pki_get()->server), "trusted");
	expect(ask_system(&pki_get()->self), "self-signed certificate");
}

static void with_dir(const char *dir)
{
	setenv("SSL_CERT_DIR", dir, 1);
	expect(ask_system(&pki_get()->server), "trusted");
}

static void with_neither(const char *dir)
{
	setenv("SSL_CERT_DIR", "/nowhere", 1);
	set_path("SSL_CERT_FILE", dir, "missing.pem");
	expect(ask_system(&pki_get()->server), "the issuer of the certificate is not trusted");
}

static void with_config(const char *dir)
{
	set_path("OPENSSL_CONF", dir, "openssl.cnf");
	with_file(dir);
}

static void by_default(const char *dir)
{
	unsetenv("SSL_CERT_DIR");
	unsetenv("SSL_CERT_FILE");
	expect(ask_system(&pki_get()->server), "the issuer of the certificate is not trusted");
}

static void hashed_name(const struct cert *c, char *name, size_t cap)
{
	BIO *bio = BIO_new_mem_buf(c->pem, -1);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	snprintf(name, cap, "%08lx.0", X509_subject_name_hash(cert));
	X509_free(cert);
	BIO_free(bio);
}

static void test_system(void **state)
{
	static const char *const config =
		"openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = none\n"
		"[none]\nMinProtocol = TLSv1.3\nMaxProtocol = TLSv1.2\nCipherString = NULL\n";
	char dir[] = "/tmp/moonloop-tls-XXXXXX", hashed[32];

	assert_non_null(mkdtemp(dir));
	hashed_name(&pki_get()->ca, hashed, sizeof(hashed));
	put_file(dir, "ca.pem", pki_get()->ca.pem);
	put_file(dir, "openssl.cnf", config);
	in_child(with_file, dir);
	in_child(with_config, dir);
	in_child(with_neither, dir);
	in_child(by_default, dir);
	put_file(dir, hashed, pki_get()->ca.pem);
	remove_file(dir, "ca.pem");
	in_child(with_dir, dir);
	remove_file(dir, hashed);
	remove_file(dir, "openssl.cnf");
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ZERO_TEST(test_names),
		ZERO_TEST(test_no_name),
		ZERO_TEST(test_chains),
		ZERO_TEST(test_verify_off),
		ZERO_TEST(test_client_certificate),
		ZERO_TEST(test_client_refused),
		ZERO_TEST(test_config_refused),
		ZERO_TEST(test_system),
	};

	return cmocka_run_group_tests_name("tls trust", tests, tls_setup, tls_teardown);
}
