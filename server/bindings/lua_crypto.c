/* Random bytes, digests, and what is done with a secret that both sides have. */
#include "bindings/lua_crypto.h"

#include "base/base.h"

#include <lauxlib.h>
#include <lua.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <pthread.h>

#define KEY_BYTES   32 /* AES-256 */
#define NONCE_BYTES 12 /* GCM's own size: others are hashed to it */
#define TAG_BYTES   16

/* Of scrypt: what the parameters of a stored hash may make us allocate. */
#define SCRYPT_MEMORY_MAX ((uint64_t)256 << 20)

/* Fetched once, for that takes longer than a short digest; never freed. */
static struct algorithms {
	pthread_once_t once;
	EVP_MD *digests[4];
	EVP_CIPHER *gcm;
	EVP_KDF *hkdf;
} algorithms = {.once = PTHREAD_ONCE_INIT};

static const char *const digest_names[] = {"sha1", "sha256", "sha384", "sha512", NULL};

static void fetch(void)
{
	for (int i = 0; digest_names[i] != NULL; i++)
		algorithms.digests[i] = EVP_MD_fetch(NULL, digest_names[i], NULL);
	algorithms.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	algorithms.hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
}

static struct algorithms *get_algorithms(void)
{
	pthread_once(&algorithms.once, fetch);
	return &algorithms;
}

int lua_crypto_broken(lua_State *L, const char *what)
{
	char text[160];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	return luaL_error(L, "%s: %s", what, text);
}

static const EVP_MD *check_digest(lua_State *L, int index)
{
	const EVP_MD *md =
		get_algorithms()->digests[luaL_checkoption(L, index, NULL, digest_names)];

	if (md == NULL)
		lua_crypto_broken(L, lua_tostring(L, index));
	return md;
}

static const unsigned char *check_bytes(lua_State *L, int index, size_t *n_r)
{
	return (const unsigned char *)luaL_checklstring(L, index, n_r);
}

/* (n) → bytes */
static int random_bytes(lua_State *L)
{
	size_t n = (size_t)luaL_checkinteger(L, 1);
	unsigned char *out = lua_newuserdata(L, n + 1);

	if (RAND_bytes(out, (int)n) != 1)
		return lua_crypto_broken(L, "random bytes");
	lua_pushlstring(L, (const char *)out, n);
	return 1;
}

/* (a, b) → whether they are the same, in a time that does not tell where they differ */
static int equals(lua_State *L)
{
	size_t a_n, b_n;
	const unsigned char *a = check_bytes(L, 1, &a_n), *b = check_bytes(L, 2, &b_n);

	lua_pushboolean(L, a_n == b_n && CRYPTO_memcmp(a, b, a_n) == 0);
	return 1;
}

/* (name, bytes) → digest */
static int digest(lua_State *L)
{
	const EVP_MD *md = check_digest(L, 1);
	unsigned char out[EVP_MAX_MD_SIZE];
	unsigned out_n;
	size_t n;
	const unsigned char *bytes = check_bytes(L, 2, &n);

	if (EVP_Digest(bytes, n, out, &out_n, md, NULL) != 1)
		return lua_crypto_broken(L, "digest");
	lua_pushlstring(L, (const char *)out, out_n);
	return 1;
}

/* (name, key, bytes) → code (RFC 2104) */
static int hmac(lua_State *L)
{
	const EVP_MD *md = check_digest(L, 1);
	unsigned char out[EVP_MAX_MD_SIZE];
	unsigned out_n;
	size_t key_n, n;
	const unsigned char *key = check_bytes(L, 2, &key_n), *bytes = check_bytes(L, 3, &n);

	if (HMAC(md, key, (int)key_n, bytes, n, out, &out_n) == NULL)
		return lua_crypto_broken(L, "hmac");
	lua_pushlstring(L, (const char *)out, out_n);
	return 1;
}

static bool derive(EVP_KDF_CTX *ctx, lua_State *L, unsigned char *out, size_t out_n)
{
	size_t secret_n, salt_n, info_n;
	char *secret = (char *)luaL_checklstring(L, 2, &secret_n);
	char *salt = (char *)luaL_checklstring(L, 3, &salt_n);
	char *info = (char *)luaL_checklstring(L, 4, &info_n);
	char *name = (char *)lua_tostring(L, 1);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, secret_n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, salt_n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, info_n),
		OSSL_PARAM_construct_end(),
	};

	return EVP_KDF_derive(ctx, out, out_n, params) == 1;
}

/* (digest's name, secret, salt, info, n) → n bytes (RFC 5869) */
static int hkdf(lua_State *L)
{
	size_t n = (size_t)luaL_checkinteger(L, 5);
	unsigned char *out = lua_newuserdata(L, n + 1);
	EVP_KDF_CTX *ctx;
	bool ok;

	for (int i = 1; i <= 4; i++)
		luaL_checkstring(L, i); /* raises before there is something to free */
	ctx = EVP_KDF_CTX_new(get_algorithms()->hkdf);
	ok = ctx != NULL && derive(ctx, L, out, n);
	EVP_KDF_CTX_free(ctx);
	if (!ok)
		return lua_crypto_broken(L, "hkdf");
	lua_pushlstring(L, (const char *)out, n);
	OPENSSL_cleanse(out, n);
	return 1;
}

/* (password, salt, N, r, p, n) → n bytes (RFC 7914), or nil: the parameters are none, or too much
 */
static int scrypt(lua_State *L)
{
	size_t password_n, salt_n, n = (size_t)luaL_checkinteger(L, 6);
	const char *password = luaL_checklstring(L, 1, &password_n);
	const unsigned char *salt = check_bytes(L, 2, &salt_n);
	uint64_t cost = (uint64_t)luaL_checknumber(L, 3), r = (uint64_t)luaL_checknumber(L, 4),
		 p = (uint64_t)luaL_checknumber(L, 5);
	unsigned char *out = lua_newuserdata(L, n + 1);

	if (EVP_PBE_scrypt(password, password_n, salt, salt_n, cost, r, p, SCRYPT_MEMORY_MAX, out,
		    n) != 1) {
		ERR_clear_error();
		return 0;
	}
	lua_pushlstring(L, (const char *)out, n);
	return 1;
}

/* Sealing: AES-256-GCM (NIST SP 800-38D). */

struct gcm {
	const unsigned char *key, *nonce, *data, *in;
	size_t data_n, in_n;
};

/* (key, nonce, data, text). False: the sizes are wrong. */
static bool check_gcm(lua_State *L, struct gcm *g)
{
	size_t key_n, nonce_n;

	g->key = check_bytes(L, 1, &key_n);
	g->nonce = check_bytes(L, 2, &nonce_n);
	g->data = check_bytes(L, 3, &g->data_n);
	g->in = check_bytes(L, 4, &g->in_n);
	return key_n == KEY_BYTES && nonce_n == NONCE_BYTES && g->in_n < INT32_MAX &&
	       g->data_n < INT32_MAX;
}

static bool encrypt(EVP_CIPHER_CTX *ctx, const struct gcm *g, unsigned char *out)
{
	int n;

	return EVP_EncryptInit_ex2(ctx, algorithms.gcm, g->key, g->nonce, NULL) == 1 &&
	       EVP_EncryptUpdate(ctx, NULL, &n, g->data, (int)g->data_n) == 1 &&
	       EVP_EncryptUpdate(ctx, out, &n, g->in, (int)g->in_n) == 1 &&
	       EVP_EncryptFinal_ex(ctx, out + n, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, out + g->in_n) == 1;
}

static bool decrypt(EVP_CIPHER_CTX *ctx, const struct gcm *g, unsigned char *out)
{
	size_t text_n = g->in_n - TAG_BYTES;
	unsigned char *tag = (unsigned char *)g->in + text_n;
	int n;

	return EVP_DecryptInit_ex2(ctx, algorithms.gcm, g->key, g->nonce, NULL) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &n, g->data, (int)g->data_n) == 1 &&
	       EVP_DecryptUpdate(ctx, out, &n, g->in, (int)text_n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, out + n, &n) == 1;
}

/* (key, nonce, data, text) → ciphertext with its tag */
static int gcm_seal(lua_State *L)
{
	struct gcm g;
	bool ok = check_gcm(L, &g);
	unsigned char *out = lua_newuserdata(L, g.in_n + TAG_BYTES);
	EVP_CIPHER_CTX *ctx;

	get_algorithms();
	ctx = EVP_CIPHER_CTX_new();
	ok = ok && ctx != NULL && encrypt(ctx, &g, out);
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		return lua_crypto_broken(L, "seal");
	lua_pushlstring(L, (const char *)out, g.in_n + TAG_BYTES);
	return 1;
}

/* (key, nonce, data, ciphertext with its tag) → text, or nil */
static int gcm_open(lua_State *L)
{
	struct gcm g;
	unsigned char *out;
	EVP_CIPHER_CTX *ctx;
	bool ok;

	if (!check_gcm(L, &g) || g.in_n < TAG_BYTES)
		return 0;
	out = lua_newuserdata(L, g.in_n);
	get_algorithms();
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx != NULL && decrypt(ctx, &g, out);
	EVP_CIPHER_CTX_free(ctx);
	if (!ok) {
		ERR_clear_error();
		return 0;
	}
	lua_pushlstring(L, (const char *)out, g.in_n - TAG_BYTES);
	return 1;
}

void lua_crypto_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"random", random_bytes},
		{"equals", equals},
		{"digest", digest},
		{"hmac", hmac},
		{"hkdf", hkdf},
		{"scrypt", scrypt},
		{"gcm_seal", gcm_seal},
		{"gcm_open", gcm_open},
		{NULL, NULL},
	};

	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "crypto");
}
