--- JSON Web Tokens (RFC 7519), signed (RFC 7515): HS256, HS384, HS512, RS256, RS384, RS512, ES256, EdDSA.
--
--     local tokens = web.jwt { alg = "ES256", key = pem, issuer = "https://login.example.org" }
--     local claims, code, detail = tokens:verify(text)
--     local text = tokens:sign { sub = "7", scope = "read" }
--
-- The algorithm is what was configured, and the key is one for it; what the token says must agree.

local blame = require("moonloop.core.errors").blame
local crypto = require("moonloop.crypto")
local encoding = require("moonloop.encoding")
local json = require("moonloop.json")
local keys = require("moonloop.crypto.key")
local options = require("moonloop.web.options")
local time = require("moonloop.time")

local from_base64url, to_base64url = encoding.from_base64url, encoding.to_base64url

-- Name → what key it takes, and the hash. A secret is as long as the hash (RFC 7518 3.2).
local ALGORITHMS = {
	HS256 = { "secret", "sha256", 32 },
	HS384 = { "secret", "sha384", 48 },
	HS512 = { "secret", "sha512", 64 },
	RS256 = { "rsa", "sha256" },
	RS384 = { "rsa", "sha384" },
	RS512 = { "rsa", "sha512" },
	ES256 = { "p256", "sha256" },
	EdDSA = { "ed25519" },
}

local BYTES_MAX = 8192
local LEEWAY = 30
local LIFETIME = 3600

local STRICT, CANONICAL = { duplicates = "error" }, { sort = true }

local KNOWN = {
	alg = "string", key = "string|table", keys = "table", jwks = "table", issuer = "string|table",
	audience = "string|table", leeway = "number", lifetime = "seconds", endless = "boolean",
	max_bytes = "count", typ = "string", kid = "string",
}

-- Keys.

-- A secret or a PEM text as what signs with it.
local function key_of(config, given)
	local kind, _, min = unpack(config.algorithm)
	if kind == "secret" then
		if type(given) ~= "string" or #given < min then
			blame(("web.jwt: %s needs a secret of at least %d bytes"):format(config.alg, min))
		elseif given:find("-----BEGIN", 1, true) then
			blame(("web.jwt: %s needs a secret, and this is a PEM text, which others may know"):format(config.alg))
		end
		return given
	end
	local key, detail = given, nil
	if type(given) == "string" then
		key, _, detail = crypto.key(given)
	end
	if not key then
		blame("web.jwt: the key is " .. detail)
	elseif key.kind ~= kind then
		blame(("web.jwt: %s needs a key of the kind %s, got %s"):format(config.alg, kind, tostring(key.kind)))
	end
	return key
end

-- Of a JWK Set (RFC 7517 5) those that fit; others are other algorithms'.
local function keys_of_set(config, set)
	local found = {}
	for _, jwk in ipairs(type(set.keys) == "table" and set.keys or {}) do
		local fits = type(jwk) == "table" and type(jwk.kid) == "string" and (jwk.use == nil or jwk.use == "sig")
			and (jwk.alg == nil or jwk.alg == config.alg)
		local key = fits and keys.of_jwk(jwk)
		if key and key.kind == config.algorithm[1] then
			found[jwk.kid] = key
		end
	end
	if next(found) == nil then
		blame(("web.jwt: the JWK set has no key with a kid for %s"):format(config.alg))
	end
	return found
end

local function read_keys(config, given)
	local n = (given.key and 1 or 0) + (given.keys and 1 or 0) + (given.jwks and 1 or 0)
	if n ~= 1 then
		blame("web.jwt: it needs one of key, keys (by kid) and jwks")
	elseif given.key then
		config.key = key_of(config, given.key)
	elseif given.jwks then
		config.keys = keys_of_set(config, given.jwks)
	else
		config.keys = {}
		for kid, key in pairs(given.keys) do
			config.keys[kid] = key_of(config, key)
		end
	end
end

local function sign_bytes(config, key, text)
	if config.algorithm[1] == "secret" then
		return crypto.hmac(config.algorithm[2], key, text)
	end
	return key:sign(text, config.algorithm[2])
end

local function is_signed(config, key, text, signature)
	if config.algorithm[1] == "secret" then
		return crypto.equals(signature, crypto.hmac(config.algorithm[2], key, text))
	end
	return key:verify(text, signature, config.algorithm[2])
end

-- Verification.

local function object(part)
	local text = from_base64url(part)
	local value = text and json.decode(text, STRICT)
	return type(value) == "table" and not json.is_array(value) and value or nil
end

-- The key for a header; nil and why not.
local function key_for(config, header)
	if header.alg ~= config.alg then
		return nil, ("the token's alg must be %s"):format(config.alg)
	elseif header.crit ~= nil then
		return nil, "the token demands extensions that nobody here knows"
	elseif config.typ and (type(header.typ) ~= "string" or header.typ:lower() ~= config.typ:lower()) then
		return nil, ("the token's typ must be %s"):format(config.typ)
	end
	local key = config.key or config.keys[header.kid]
	if not key then
		return nil, "no key has the token's kid"
	end
	return key
end

local function is_time(value)
	return value == nil or type(value) == "number" and value == value and value > -1e15 and value < 1e15
end

local function check_times(config, claims)
	local now = time.unix()
	if not (is_time(claims.exp) and is_time(claims.nbf) and is_time(claims.iat)) then
		return "invalid", "exp, nbf and iat must be numbers of seconds"
	elseif claims.exp == nil and not config.endless then
		return "invalid", "the token has no exp"
	elseif claims.exp and now >= claims.exp + config.leeway then
		return "expired", "the token has expired"
	elseif claims.nbf and now < claims.nbf - config.leeway then
		return "invalid", "the token is not valid yet"
	end
end

local function has_audience(config, given)
	for _, one in ipairs(type(given) == "table" and given or { given }) do
		if type(one) == "string" and config.audience[one] then
			return true
		end
	end
	return false
end

local function check_claims(config, claims)
	local code, detail = check_times(config, claims)
	if code then
		return code, detail
	elseif config.issuer and not (type(claims.iss) == "string" and config.issuer[claims.iss]) then
		return "invalid", "the token is another issuer's"
	elseif config.audience and not has_audience(config, claims.aud) then
		return "invalid", "the token is for another audience"
	end
end

local methods = {}
local Jwt = { __name = "moonloop.jwt", __index = methods, __tostring = function()
	return "moonloop.jwt" -- never the key
end }

--- @return the claims, a table; nil, "expired" or "invalid", what is wrong
function methods:verify(token)
	local config = self.config_
	if type(token) ~= "string" or #token > config.max_bytes then
		return nil, "invalid", "the token is too long"
	end
	local signed, payload, signature = token:match("^([%w_-]+%.([%w_-]+))%.([%w_-]+)$")
	local header = signed and object(signed:match("^[^.]+"))
	signature = signature and from_base64url(signature)
	if not header or not signature then
		return nil, "invalid", "not a signed JSON Web Token"
	end
	local key, why = key_for(config, header)
	if not key then
		return nil, "invalid", why
	elseif not is_signed(config, key, signed, signature) then
		return nil, "invalid", "the signature is not that of our key"
	end
	local claims = object(payload)
	if not claims then
		return nil, "invalid", "the token's claims are no JSON object"
	end
	local code, detail = check_claims(config, claims)
	if code then
		return nil, code, detail
	end
	return claims
end

--- Signs claims. iat and exp are filled in where they are missing, iss and aud where one is configured.
-- @return a token
function methods:sign(claims)
	local config, given = self.config_, {}
	if type(claims) ~= "table" then
		blame("sign: expected a table of claims, got a " .. type(claims))
	elseif not config.key then
		blame("sign: this web.jwt has several keys: make one with the key that signs")
	elseif type(config.key) == "table" and not config.key.private then
		blame("sign: the key is a public one")
	end
	for name, value in pairs(claims) do
		given[name] = value
	end
	given.iat = given.iat or math.floor(time.unix())
	if not config.endless then
		given.exp = given.exp or given.iat + config.lifetime
	end
	given.iss = given.iss or config.first_issuer
	given.aud = given.aud or config.first_audience
	local header = json.encode({ alg = config.alg, typ = config.typ or "JWT", kid = config.kid }, CANONICAL)
	local signed = to_base64url(header) .. "." .. to_base64url(json.encode(given, CANONICAL))
	return signed .. "." .. to_base64url(sign_bytes(config, config.key, signed))
end

local function first(value)
	return type(value) == "table" and value[1] or value
end

local function set_of(key, value)
	if value ~= nil then
		return options.set("web.jwt", key, type(value) == "table" and value or { value })
	end
end

--- @param given {alg = one of those above; key = a secret, PEM text or a key of moonloop.crypto; or keys =
-- kid → such a key; or jwks = a JWK set; issuer =, audience = a text or an array of those taken; leeway =
-- 30 seconds by which clocks may differ; lifetime = 3600 seconds of tokens that are signed; endless =
-- true: exp may be missing; typ = what the header must say ("at+jwt"); kid = in headers that are signed;
-- max_bytes = 8192}
-- @return an object with :verify(token) and :sign(claims)
return function(given)
	given = options.check("web.jwt", given, KNOWN)
	local algorithm = ALGORITHMS[given.alg]
	if not algorithm then
		blame("web.jwt: alg must be HS256, HS384, HS512, RS256, RS384, RS512, ES256 or EdDSA, got "
			.. tostring(given.alg))
	end
	local config = {
		alg = given.alg,
		algorithm = algorithm,
		issuer = set_of("issuer", given.issuer),
		first_issuer = first(given.issuer),
		audience = set_of("audience", given.audience),
		first_audience = first(given.audience),
		leeway = given.leeway or LEEWAY,
		lifetime = math.floor(given.lifetime or LIFETIME),
		endless = given.endless or false,
		max_bytes = given.max_bytes or BYTES_MAX,
		typ = given.typ,
		kid = given.kid,
	}
	read_keys(config, given)
	return setmetatable({ config_ = config }, Jwt)
end
