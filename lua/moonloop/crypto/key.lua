--- Keys of two halves: the private one signs, the public one verifies.
--
--     local key = crypto.key(assert(fs.read("private.pem")))
--     local signature = key:sign("text")
--     assert(crypto.key(key:public_pem()):verify("text", signature))
--
-- There are Ed25519, P-256 (ECDSA with SHA-256; a signature is r and s, 32 bytes each) and RSA of 2048
-- bits or more (PKCS #1 v1.5 with SHA-256, -384 or -512).

local encoding = require("moonloop.encoding")
local errors = require("moonloop.core.errors")
local native = require("moonloop.core.native").key

local blame = errors.blame

local key = {}

local methods = {}
local Key = { __name = "moonloop.key", __index = methods }

function Key:__tostring()
	return ("%s key (%s)"):format(self.private and "private" or "public", self.kind)
end

local function new(handle, kind, private)
	return setmetatable({
		kind = kind, -- "ed25519", "p256" or "rsa"
		private = private,
		handle_ = handle,
	}, Key)
end

--- Reads PEM: a public key, or a private one without a pass phrase.
-- @return a key; nil, "invalid", detail
function key.read(pem)
	if type(pem) ~= "string" then
		blame("crypto.key: expected PEM text, got a " .. type(pem))
	end
	local handle, kind, private = native.read(pem)
	if not handle then
		return nil, "invalid", "no Ed25519, P-256 or RSA (2048 bits or more) key in PEM without a pass phrase"
	end
	return new(handle, kind, private)
end

local KINDS = { ed25519 = true, p256 = true, rsa = true }

--- Makes a key. An RSA key takes a good part of a second: make it in a pool thread, and its PEM.
-- @param kind "ed25519", "p256" or "rsa"
function key.generate(kind)
	if not KINDS[kind] then
		blame('crypto.generate_key: the kind must be "ed25519", "p256" or "rsa", got ' .. tostring(kind))
	end
	return new(native.generate(kind))
end

-- Of a JWK (RFC 7517), kty and crv → the kind and the members that make it.
local JWK = {
	RSA = { "rsa", "n", "e" },
	["EC P-256"] = { "p256", "x", "y" },
	["OKP Ed25519"] = { "ed25519", "x" },
}

--- The public key of a JWK that was decoded from JSON.
-- @return a key; nil, "invalid", detail
function key.of_jwk(jwk)
	local name = jwk.kty == "RSA" and "RSA" or ("%s %s"):format(tostring(jwk.kty), tostring(jwk.crv))
	local made_of = JWK[name]
	if not made_of then
		return nil, "invalid", "a JWK of an unknown type: " .. name
	end
	local parts = {}
	for i = 2, #made_of do
		local text = jwk[made_of[i]]
		parts[i - 1] = type(text) == "string" and encoding.from_base64url(text) or nil
		if not parts[i - 1] then
			return nil, "invalid", ("a JWK whose %s is no base64url"):format(made_of[i])
		end
	end
	local handle, kind = native.make(made_of[1], parts[1], parts[2])
	if not handle then
		return nil, "invalid", "a JWK with numbers that are no key"
	end
	return new(handle, kind, false)
end

local HASHES = { sha256 = true, sha384 = true, sha512 = true }

local function digest(self, name, hash)
	if self.kind == "ed25519" then
		return nil
	elseif hash ~= nil and not HASHES[hash] then
		blame(('%s: the hash must be "sha256", "sha384" or "sha512", got %s'):format(name, tostring(hash)))
	end
	return hash or "sha256"
end

local function check(name, text)
	if type(text) ~= "string" then
		blame(("%s: expected a string, got a %s"):format(name, type(text)))
	end
end

--- @param hash "sha256" (the default), "sha384" or "sha512"; Ed25519 has its own
-- @return the signature
function methods:sign(text, hash)
	check("sign", text)
	if not self.private then
		blame("sign: a public key does not sign")
	end
	return native.sign(self.handle_, digest(self, "sign", hash), text)
end

--- @return whether the signature is this key's, of that text
function methods:verify(text, signature, hash)
	check("verify", text)
	check("verify", signature)
	return native.verify(self.handle_, digest(self, "verify", hash), text, signature)
end

--- The public half, as PEM.
function methods:public_pem()
	return native.to_pem(self.handle_, false)
end

--- The private half, as PEM: a secret.
function methods:private_pem()
	if not self.private then
		blame("private_pem: this is a public key")
	end
	return native.to_pem(self.handle_, true)
end

return key
