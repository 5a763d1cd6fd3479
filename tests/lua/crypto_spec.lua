local crypto = require("moonloop.crypto")
local encoding = require("moonloop.encoding")
local thread = require("moonloop.thread")
local password = require("moonloop.crypto.password")
local keys = require("moonloop.crypto.key")
local plain_env = require("plain_env")

local hex = encoding.from_hex
local SECRET, OTHER = ("a"):rep(32), ("b"):rep(32)

local function raises(pattern, fn, ...)
	local ok, err = pcall(fn, ...)
	assert.is_false(ok)
	assert.matches(pattern, tostring(err))
	assert.matches("crypto_spec%.lua:%d+:", tostring(err))
end

describe("encoding", function()
	it("meets the vectors of RFC 4648", function()
		for plain, text in pairs({ [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==",
			fooba = "Zm9vYmE=", foobar = "Zm9vYmFy" }) do
			assert.equal(text, encoding.to_base64(plain))
			assert.equal(plain, encoding.from_base64(text))
			local bare = text:gsub("=", "")
			assert.equal(bare, encoding.to_base64url(plain))
			assert.equal(plain, encoding.from_base64(bare))
			assert.equal(plain, encoding.from_base64url(bare))
		end
		assert.equal("-_8", encoding.to_base64url("\251\255"))
		assert.equal("+/8=", encoding.to_base64("\251\255"))
		assert.equal("00ff10", encoding.to_hex("\0\255\16"))
		assert.equal("\0\255\16", encoding.from_hex("00fF10"))
	end)
	it("reads back all bytes", function()
		for n = 0, 70 do
			local bytes = n == 0 and "" or crypto.random_bytes(n)
			assert.equal(bytes, encoding.from_base64(encoding.to_base64(bytes)))
			assert.equal(bytes, encoding.from_base64url(encoding.to_base64url(bytes)))
			assert.equal(bytes, encoding.from_hex(encoding.to_hex(bytes)))
		end
	end)
	it("takes one spelling only", function()
		for _, text in ipairs({ "Z", "Zg=", "Zg===", "Zh==", "Zm9", "Zm9v\n", "Zm 9v", "=", "====", "Zg==Zg==",
			"-_8", "Zm9v\0", "Z\200==" }) do
			local value, code = encoding.from_base64(text)
			assert.is_nil(value, text)
			assert.equal("invalid", code)
		end
		assert.is_nil((encoding.from_base64url("+/8")))
		assert.is_nil((encoding.from_hex("0")))
		assert.is_nil((encoding.from_hex("0g")))
		raises("expected a string", encoding.to_hex, 7)
	end)
end)

describe("digests", function()
	it("meets published vectors", function()
		assert.equal("a9993e364706816aba3e25717850c26c9cd0d89d", crypto.sha1("abc", "hex"))
		assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			crypto.sha256("abc", "hex"))
		assert.equal("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", crypto.sha256("", "base64"))
		assert.equal("cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
			.. "8086072ba1e7cc2358baeca134c825a7", crypto.sha384("abc", "hex"))
		assert.equal("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			.. "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f", crypto.sha512("abc", "hex"))
		assert.equal(32, #crypto.sha256("abc"))
	end)
	it("hmac: RFC 4231, cases 1, 2 and 6; RFC 2202, case 2", function()
		assert.equal("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
			crypto.hmac("sha256", ("\11"):rep(20), "Hi There", "hex"))
		assert.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
			crypto.hmac("sha256", "Jefe", "what do ya want for nothing?", "hex"))
		assert.equal("80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
			.. "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
			crypto.hmac("sha512", ("\170"):rep(131), "Test Using Larger Than Block-Size Key - Hash Key First", "hex"))
		assert.equal("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
			crypto.hmac("sha1", "Jefe", "what do ya want for nothing?", "hex"))
		assert.equal(32, #crypto.hmac("sha256", "", ""))
	end)
	it("hkdf: RFC 5869, cases 1 and 3", function()
		assert.equal("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
			encoding.to_hex(crypto.hkdf(("\11"):rep(22), { salt = hex("000102030405060708090a0b0c"),
				info = hex("f0f1f2f3f4f5f6f7f8f9"), size = 42 })))
		assert.equal("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
			encoding.to_hex(crypto.hkdf(("\11"):rep(22), { size = 42 })))
	end)
	it("refuse what is wrong, at the caller's line", function()
		raises("format must be", crypto.sha256, "a", "hx")
		raises("the text must be a string", crypto.sha256, 7)
		raises("the hash must be", crypto.hmac, "md5", "a", "b")
		raises("unknown option sise", crypto.hkdf, "a", { sise = 1 })
		raises("size must be", crypto.hkdf, "a", { size = 255 * 32 + 1 })
		raises("secret is empty", crypto.hkdf, "")
	end)
end)

describe("random", function()
	it("gives bytes, names and UUIDs", function()
		assert.equal(33, #crypto.random_bytes(33))
		assert.not_equal(crypto.random_bytes(16), crypto.random_bytes(16))
		assert.matches("^[%w_-]+$", crypto.random_id())
		assert.equal(22, #crypto.random_id())
		for _ = 1, 200 do
			assert.matches("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$",
				crypto.uuid())
		end
		local first = crypto.uuid7()
		assert.matches("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-7%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$", first)
		local ms = tonumber((first:sub(1, 13):gsub("-", "")), 16)
		assert.is_true(math.abs(ms / 1000 - os.time()) < 60)
		raises("n must be", crypto.random_bytes, 0)
		raises("n must be", crypto.random_bytes, 1.5)
		raises("n must be", crypto.random_bytes, 2 ^ 21)
	end)
	it("equals compares", function()
		assert.is_true(crypto.equals("abc", "abc"))
		assert.is_true(crypto.equals("", ""))
		assert.is_false(crypto.equals("abc", "abd"))
		assert.is_false(crypto.equals("abc", "abcd"))
		raises("must be a string", crypto.equals, "a", nil)
	end)
end)

describe("seal", function()
	it("opens what it sealed, and what older secrets did", function()
		local old, both = crypto.sealer(OTHER, "x"), crypto.sealer({ SECRET, OTHER }, "x")
		for _, text in ipairs({ "", "moon", ("x"):rep(5000), "\0\255" }) do
			local token = both:seal(text, "alice")
			assert.equal(require("moonloop.crypto.seal").size(#text), #token)
			local opened, is_old = both:open(token, "alice")
			assert.equal(text, opened)
			assert.is_false(is_old)
			assert.is_nil((old:open(token, "alice")))
			opened, is_old = both:open(old:seal(text))
			assert.equal(text, opened)
			assert.is_true(is_old)
		end
		assert.not_equal(both:seal("a"), both:seal("a"))
	end)
	it("opens for its purpose, data and secret only", function()
		local token = crypto.seal(SECRET, "moon", { purpose = "a", data = "d" })
		assert.equal("moon", crypto.open(SECRET, token, { purpose = "a", data = "d" }))
		for _, wrong in ipairs({ {}, { purpose = "b", data = "d" }, { purpose = "a", data = "e" },
			{ purpose = "a" } }) do
			local text, code = crypto.open(SECRET, token, wrong)
			assert.is_nil(text)
			assert.equal("invalid", code)
		end
		assert.is_nil((crypto.open(OTHER, token, { purpose = "a", data = "d" })))
	end)
	it("does not open what somebody changed", function()
		local seal = crypto.sealer(SECRET)
		local bytes = encoding.from_base64url(seal:seal("moon"))
		for i = 1, #bytes do
			local changed = bytes:sub(1, i - 1) .. string.char(bit.bxor(bytes:byte(i), 1)) .. bytes:sub(i + 1)
			assert.is_nil((seal:open(encoding.to_base64url(changed))))
			assert.is_nil((seal:open(encoding.to_base64url(bytes:sub(1, i - 1)))))
		end
		assert.is_nil((seal:open("")))
		assert.is_nil((seal:open("not base64url!")))
	end)
	it("meets a vector of GCM (NIST, test case 16)", function()
		local native = require("moonloop.core.native").crypto
		local sealed = native.gcm_seal(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
			hex("cafebabefacedbaddecaf888"), hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
			hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
				.. "b525b16aedf5aa0de657ba637b39"))
		assert.equal("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056"
			.. "828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b", encoding.to_hex(sealed))
	end)
	it("needs a long secret, and does not show it", function()
		raises("at least 32 bytes.*got 5 bytes", crypto.sealer, "short")
		raises("got none", crypto.sealer, {})
		raises("a secret is a string.*got a number", crypto.sealer, { SECRET, 7 })
		raises("purpose must be", crypto.sealer, SECRET, 7)
		assert.equal("moonloop.sealer", tostring(crypto.sealer(SECRET)))
		raises("expected a string", crypto.sealer(SECRET).seal, crypto.sealer(SECRET), nil)
	end)
end)

describe("passwords", function()
	it("scrypt: RFC 7914 12", function()
		assert.equal("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff1"
			.. "09279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
			encoding.to_hex(password.derive("password", "NaCl", 10, 8, 16, 64)))
	end)
	it("are hashed and known again", function()
		local stored = assert(crypto.hash_password("correct horse", { cost = 10 }))
		assert.matches("^%$scrypt%$ln=10,r=8,p=3%$[%w+/]+%$[%w+/]+$", stored)
		assert.not_equal(stored, crypto.hash_password("correct horse", { cost = 10 }))
		local same, weak = crypto.verify_password("correct horse", stored)
		assert.is_true(same)
		assert.equal("weak", weak)
		assert.is_false(crypto.verify_password("correct horsf", stored))
		assert.is_false(crypto.verify_password("", stored))
		local usual = crypto.hash_password("x")
		assert.is_true(crypto.verify_password("x", usual))
		assert.is_nil((select(2, crypto.verify_password("x", usual))))
	end)
	it("no hash and no limit is too strange", function()
		for _, stored in ipairs({ "", "x", "$scrypt$ln=10,r=8,p=3$c2FsdA$", "$scrypt$ln=31,r=8,p=1$c2FsdA$"
			.. ("A"):rep(43), "$scrypt$ln=10,r=99,p=99$c2FsdA$" .. ("A"):rep(43), "$scrypt$ln=10,r=8,p=1$!$!" }) do
			local same, code = crypto.verify_password("x", stored)
			assert.is_nil(same)
			assert.equal("invalid", code)
		end
		local stored, code = crypto.hash_password(("x"):rep(4097))
		assert.is_nil(stored)
		assert.equal("too_large", code)
		raises("cost must be", crypto.hash_password, "x", { cost = 30 })
		raises("password must be a string", crypto.hash_password, nil)
		raises("hash must be a string", crypto.verify_password, "x", nil)
	end)
	it("work in a pool thread, as all of it", function()
		local ok, digest, text, verified = thread.run(plain_env(function(secret)
			local c = require("moonloop.crypto")
			local stored = c.hash_password("x", { cost = 10 })
			local key = c.generate_key("ed25519")
			return c.verify_password("x", stored), c.sha256("abc", "hex"), c.open(secret, c.seal(secret, "moon")),
				key:verify("text", key:sign("text"))
		end), SECRET)
		assert.is_true(ok)
		assert.equal(crypto.sha256("abc", "hex"), digest)
		assert.equal("moon", text)
		assert.is_true(verified)
	end)
end)

describe("keys", function()
	it("sign and verify", function()
		for _, kind in ipairs({ "ed25519", "p256", "rsa" }) do
			local private = crypto.generate_key(kind)
			local public = assert(crypto.key(private:public_pem()))
			assert.equal(kind, public.kind)
			assert.is_true(private.private)
			assert.is_false(public.private)
			assert.is_true(assert(crypto.key(private:private_pem())).private)
			for _, hash in ipairs(kind == "rsa" and { "sha256", "sha384", "sha512" } or { "sha256" }) do
				local signature = private:sign("text", hash)
				assert.equal(kind == "rsa" and 256 or 64, #signature)
				assert.is_true(public:verify("text", signature, hash))
				assert.is_false(public:verify("texts", signature, hash))
				assert.is_false(public:verify("text", signature .. "x", hash))
				assert.is_false(public:verify("text", "", hash))
				assert.is_false(public:verify("text", ("\0"):rep(#signature), hash))
				assert.is_false(crypto.generate_key("ed25519"):verify("text", signature))
			end
			raises("a public key does not sign", public.sign, public, "text")
			raises("this is a public key", public.private_pem, public)
		end
	end)
	it("Ed25519: RFC 8032 7.1, test 2", function()
		local key = assert(keys.of_jwk({ kty = "OKP", crv = "Ed25519", x = encoding.to_base64url(
			hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")) }))
		assert.is_true(key:verify("\114", hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
			.. "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")))
	end)
	it("P-256: the JWS of RFC 7515 A.3", function()
		local ec = assert(keys.of_jwk({ kty = "EC", crv = "P-256",
			x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }))
		assert.is_true(ec:verify("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
			.. "Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ", encoding.from_base64url(
			"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")))
	end)
	it("are read from PEM or a JWK, or are none", function()
		for _, text in ipairs({ "", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
			"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" }) do
			local key, code = crypto.key(text)
			assert.is_nil(key)
			assert.equal("invalid", code)
		end
		for _, jwk in ipairs({ {}, { kty = "EC", crv = "P-521" }, { kty = "RSA", n = "AQAB", e = "AQAB" },
			{ kty = "RSA", n = 7 }, { kty = "OKP", crv = "Ed25519", x = "AAAA" },
			{ kty = "EC", crv = "P-256", x = ("A"):rep(43), y = ("A"):rep(43) } }) do
			local key, code = keys.of_jwk(jwk)
			assert.is_nil(key)
			assert.equal("invalid", code)
		end
		raises("expected PEM text", crypto.key, nil)
		raises("kind must be", crypto.generate_key, "dsa")
	end)
	it("leave nothing in libcrypto's queue of errors", function()
		crypto.key("x")
		crypto.open(SECRET, crypto.seal(OTHER, "x"))
		assert.equal(32, #crypto.sha256("x")) -- would raise the old error
	end)
end)
