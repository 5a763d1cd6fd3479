#ifndef BINDINGS_LUA_CRYPTO_H
#define BINDINGS_LUA_CRYPTO_H

struct lua_State;

/*
 * Cryptography for Lua: libcrypto's EVP functions, and the encodings that go with them. Registered
 * in every Lua state, the pool threads' too; nothing here is shared between states but libcrypto's
 * own tables. Strings in, strings out, binary; lua/moonloop/crypto.lua and encoding.lua check
 * arguments first, so a wrong type here is our bug.
 *
 * What cannot be (a seal that does not match, a key that is none) is an answer: nil or false, and
 * libcrypto's queue of errors is left empty, for TLS reads it on the same thread. What should
 * never fail (random bytes, memory) raises.
 */
void lua_crypto_open(struct lua_State *L);   /* sets the table `crypto` in the table on top */
void lua_key_open(struct lua_State *L);      /* the table `key`: asymmetric keys */
void lua_encoding_open(struct lua_State *L); /* the table `encoding` */

/* Raises libcrypto's last error, and empties its queue. */
int lua_crypto_broken(struct lua_State *L, const char *what);

#endif
