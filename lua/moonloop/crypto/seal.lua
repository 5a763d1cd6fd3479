--- Seals: a text that nobody else can read or change, as a token fit for URLs and cookies.
--
-- A token is base64url of: 1, twelve bytes of salt, a nonce of twelve bytes, the text encrypted by
-- AES-256-GCM, its tag of sixteen bytes. The key is made by HKDF-SHA256 from the secret, the salt and
-- the purpose; so each token has a key of its own, and no number of tokens is too many for a secret.

local encoding = require("moonloop.encoding")
local errors = require("moonloop.core.errors")
local native = require("moonloop.core.native").crypto

local blame = errors.blame
local to_base64url, from_base64url = encoding.to_base64url, encoding.from_base64url
local random, hkdf, gcm_seal, gcm_open = native.random, native.hkdf, native.gcm_seal, native.gcm_open

local VERSION = "\1"
local SALT, NONCE, TAG = 12, 12, 16
local KEY = 32
local INFO = "moonloop seal 1 "
local SECRET_MIN = 32

local seal = {}

--- How many characters a token has for a text of n bytes.
function seal.size(n)
	return math.ceil((1 + SALT + NONCE + n + TAG) * 4 / 3)
end

--- An array of secrets from one or several; raises at the caller's line what is too short.
-- @param name of the function that was called
function seal.secrets(name, secrets)
	local list = type(secrets) == "table" and secrets or { secrets }
	if #list == 0 then
		blame(name .. ": a secret is needed, got none")
	end
	for _, secret in ipairs(list) do
		if type(secret) ~= "string" or #secret < SECRET_MIN then
			blame(("%s: a secret is a string of at least %d bytes (openssl rand -base64 32 makes one), got %s")
				:format(name, SECRET_MIN, type(secret) == "string" and #secret .. " bytes" or "a " .. type(secret)))
		end
	end
	return list
end

local methods = {}
local Sealer = { __name = "moonloop.sealer", __index = methods, __tostring = function()
	return "moonloop.sealer" -- never the secret
end }

--- @param secrets a string of at least 32 bytes, or an array of them: the first one seals, all open; so
-- a new one is put in front, and the old one is taken away when its tokens are too old
-- @param purpose a word: what was sealed for one purpose does not open for another
-- @return an object with :seal(text, data) and :open(token, data)
function seal.sealer(secrets, purpose)
	if purpose ~= nil and type(purpose) ~= "string" then
		blame("crypto.sealer: purpose must be a string, got a " .. type(purpose))
	end
	return setmetatable({
		secrets_ = seal.secrets("crypto.sealer", secrets),
		info_ = INFO .. (purpose or ""),
	}, Sealer)
end

local function check(name, text, data)
	if type(text) ~= "string" then
		blame(("%s: expected a string, got a %s"):format(name, type(text)))
	elseif data ~= nil and type(data) ~= "string" then
		blame(("%s: data must be a string, got a %s"):format(name, type(data)))
	end
end

--- @param data what the token belongs to (a user's name): not in it, but it opens only with the same
-- @return a token
function methods:seal(text, data)
	check("seal", text, data)
	local salt, nonce = random(SALT), random(NONCE)
	local key = hkdf("sha256", self.secrets_[1], salt, self.info_, KEY)
	return to_base64url(VERSION .. salt .. nonce .. gcm_seal(key, nonce, data or "", text))
end

--- @return the text, and whether an older secret sealed it; nil, "invalid": none of the secrets did,
-- or not with these data
function methods:open(token, data)
	check("open", token, data)
	local bytes = from_base64url(token)
	if not bytes or #bytes < 1 + SALT + NONCE + TAG or bytes:sub(1, 1) ~= VERSION then
		return nil, "invalid"
	end
	local salt, nonce = bytes:sub(2, 1 + SALT), bytes:sub(2 + SALT, 1 + SALT + NONCE)
	local sealed = bytes:sub(2 + SALT + NONCE)
	for i = 1, #self.secrets_ do
		local key = hkdf("sha256", self.secrets_[i], salt, self.info_, KEY)
		local text = gcm_open(key, nonce, data or "", sealed)
		if text then
			return text, i > 1
		end
	end
	return nil, "invalid"
end

return seal
