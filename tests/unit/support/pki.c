#include "pki.h"

#include "base/panic.h"

static struct pki pki;

#define NAMES "DNS:example.org,DNS:*.example.net,IP:127.0.0.1,IP:::1"

const struct pki *pki_get(void)
{
	struct cert_wish ca = {.common_name = "Test CA", .ca = true};
	struct cert_wish other = {.common_name = "Other CA", .ca = true};
	struct cert_wish middle = {.common_name = "Middle CA", .ca = true};
	struct cert_wish server = {.common_name = "server", .names = NAMES};
	struct cert_wish leaf = {.common_name = "leaf", .names = "DNS:example.org"};
	struct cert_wish client = {.common_name = "J\xc3\xbcrgen, \"client\""};
	struct cert_wish nameless = {.common_name = "example.org"};
	struct cert_wish starred = {.common_name = "starred", .names = "DNS:w*.example.org"};

	if (pki.ca.pem != NULL)
		return &pki;
	cert_make(&pki.ca, &ca, NULL);
	cert_make(&pki.other_ca, &other, NULL);
	cert_make(&pki.server, &server, &pki.ca);
	cert_make(&pki.client, &client, &pki.ca);
	cert_make(&pki.self, &leaf, NULL);
	cert_make(&pki.intermediate, &middle, &pki.ca);
	cert_make(&pki.below, &leaf, &pki.intermediate);
	cert_make(&pki.nameless, &nameless, &pki.ca);
	cert_make(&pki.starred, &starred, &pki.ca);
	leaf.from_days = -3;
	leaf.to_days = -1;
	cert_make(&pki.expired, &leaf, &pki.ca);
	leaf.from_days = 1;
	leaf.to_days = 3;
	cert_make(&pki.future, &leaf, &pki.ca);
	return &pki;
}

void pki_free(void)
{
	struct cert *all[] = {&pki.ca, &pki.other_ca, &pki.server, &pki.client, &pki.expired,
		&pki.future, &pki.self, &pki.intermediate, &pki.below, &pki.nameless, &pki.starred};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		cert_fini(all[i]);
}

struct tls_config pki_server(const struct cert *identity)
{
	return (struct tls_config){.role = TLS_SERVER,
		.cert = span_of(identity->pem),
		.key = span_of(identity->key),
		.tls12 = true};
}

struct tls_config pki_client(const struct cert *trusted)
{
	return (struct tls_config){
		.role = TLS_CLIENT, .ca = span_of(trusted->pem), .verify = true, .tls12 = true};
}

struct tls_ctx *pki_ctx(struct tls_config config)
{
	struct tls_ctx *ctx;
	char err[256] = "";

	if (tls_ctx_new(&ctx, &config, err, sizeof(err)) != 0)
		panic("pki_ctx: %s", err);
	return ctx;
}
