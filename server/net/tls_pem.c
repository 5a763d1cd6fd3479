#include "net/tls_int.h"

#include "base/panic.h"

#include <limits.h>
#include <stdio.h>

void tls_no_memory(const char *call)
{
	panic("TLS: %s: %s", call, tls_take_error());
}

const char *tls_take_error(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *text;

	if (ERR_GET_REASON(e) == ERR_R_SYS_LIB)
		e = ERR_peek_error(); /* the word of the system itself comes first */
	text = ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);
	ERR_clear_error();
	return text != NULL ? text : "unknown error";
}

static BIO *open_text(struct span pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, pem.n > INT_MAX ? INT_MAX : (int)pem.n);

	TLS_MUST(bio != NULL);
	ERR_clear_error();
	return bio;
}

/* Else OpenSSL would ask at the terminal. */
static int no_phrase(char *out, int cap, int writing, void *asked)
{
	*(bool *)asked = true;
	return -1;
}

STACK_OF(X509) * tls_pem_certs(struct span pem, const char *field, char *err, size_t err_n)
{
	BIO *bio = open_text(pem);
	STACK_OF(X509) *certs = sk_X509_new_null();
	bool asked = false;
	X509 *cert;
	int n;

	TLS_MUST(certs != NULL);
	while ((cert = PEM_read_bio_X509(bio, NULL, no_phrase, &asked)) != NULL)
		TLS_MUST(sk_X509_push(certs, cert));
	BIO_free(bio);

	n = sk_X509_num(certs);
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		snprintf(err, err_n, "%s: certificate number %d in it cannot be read: %s", field,
			n + 1, tls_take_error());
	else if (n == 0)
		snprintf(err, err_n, "%s: no certificate in it", field);
	else {
		ERR_clear_error();
		return certs;
	}
	ERR_clear_error();
	sk_X509_pop_free(certs, X509_free);
	return NULL;
}

EVP_PKEY *tls_pem_key(struct span pem, const char *field, char *err, size_t err_n)
{
	BIO *bio = open_text(pem);
	bool asked = false;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_phrase, &asked);

	BIO_free(bio);
	if (asked)
		snprintf(err, err_n, "%s: it is locked by a pass phrase", field);
	else if (key == NULL)
		snprintf(err, err_n, "%s: no private key in it", field);
	ERR_clear_error();
	return key;
}
