#include "certs.h"

#include "base/mem.h"
#include "base/panic.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY_S (24L * 60 * 60)

#define MUST(call) ((call) ? (void)0 : panic("certs: %s", #call))

static char *take_text(BIO *bio)
{
	char *bytes, *text;
	long n = BIO_get_mem_data(bio, &bytes);

	text = mem_dup(bytes, (size_t)n);
	BIO_free(bio);
	return text;
}

static void add_extension(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

	MUST(e != NULL);
	MUST(X509_add_ext(cert, e, -1));
	X509_EXTENSION_free(e);
}

static X509 *read_cert(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	MUST(cert != NULL);
	BIO_free(bio);
	return cert;
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	MUST(key != NULL);
	BIO_free(bio);
	return key;
}

static void set_subject(X509 *cert, const char *common_name)
{
	X509_NAME *name = X509_NAME_new();

	MUST(X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0));
	MUST(X509_set_subject_name(cert, name));
	X509_NAME_free(name);
}

static X509 *make_cert(const struct cert_wish *wish, EVP_PKEY *key, X509 *issuer)
{
	static long serial;
	bool plain = wish->from_days == 0 && wish->to_days == 0;
	X509 *cert = X509_new();
	X509V3_CTX ctx;

	MUST(X509_set_version(cert, X509_VERSION_3));
	MUST(ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial));
	MUST(X509_gmtime_adj(X509_getm_notBefore(cert), DAY_S * (plain ? -1 : wish->from_days)));
	MUST(X509_gmtime_adj(X509_getm_notAfter(cert), DAY_S * (plain ? 1 : wish->to_days)));
	set_subject(cert, wish->common_name);
	if (issuer == NULL)
		issuer = cert;
	MUST(X509_set_issuer_name(cert, X509_get_subject_name(issuer)));
	MUST(X509_set_pubkey(cert, key));

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	add_extension(cert, &ctx, NID_basic_constraints,
		wish->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (wish->names != NULL)
		add_extension(cert, &ctx, NID_subject_alt_name, wish->names);
	return cert;
}

void cert_make(struct cert *c, const struct cert_wish *wish, const struct cert *by)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	EVP_PKEY *signing = by != NULL ? read_key(by->key) : NULL;
	X509 *issuer = by != NULL ? read_cert(by->pem) : NULL;
	X509 *cert = make_cert(wish, key, issuer);
	BIO *bio;

	MUST(X509_sign(cert, signing != NULL ? signing : key, EVP_sha256()));
	bio = BIO_new(BIO_s_mem());
	MUST(PEM_write_bio_X509(bio, cert));
	c->pem = take_text(bio);
	bio = BIO_new(BIO_s_mem());
	MUST(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	c->key = take_text(bio);

	X509_free(cert);
	X509_free(issuer);
	EVP_PKEY_free(signing);
	EVP_PKEY_free(key);
}

void cert_fini(struct cert *c)
{
	mem_free(c->pem);
	mem_free(c->key);
	*c = (struct cert){0};
}

char *cert_lock_key(const struct cert *c, const char *phrase)
{
	EVP_PKEY *key = read_key(c->key);
	BIO *bio = BIO_new(BIO_s_mem());

	MUST(PEM_write_bio_PrivateKey(
		bio, key, EVP_aes_128_cbc(), NULL, 0, NULL, (void *)(uintptr_t)phrase));
	EVP_PKEY_free(key);
	return take_text(bio);
}
