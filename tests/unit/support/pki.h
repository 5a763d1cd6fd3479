#ifndef TESTS_SUPPORT_PKI_H
#define TESTS_SUPPORT_PKI_H

#include "certs.h"
#include "net/tls.h"

/* The certificates of a small world; made when first asked for, and kept. */
struct pki {
	struct cert ca, other_ca;
	struct cert server;              /* by ca: example.org, *.example.net, 127.0.0.1, ::1 */
	struct cert client;              /* by ca: no name */
	struct cert expired, future;     /* by ca: example.org */
	struct cert self;                /* example.org, signed by itself, no CA */
	struct cert intermediate, below; /* by ca; by intermediate: example.org */
	struct cert nameless;            /* by ca: only a common name, example.org */
	struct cert starred;             /* by ca: w*.example.org */
};

const struct pki *pki_get(void);
void pki_free(void);

/* A server with the certificate, or a client that trusts it; with TLS 1.2 and 1.3. */
struct tls_config pki_server(const struct cert *identity);
struct tls_config pki_client(const struct cert *trusted);

/* Or the program ends. */
struct tls_ctx *pki_ctx(struct tls_config config);

#endif
