--- Random bytes, digests, seals, passwords and keys, by OpenSSL's libcrypto.
--
--     local crypto = require "moonloop.crypto"
--     local id = crypto.random_id()
--     local seal = crypto.sealer(os.getenv("SECRET"), "invitation")
--     local token = seal:seal("mission 11")
--     assert(seal:open(token) == "mission 11")
--
-- All of it works in pool threads, too.

local encoding = require("moonloop.encoding")
local errors = require("moonloop.core.errors")
local key = require("moonloop.crypto.key")
local native = require("moonloop.core.native").crypto
local password = require("moonloop.crypto.password")
local seal = require("moonloop.crypto.seal")

local blame = errors.blame

local RANDOM_MAX = 1048576
local ID_BYTES = 16

local crypto = {
	--- sealer(secrets, purpose): seals and opens texts. See moonloop.crypto.seal.
	sealer = seal.sealer,
	--- hash_password(text, options): what to store of a password. Suspends. See moonloop.crypto.password.
	hash_password = password.hash,
	--- verify_password(text, hash): whether it is that password. Suspends.
	verify_password = password.verify,
	--- key(pem): a key that signs and verifies. See moonloop.crypto.key.
	key = key.read,
	--- generate_key(kind): a new one, "ed25519", "p256" or "rsa".
	generate_key = key.generate,
}

local function check(name, what, value)
	if type(value) ~= "string" then
		blame(("crypto.%s: %s must be a string, got a %s"):format(name, what, type(value)))
	end
end

--- Bytes that nobody can guess.
-- @param n 1 to 1 MiB
function crypto.random_bytes(n)
	if type(n) ~= "number" or n < 1 or n > RANDOM_MAX or n % 1 ~= 0 then
		blame("crypto.random_bytes: n must be an integer from 1 to 1048576, got " .. tostring(n))
	end
	return native.random(n)
end

--- A name that nobody can guess: 128 bits in 22 letters, digits, - and _.
function crypto.random_id()
	return encoding.to_base64url(native.random(ID_BYTES))
end

--- Whether two strings are equal; the time it takes does not tell where they differ.
function crypto.equals(a, b)
	check("equals", "the first", a)
	check("equals", "the second", b)
	return native.equals(a, b)
end

-- Digests.

local FORMATS = {
	hex = encoding.to_hex,
	base64 = encoding.to_base64,
	base64url = encoding.to_base64url,
}

local function formatted(name, bytes, format)
	if format == nil then
		return bytes
	end
	local to = FORMATS[format]
	if not to then
		blame(('crypto.%s: the format must be "hex", "base64" or "base64url", got %s')
			:format(name, tostring(format)))
	end
	return to(bytes)
end

-- sha256(text, format): the digest (FIPS 180-4), as bytes or "hex", "base64", "base64url".
for _, name in ipairs({ "sha1", "sha256", "sha384", "sha512" }) do
	crypto[name] = function(text, format)
		check(name, "the text", text)
		return formatted(name, native.digest(name, text), format)
	end
end

local HASHES = { sha1 = true, sha256 = true, sha384 = true, sha512 = true }

local function check_hash(name, hash)
	if not HASHES[hash] then
		blame(('crypto.%s: the hash must be "sha256", "sha384", "sha512" or "sha1", got %s')
			:format(name, tostring(hash)))
	end
end

--- The authentication code of a text (RFC 2104). Compare such codes with crypto.equals.
-- @param hash "sha256", "sha384", "sha512" or, for what others chose, "sha1"
-- @param format as that of sha256
function crypto.hmac(hash, secret, text, format)
	check_hash("hmac", hash)
	check("hmac", "the key", secret)
	check("hmac", "the text", text)
	return formatted("hmac", native.hmac(hash, secret, text), format)
end

local HKDF = { hash = true, salt = true, info = true, size = true }
local HKDF_BLOCKS = 255
local SIZES = { sha1 = 20, sha256 = 32, sha384 = 48, sha512 = 64 }

--- A key from a secret that is hard to guess but is no key (RFC 5869); of one secret as many as there
-- are purposes.
-- @param options {info = the purpose, salt =, size = 32 bytes, hash = "sha256"}
function crypto.hkdf(secret, options)
	check("hkdf", "the secret", secret)
	if secret == "" then
		blame("crypto.hkdf: the secret is empty")
	end
	options = options or {}
	for name in pairs(options) do
		if not HKDF[name] then
			blame("crypto.hkdf: unknown option " .. tostring(name))
		end
	end
	local hash, size = options.hash or "sha256", options.size or 32
	check_hash("hkdf", hash)
	check("hkdf", "info", options.info or "")
	check("hkdf", "salt", options.salt or "")
	if type(size) ~= "number" or size < 1 or size > HKDF_BLOCKS * SIZES[hash] or size % 1 ~= 0 then
		blame(("crypto.hkdf: size must be an integer from 1 to %d, got %s"):format(HKDF_BLOCKS * SIZES[hash],
			tostring(size)))
	end
	return native.hkdf(hash, secret, options.salt or "", options.info or "", size)
end

-- Names.

-- Sixteen bytes as a UUID (RFC 9562 4) of that version.
local function uuid(bytes, version)
	local hex = encoding.to_hex(bytes)
	local variant = ("%x"):format(8 + tonumber(hex:sub(17, 17), 16) % 4)
	return ("%s-%s-%d%s-%s%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), version, hex:sub(14, 16), variant,
		hex:sub(18, 20), hex:sub(21, 32))
end

--- A random UUID (RFC 9562 5.4).
function crypto.uuid()
	return uuid(native.random(16), 4)
end

--- A UUID that begins with the time in milliseconds (RFC 9562 5.7), so that younger ones sort behind
-- older ones: for keys in databases.
function crypto.uuid7()
	local ms = math.floor(require("moonloop.time").unix() * 1000)
	local high, low = math.floor(ms / 2 ^ 16), ms % 2 ^ 16
	return uuid(encoding.from_hex(("%08x%04x"):format(high, low)) .. native.random(10), 7)
end

-- Seals of one text by one secret.

--- As crypto.sealer(secret, purpose):seal(text, data).
function crypto.seal(secret, text, options)
	options = options or {}
	return seal.sealer(secret, options.purpose):seal(text, options.data)
end

--- As crypto.sealer(secret, purpose):open(token, data).
-- @param options {purpose =, data =} as when it was sealed
function crypto.open(secret, token, options)
	options = options or {}
	return seal.sealer(secret, options.purpose):open(token, options.data)
end

return crypto
