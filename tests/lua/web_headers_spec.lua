-- CORS, trusted hosts, security headers.

local support = require("support_web")
local web = require("moonloop.web")

local function raises(pattern, fn, ...)
	local ok, err = pcall(fn, ...)
	assert.is_false(ok)
	assert.matches(pattern, tostring(err))
	assert.matches("web_headers_spec%.lua:%d+:", tostring(err))
end

local function with(...)
	local app = web.app {}:use(...)
	app:get("/", function()
		return "read"
	end)
	app:post("/", function()
		web.error(409, "taken")
	end)
	app:get("/nonce", function(req)
		return web.html("<script nonce=" .. req.csp_nonce .. "></script>")
	end)
	app:get("/own", function()
		return 200, "own", { ["Content-Security-Policy"] = "default-src *", ["X-Frame-Options"] = "SAMEORIGIN" }
	end)
	return app
end

local function preflight(app, origin, method, headers)
	return support.call(app, "OPTIONS", "/", { headers = { origin = origin,
		["access-control-request-method"] = method or "POST", ["access-control-request-headers"] = headers } })
end

describe("web.cors", function()
	it("answers preflights", function()
		local app = with(web.cors { origins = { "https://app.example.org" }, credentials = true })
		local answer = preflight(app, "https://app.example.org")
		assert.equal(204, answer.status)
		assert.equal("https://app.example.org", answer.headers["access-control-allow-origin"])
		assert.equal("GET, HEAD, POST, PUT, PATCH, DELETE", answer.headers["access-control-allow-methods"])
		assert.equal("content-type, authorization", answer.headers["access-control-allow-headers"])
		assert.equal("true", answer.headers["access-control-allow-credentials"])
		assert.equal("600", answer.headers["access-control-max-age"])
		assert.equal("Origin, Access-Control-Request-Headers", answer.headers.vary)
		answer = preflight(app, "https://evil.example")
		assert.equal(403, answer.status)
		assert.is_nil(answer.headers["access-control-allow-origin"])
		assert.equal("Origin", answer.headers.vary)
		-- An OPTIONS request that is none.
		assert.equal("GET, HEAD, OPTIONS, POST", support.call(app, "OPTIONS", "/").headers.allow)
	end)
	it("marks answers, errors too, for those who may read them", function()
		local app = with(web.cors { origins = { "https://app.example.org" }, expose = { "x-total" } })
		local answer = support.get(app, "/", { origin = "https://app.example.org" })
		assert.equal("https://app.example.org", answer.headers["access-control-allow-origin"])
		assert.equal("x-total", answer.headers["access-control-expose-headers"])
		assert.is_nil(answer.headers["access-control-allow-credentials"])
		answer = support.call(app, "POST", "/", { headers = { origin = "https://app.example.org" } })
		assert.equal(409, answer.status)
		assert.equal("https://app.example.org", answer.headers["access-control-allow-origin"])
		for _, origin in ipairs({ "https://app.example.org.evil.example", "http://app.example.org", "null",
			"https://APP.example.org", "https://app.example.org:8443", "" }) do
			answer = support.get(app, "/", { origin = origin })
			assert.equal(200, answer.status)
			assert.is_nil(answer.headers["access-control-allow-origin"])
			assert.equal("Origin", answer.headers.vary)
		end
		assert.equal("Origin", support.get(app, "/").headers.vary)
	end)
	it("knows all, patterns, and functions", function()
		local answer = support.get(with(web.cors { origins = "*" }), "/", { origin = "https://x.example" })
		assert.equal("*", answer.headers["access-control-allow-origin"])
		assert.is_nil(answer.headers.vary)
		local app = with(web.cors { origins = { "https://*.example.net", "null" } })
		for origin, may in pairs({ ["https://a.example.net"] = true, ["https://a.b.example.net"] = true,
			["https://example.net"] = false, ["https://aexample.net"] = false, ["https://a.example.net:1"] = false,
			["https://evil.example/.example.net"] = false, ["http://a.example.net"] = false, null = true,
			["https://a.exampleXnet"] = false }) do
			local allowed = support.get(app, "/", { origin = origin }).headers["access-control-allow-origin"]
			assert.equal(may and origin or nil, allowed)
		end
		app = with(web.cors { origins = function(origin, req)
			return origin == "https://x.example" and req.path == "/"
		end })
		local origin = { origin = "https://x.example" }
		assert.is_truthy(support.get(app, "/", origin).headers["access-control-allow-origin"])
		assert.is_nil(support.get(app, "/own", origin).headers["access-control-allow-origin"])
	end)
	it("repeats asked names only when they are names", function()
		local app = with(web.cors { origins = "*", headers = "*" })
		assert.equal("x-a, x-b", preflight(app, "https://x.example", "PUT", "x-a, x-b")
			.headers["access-control-allow-headers"])
		assert.is_nil(preflight(app, "https://x.example", "PUT", "x-a\r\nset-cookie: a=b")
			.headers["access-control-allow-headers"])
	end)
	it("refuses what is wrong where it is made", function()
		raises("origins is missing", web.cors, {})
		raises("would let every site act for your users", web.cors, { origins = "*", credentials = true })
		raises('an origin is "https://name"', web.cors, { origins = { "https://a.example/" } })
		raises('an origin is "https://name"', web.cors, { origins = { "example.org" } })
		raises("a %* stands for names below a domain", web.cors, { origins = { "https://a.*.example" } })
		raises("headers must be an array of names", web.cors, { origins = "*", headers = "x-a" })
		raises("methods must be an array of names", web.cors, { origins = "*", methods = { "GET, PUT" } })
	end)
end)

describe("web.trusted_hosts", function()
	it("takes our names only", function()
		local app = with(web.trusted_hosts { "example.org", "*.example.net", "[::1]" })
		for host, status in pairs({ ["example.org"] = 200, ["EXAMPLE.org:8000"] = 200, ["a.example.net"] = 200,
			["example.net"] = 421, ["evil.example"] = 421, ["example.org.evil.example"] = 421, ["[::1]:80"] = 200,
			["a.example.net.evil"] = 421, [""] = 421, [".example.net"] = 421 }) do
			assert.equal(status, support.get(app, "/", { host = host }).status, host)
		end
	end)
	it("refuses what is no name", function()
		raises("expected an array of names, got none", web.trusted_hosts, {})
		raises("expected a name", web.trusted_hosts, { "https://example.org" })
		raises("expected a name", web.trusted_hosts, { "a.*.example" })
	end)
end)

describe("web.security_headers", function()
	it("sets what is safe", function()
		local app = with(web.security_headers())
		local headers = support.get(app, "/").headers
		assert.equal("base-uri 'self'; default-src 'self'; form-action 'self'; frame-ancestors 'none'; "
			.. "object-src 'none'", headers["content-security-policy"])
		assert.equal("nosniff", headers["x-content-type-options"])
		assert.equal("DENY", headers["x-frame-options"])
		assert.equal("strict-origin-when-cross-origin", headers["referrer-policy"])
		assert.equal("same-origin", headers["cross-origin-opener-policy"])
		assert.is_nil(headers["strict-transport-security"])
		headers = support.call(app, "POST", "/", { scope = { scheme = "https" } }).headers
		assert.equal("max-age=31536000", headers["strict-transport-security"])
		assert.equal("nosniff", headers["x-content-type-options"])
	end)
	it("leaves what the response has", function()
		local headers = support.get(with(web.security_headers()), "/own").headers
		assert.equal("default-src *", headers["content-security-policy"])
		assert.equal("SAMEORIGIN", headers["x-frame-options"])
	end)
	it("has a nonce for who asks", function()
		local app = with(web.security_headers { csp = { ["script-src"] = { "'self'", "'nonce'" },
			["style-src"] = { "'nonce'" }, ["object-src"] = false } })
		local answer = support.get(app, "/nonce")
		local nonce = answer.body:match("nonce=([%w_-]+)>")
		assert.equal(("base-uri 'self'; default-src 'self'; form-action 'self'; frame-ancestors 'none'; "
			.. "script-src 'self' 'nonce-%s'; style-src 'nonce-%s'"):format(nonce, nonce),
			answer.headers["content-security-policy"])
		assert.not_equal(nonce, support.get(app, "/nonce").body:match("nonce=([%w_-]+)>"))
		assert.matches("script%-src 'self'; style%-src 'none'$",
			support.get(app, "/").headers["content-security-policy"])
	end)
	it("does as it is told", function()
		local app = with(web.security_headers { csp = "default-src 'none'", report_only = true, frame = false,
			hsts = { max_age = 60, subdomains = true, preload = true }, nosniff = false, opener = false,
			permissions = { camera = {}, geolocation = { "self", "https://maps.example.org" } } })
		local headers = support.call(app, "GET", "/", { scope = { scheme = "https" } }).headers
		assert.equal("default-src 'none'", headers["content-security-policy-report-only"])
		assert.is_nil(headers["content-security-policy"])
		assert.is_nil(headers["x-frame-options"])
		assert.is_nil(headers["x-content-type-options"])
		assert.is_nil(headers["cross-origin-opener-policy"])
		assert.equal("max-age=60; includeSubDomains; preload", headers["strict-transport-security"])
		assert.equal('camera=(), geolocation=(self "https://maps.example.org")', headers["permissions-policy"])
	end)
	it("refuses what would break a field", function()
		raises("a source has neither ;", web.security_headers, { csp = { ["img-src"] = { "a; script-src *" } } })
		raises("csp must be text without control", web.security_headers, { csp = "a\r\nb" })
		raises("frame must be text", web.security_headers, { frame = "A\n" })
		raises("unknown option frames", web.security_headers, { frames = "DENY" })
		raises("hsts: unknown option maxage", web.security_headers, { hsts = { maxage = 1 } })
	end)
end)
