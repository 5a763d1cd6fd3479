local crypto = require("moonloop.crypto")
local encoding = require("moonloop.encoding")
local json = require("moonloop.json")
local time = require("moonloop.time")
local web = require("moonloop.web")

local SECRET = ("s"):rep(64)
local b64 = encoding.to_base64url

local function raises(pattern, fn, ...)
	local ok, err = pcall(fn, ...)
	assert.is_false(ok)
	assert.matches(pattern, tostring(err))
	assert.matches("web_jwt_spec%.lua:%d+:", tostring(err))
end

-- A token of HS256 with whatever header and claims.
local function forge(header, claims, secret)
	local signed = b64(type(header) == "string" and header or json.encode(header)) .. "."
		.. b64(type(claims) == "string" and claims or json.encode(claims))
	return signed .. "." .. b64(crypto.hmac("sha256", secret or SECRET, signed))
end

local function refused(tokens, token, code, pattern)
	local claims, got, detail = tokens:verify(token)
	assert.is_nil(claims)
	assert.equal(code, got)
	assert.matches(pattern, detail)
end

describe("web.jwt", function()
	it("signs and verifies by every algorithm", function()
		for alg, key in pairs({ HS256 = SECRET, HS384 = SECRET, HS512 = SECRET, RS256 = "rsa", RS384 = "rsa",
			RS512 = "rsa", ES256 = "p256", EdDSA = "ed25519" }) do
			local private = key ~= SECRET and crypto.generate_key(key)
			local signer = web.jwt { alg = alg, key = private and private:private_pem() or key, kid = "1" }
			local tokens = web.jwt { alg = alg, key = private and private:public_pem() or key }
			local token = signer:sign({ sub = "7", scope = "read" })
			local claims = assert(tokens:verify(token))
			assert.equal("7", claims.sub)
			assert.equal(3600, claims.exp - claims.iat)
			refused(tokens, token:gsub("%.([^.]+)%.", function(payload)
				return "." .. b64((encoding.from_base64url(payload):gsub("read", "root"))) .. "."
			end), "invalid", "signature")
			refused(tokens, token:match("^.*%.") .. b64(("\0"):rep(64)), "invalid", "signature")
			if private then
				raises("the key is a public one", tokens.sign, tokens, {})
			end
		end
	end)
	it("verifies the token of RFC 7515 A.1", function()
		local tokens = web.jwt { alg = "HS256", issuer = "joe", leeway = 1e9, key = encoding.from_base64url(
			"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow") }
		assert.equal("joe", assert(tokens:verify("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJ"
			.. "leHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
			.. "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).iss)
	end)
	it("lets no token choose the algorithm", function()
		local tokens = web.jwt { alg = "HS256", key = SECRET }
		local claims = { exp = time.unix() + 60 }
		for _, alg in ipairs({ "none", "None", "HS512", "RS256", "hs256", "" }) do
			refused(tokens, forge({ alg = alg }, claims), "invalid", "alg must be HS256")
		end
		refused(tokens, forge({}, claims), "invalid", "alg must be HS256")
		local none = b64('{"alg":"none"}') .. "." .. b64(json.encode(claims)) .. "."
		refused(tokens, none, "invalid", "not a signed")
		-- The public key as a secret: HS256 over what everybody knows.
		local private = crypto.generate_key("rsa")
		local rs = web.jwt { alg = "RS256", key = private:public_pem() }
		refused(rs, forge({ alg = "HS256" }, claims, private:public_pem()), "invalid", "alg must be RS256")
		refused(rs, forge({ alg = "RS256" }, claims, private:public_pem()), "invalid", "signature")
		raises("PEM text, which others may know", web.jwt, { alg = "HS256", key = private:public_pem() })
	end)
	it("checks the claims", function()
		local now = time.unix()
		local tokens = web.jwt { alg = "HS256", key = SECRET, issuer = { "a", "b" }, audience = "me" }
		local function token(changes)
			local claims = { exp = now + 60, iss = "a", aud = { "you", "me" } }
			for key, value in pairs(changes) do
				claims[key] = value
			end
			return forge({ alg = "HS256" }, claims)
		end
		assert(tokens:verify(token({})))
		assert(tokens:verify(token({ iss = "b", aud = "me" })))
		assert(tokens:verify(token({ exp = now - 20, nbf = now + 20 })))
		refused(tokens, token({ exp = now - 40 }), "expired", "has expired")
		refused(tokens, token({ exp = "soon" }), "invalid", "must be numbers")
		refused(tokens, token({ exp = 1e300 }), "invalid", "must be numbers")
		refused(tokens, token({ exp = json.null }), "invalid", "must be numbers")
		refused(tokens, token({ nbf = now + 40 }), "invalid", "not valid yet")
		refused(tokens, token({ iss = "c" }), "invalid", "another issuer")
		refused(tokens, token({ iss = { "a" } }), "invalid", "another issuer")
		refused(tokens, token({ aud = "you" }), "invalid", "another audience")
		refused(tokens, token({ aud = { me = true } }), "invalid", "another audience")
		refused(web.jwt { alg = "HS256", key = SECRET }, forge({ alg = "HS256" }, {}), "invalid", "has no exp")
		assert(web.jwt { alg = "HS256", key = SECRET, endless = true }:verify(forge({ alg = "HS256" }, {})))
		local typed = web.jwt { alg = "HS256", key = SECRET, typ = "at+jwt" }
		refused(typed, token({}), "invalid", "typ must be at%+jwt")
		assert(typed:verify(forge({ alg = "HS256", typ = "AT+JWT" }, { exp = now + 60 })))
		assert(typed:verify(typed:sign({})))
	end)
	it("takes no broken token", function()
		local tokens = web.jwt { alg = "HS256", key = SECRET }
		local good = tokens:sign({})
		for _, bad in ipairs({ "", ".", "..", "a.b", "a.b.c.d", "a.b.c", good .. "=", good .. ".", " " .. good,
			good:gsub("%.", "..", 1), (good:gsub("^%w", "!")), "\0" }) do
			refused(tokens, bad, "invalid", "")
		end
		refused(tokens, nil, "invalid", "")
		refused(tokens, good .. ("x"):rep(9000), "invalid", "too long")
		local claims = { exp = time.unix() + 60 }
		refused(tokens, forge("[1]", claims), "invalid", "not a signed")
		refused(tokens, forge("{", claims), "invalid", "not a signed")
		refused(tokens, forge('{"alg":"HS256","alg":"HS256"}', claims), "invalid", "not a signed")
		refused(tokens, forge({ alg = "HS256", crit = json.array { "b64" }, b64 = false }, claims), "invalid",
			"extensions")
		refused(tokens, forge({ alg = "HS256" }, "[]"), "invalid", "no JSON object")
		refused(tokens, forge({ alg = "HS256" }, '{"exp":9e9,"exp":9e9}'), "invalid", "no JSON object")
		refused(tokens, forge({ alg = "HS256" }, claims, ("t"):rep(64)), "invalid", "signature")
	end)
	it("finds the key by its kid", function()
		local one, two = ("1"):rep(32), ("2"):rep(32)
		local tokens = web.jwt { alg = "HS256", keys = { one = one, two = two } }
		assert(tokens:verify(web.jwt { alg = "HS256", key = two, kid = "two" }:sign({})))
		refused(tokens, web.jwt { alg = "HS256", key = two, kid = "one" }:sign({}), "invalid", "signature")
		refused(tokens, web.jwt { alg = "HS256", key = two, kid = "three" }:sign({}), "invalid", "no key has")
		refused(tokens, web.jwt { alg = "HS256", key = two }:sign({}), "invalid", "no key has")
		refused(tokens, forge({ alg = "HS256", kid = { "one" } }, { exp = 9e9 }, one), "invalid", "no key has")
		raises("several keys", tokens.sign, tokens, {})
		local set = { keys = { { kty = "oct", kid = "x" }, { kty = "OKP", crv = "Ed25519", kid = "rfc",
			alg = "EdDSA", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }, { kty = "OKP",
			crv = "Ed25519", kid = "enc", use = "enc", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }, 7 } }
		-- RFC 8037 A.1
		local key = crypto.key("-----BEGIN PRIVATE KEY-----\n"
			.. "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n")
		local jwks = web.jwt { alg = "EdDSA", jwks = set }
		assert(jwks:verify(web.jwt { alg = "EdDSA", key = key, kid = "rfc" }:sign({})))
		refused(jwks, web.jwt { alg = "EdDSA", key = key, kid = "enc" }:sign({}), "invalid", "no key has")
		raises("no key with a kid for RS256", web.jwt, { alg = "RS256", jwks = set })
	end)
	it("refuses what is wrong where it is made", function()
		raises("alg must be HS256.*got none", web.jwt, { alg = "none", key = SECRET })
		raises("alg must be HS256.*got nil", web.jwt, { key = SECRET })
		raises("at least 64 bytes", web.jwt, { alg = "HS512", key = ("x"):rep(63) })
		raises("needs one of key", web.jwt, { alg = "HS256" })
		raises("the key is no Ed25519", web.jwt, { alg = "RS256", key = SECRET })
		raises("needs a key of the kind rsa, got p256", web.jwt,
			{ alg = "RS256", key = crypto.generate_key("p256") })
		raises("unknown option secret", web.jwt, { secret = SECRET })
		assert.equal("moonloop.jwt", tostring(web.jwt { alg = "HS256", key = SECRET }))
	end)
end)
