#ifndef TESTS_SUPPORT_CERTS_H
#define TESTS_SUPPORT_CERTS_H

#include "base/span.h"

/*
 * Certificates made on the spot, as PEM: nothing expires in a repository, and no private key lies
 * there. The keys are of P-256, which is fast.
 */
struct cert {
	char *pem; /* owned, as all here */
	char *key;
};

struct cert_wish {
	const char *common_name; /* of the subject */
	const char *names;       /* "DNS:example.org,IP:127.0.0.1"; NULL: none */
	bool ca;                 /* may sign others */
	int from_days, to_days;  /* from now on; 0, 0: from yesterday until tomorrow */
};

/* `by` signs it; NULL: it signs itself. */
void cert_make(struct cert *c, const struct cert_wish *wish, const struct cert *by);
void cert_fini(struct cert *c);

/* The key locked by a pass phrase; the caller's. */
char *cert_lock_key(const struct cert *c, const char *phrase);

#endif
