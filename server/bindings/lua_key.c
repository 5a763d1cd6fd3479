/*
 * Asymmetric keys: RSA, P-256 and Ed25519, which sign and verify. A key is a userdata that owns an
 * EVP_PKEY; it belongs to its Lua state. Signatures have the form that JOSE gives them (RFC 7518):
 * of P-256 r and s side by side, 32 bytes each, in place of libcrypto's DER.
 */
#include "bindings/lua_crypto.h"

#include "base/base.h"

#include <lauxlib.h>
#include <lua.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <string.h>

#define KEY        "moonloop.key"
#define P256_BYTES 32
#define P256_DER   80 /* more than the longest signature takes */
#define RSA_MIN    2048
#define RSA_MAX    16384

struct key {
	EVP_PKEY *pkey; /* owned */
	bool private;
};

static struct key *push_key(lua_State *L, bool private)
{
	struct key *key = lua_newuserdata(L, sizeof(*key));

	*key = (struct key){.private = private};
	luaL_getmetatable(L, KEY);
	lua_setmetatable(L, -2);
	return key;
}

static int collect(lua_State *L)
{
	struct key *key = luaL_checkudata(L, 1, KEY);

	EVP_PKEY_free(key->pkey);
	key->pkey = NULL;
	return 0;
}

static const char *kind_of(const EVP_PKEY *pkey)
{
	char group[32];

	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return "ed25519";
	if (EVP_PKEY_is_a(pkey, "RSA")) {
		int bits = EVP_PKEY_get_bits(pkey);

		return bits >= RSA_MIN && bits <= RSA_MAX ? "rsa" : NULL;
	}
	if (EVP_PKEY_is_a(pkey, "EC") &&
		EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
		strcmp(group, "prime256v1") == 0)
		return "p256";
	return NULL;
}

/* The key at the top and what it is, if it is one of those that we have. */
static int answer_key(lua_State *L, const struct key *key)
{
	const char *kind = key->pkey == NULL ? NULL : kind_of(key->pkey);

	ERR_clear_error();
	if (kind == NULL)
		return 0;
	lua_pushstring(L, kind);
	lua_pushboolean(L, key->private);
	return 3;
}

/* Nobody is there to type a pass phrase. */
static int no_pass_phrase(char *buf, int size, int writing, void *arg)
{
	return -1;
}

/* (PEM) → key, kind, private; or nothing */
static int read_pem(lua_State *L)
{
	size_t n;
	const char *pem = luaL_checklstring(L, 1, &n);
	bool private = strstr(pem, "PRIVATE KEY-----") != NULL;
	struct key *key = push_key(L, private);
	BIO *bio = n > INT32_MAX ? NULL : BIO_new_mem_buf(pem, (int)n);

	if (bio != NULL)
		key->pkey = private ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL)
		                    : PEM_read_bio_PUBKEY(bio, NULL, no_pass_phrase, NULL);
	BIO_free(bio);
	return answer_key(L, key);
}

static EVP_PKEY *make_public(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *make_rsa(const unsigned char *n, size_t n_n, const unsigned char *e, size_t e_n)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *modulus = BN_bin2bn(n, (int)n_n, NULL), *exponent = BN_bin2bn(e, (int)e_n, NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (bld != NULL && modulus != NULL && exponent != NULL &&
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params != NULL)
		pkey = make_public("RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(modulus);
	BN_free(exponent);
	return pkey;
}

/* The point is checked to be one of the curve. */
static EVP_PKEY *make_p256(const unsigned char *x, const unsigned char *y)
{
	unsigned char point[1 + 2 * P256_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
	char group[] = "prime256v1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};

	memcpy(point + 1, x, P256_BYTES);
	memcpy(point + 1 + P256_BYTES, y, P256_BYTES);
	return make_public("EC", params);
}

/* ("rsa", n, e), ("p256", x, y), ("ed25519", x): big-endian bytes → as read_pem */
static int make(lua_State *L)
{
	static const char *const kinds[] = {"rsa", "p256", "ed25519", NULL};
	int kind = luaL_checkoption(L, 1, NULL, kinds);
	size_t a_n, b_n;
	const unsigned char *a = (const unsigned char *)luaL_checklstring(L, 2, &a_n);
	const unsigned char *b = (const unsigned char *)luaL_optlstring(L, 3, "", &b_n);
	struct key *key = push_key(L, false);

	if (kind == 0 && a_n <= RSA_MAX / 8 && b_n <= RSA_MAX / 8)
		key->pkey = make_rsa(a, a_n, b, b_n);
	else if (kind == 1 && a_n == P256_BYTES && b_n == P256_BYTES)
		key->pkey = make_p256(a, b);
	else if (kind == 2)
		key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, a, a_n);
	return answer_key(L, key);
}

/* (kind) → a new key, kind, true */
static int generate(lua_State *L)
{
	static const char *const kinds[] = {"rsa", "p256", "ed25519", NULL};
	int kind = luaL_checkoption(L, 1, NULL, kinds);
	struct key *key = push_key(L, true);

	if (kind == 0)
		key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_MIN);
	else if (kind == 1)
		key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	else
		key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (key->pkey == NULL)
		return lua_crypto_broken(L, "a new key");
	return answer_key(L, key);
}

/* (key, private) → PEM */
static int to_pem(lua_State *L)
{
	struct key *key = luaL_checkudata(L, 1, KEY);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;
	int ok = 0;

	if (bio != NULL)
		ok = lua_toboolean(L, 2) ? PEM_write_bio_PKCS8PrivateKey(
						   bio, key->pkey, NULL, NULL, 0, NULL, NULL)
		                         : PEM_write_bio_PUBKEY(bio, key->pkey);
	if (ok == 1) {
		n = BIO_get_mem_data(bio, &text);
		lua_pushlstring(L, text, (size_t)n);
	}
	BIO_free(bio);
	return ok == 1 ? 1 : lua_crypto_broken(L, "a key's PEM");
}

/* Signatures of P-256: DER ↔ r and s. */

/* 0: it is none. */
static size_t raw_of_der(const unsigned char *der, size_t n, unsigned char raw[2 * P256_BYTES])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	bool ok = sig != NULL &&
	          BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, P256_BYTES) == P256_BYTES &&
	          BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + P256_BYTES, P256_BYTES) == P256_BYTES;

	ECDSA_SIG_free(sig);
	return ok ? 2 * P256_BYTES : 0;
}

static size_t der_of_raw(const unsigned char *raw, size_t n, unsigned char der[P256_DER])
{
	ECDSA_SIG *sig = n == 2 * P256_BYTES ? ECDSA_SIG_new() : NULL;
	BIGNUM *r, *s;
	int der_n = 0;

	if (sig == NULL)
		return 0;
	r = BN_bin2bn(raw, P256_BYTES, NULL);
	s = BN_bin2bn(raw + P256_BYTES, P256_BYTES, NULL);
	if (r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		der_n = i2d_ECDSA_SIG(sig, &der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return der_n > 0 ? (size_t)der_n : 0;
}

/* (key, digest's name or nil, bytes) → signature */
static int sign(lua_State *L)
{
	struct key *key = luaL_checkudata(L, 1, KEY);
	const char *digest = lua_tostring(L, 2);
	size_t n, sig_n = (size_t)EVP_PKEY_get_size(key->pkey);
	const unsigned char *bytes = (const unsigned char *)luaL_checklstring(L, 3, &n);
	unsigned char *sig = lua_newuserdata(L, sig_n), raw[2 * P256_BYTES];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL &&
	          EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key->pkey, NULL) == 1 &&
	          EVP_DigestSign(ctx, sig, &sig_n, bytes, n) == 1;

	EVP_MD_CTX_free(ctx);
	if (ok && EVP_PKEY_is_a(key->pkey, "EC")) {
		ok = raw_of_der(sig, sig_n, raw) > 0;
		sig = raw;
		sig_n = sizeof(raw);
	}
	if (!ok)
		return lua_crypto_broken(L, "a signature");
	lua_pushlstring(L, (const char *)sig, sig_n);
	return 1;
}

/* (key, digest's name or nil, bytes, signature) → whether it is the key's */
static int verify(lua_State *L)
{
	struct key *key = luaL_checkudata(L, 1, KEY);
	const char *digest = lua_tostring(L, 2);
	size_t n, sig_n;
	const unsigned char *bytes = (const unsigned char *)luaL_checklstring(L, 3, &n);
	const unsigned char *sig = (const unsigned char *)luaL_checklstring(L, 4, &sig_n);
	unsigned char der[P256_DER];
	EVP_MD_CTX *ctx;
	bool ok;

	if (EVP_PKEY_is_a(key->pkey, "EC")) {
		sig_n = der_of_raw(sig, sig_n, der);
		sig = der;
	}
	ctx = EVP_MD_CTX_new();
	ok = ctx != NULL && sig_n > 0 &&
	     EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key->pkey, NULL) == 1 &&
	     EVP_DigestVerify(ctx, sig, sig_n, bytes, n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	lua_pushboolean(L, ok);
	return 1;
}

void lua_key_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"read", read_pem},
		{"make", make},
		{"generate", generate},
		{"to_pem", to_pem},
		{"sign", sign},
		{"verify", verify},
		{NULL, NULL},
	};

	luaL_newmetatable(L, KEY);
	lua_pushcfunction(L, collect);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "key");
}
