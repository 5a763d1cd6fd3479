#ifndef TESTS_UNIT_NET_TLS_CHECK_H
#define TESTS_UNIT_NET_TLS_CHECK_H

#include "../base/check.h"

#include "base/err.h"
#include "pki.h"
#include "tls_pair.h"

/* What the tests of net/tls share, beside the pairs and the certificates of support/. */

static inline int tls_setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	pki_get();
	return 0;
}

static inline int tls_teardown(void **state)
{
	pki_free();
	return 0;
}

static inline void assert_says(const char *text, const char *what)
{
	if (strstr(text, what) == NULL || (what[0] == '\0' && text[0] != '\0'))
		fail_msg("\"%s\" does not say \"%s\"", text, what);
}

/* A handshake between two new contexts of these; they end with the pair. */
static inline void shake(struct tls_pair *p, size_t step, struct tls_config client,
	struct tls_config server, const char *name)
{
	struct tls_ctx *c = pki_ctx(client), *s = pki_ctx(server);

	tls_pair_open(p, step, c, s, name);
	tls_ctx_unref(&c);
	tls_ctx_unref(&s);
	tls_pair_shake(p);
}

static inline void shake_ok(struct tls_pair *p, size_t step)
{
	shake(p, step, pki_client(&pki_get()->ca), pki_server(&pki_get()->server), "example.org");
	if (!tls_pair_ok(p))
		fail_msg("client: %s; server: %s", tls_reason(p->client), tls_reason(p->server));
}

#endif
