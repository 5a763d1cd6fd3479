local crypto = require("moonloop.crypto")
local encoding = require("moonloop.encoding")
local support = require("support_web")
local web = require("moonloop.web")

local SECRET = ("a"):rep(32)

local function raises(pattern, fn, ...)
	local ok, err = pcall(fn, ...)
	assert.is_false(ok)
	assert.matches(pattern, tostring(err))
end

local function routes(app)
	app:get("/form", function(req)
		return web.html(tostring(req.csrf.field))
	end)
	app:get("/token", function(req)
		return req.csrf.token
	end)
	app:get("/page", function()
		return "no form"
	end)
	app:post("/login", function(req)
		req.session:rotate()
		req.session.user = 1
		return "in"
	end)
	app:post("/save", function(req)
		return "saved " .. (req:form().text or "")
	end)
	app:post("/hook", function()
		return "called"
	end)
	return app
end

local function in_session(options)
	return routes(web.app {}:use(web.session { secret = SECRET }, web.csrf(options)))
end

local function in_cookie(options)
	options = options or {}
	options.secret = options.secret or SECRET
	return routes(web.app {}:use(web.session { secret = SECRET }, web.csrf(options)))
end

local function save(browser, token, headers)
	return browser:post("/save", "text=x&csrf_token=" .. (token or ""), headers)
end

for kind, make in pairs({ session = in_session, cookie = in_cookie }) do
	describe("a CSRF token in its " .. kind, function()
		it("lets our own pages through, by field and header", function()
			local browser = support.browser(make())
			local form = browser:get("/form").body
			local token = form:match('^<input type="hidden" name="csrf_token" value="([%w_-]+)">$')
			assert.equal("saved x", save(browser, token).body)
			assert.equal(200, browser:post("/save", "text=x", { ["x-csrf-token"] = token }).status)
			assert.equal(200, browser:post("/save", "text=x", { ["x-csrf-token"] = token,
				["sec-fetch-site"] = "same-origin", origin = "http://127.0.0.1:8000" }).status)
			local other = browser:get("/token").body
			assert.not_equal(token, other) -- the same under another mask
			assert.equal("saved x", save(browser, other).body)
			assert.equal("saved x", save(browser, token).body)
		end)
		it("costs nothing where there is no form", function()
			local browser = support.browser(make())
			local answer = browser:get("/page")
			assert.same({}, browser.set)
			assert.is_nil(answer.headers.vary)
			assert.equal("Cookie", browser:get("/form").headers.vary)
		end)
		it("stops what has none, a wrong one, or another's", function()
			local browser, other = support.browser(make()), support.browser(make())
			local token, theirs = browser:get("/token").body, other:get("/token").body
			assert.matches("there is no token for this client yet", save(support.browser(make()), token).body)
			assert.matches("the token is missing, in the header x%-csrf%-token or the field csrf_token",
				browser:post("/save", "text=x").body)
			for _, wrong in ipairs({ theirs, "x", "", "%00", token:sub(1, -2), token .. "AAAA", ("A"):rep(86),
				("A"):rep(43) }) do
				local answer = save(browser, wrong)
				assert.equal(403, answer.status)
				assert.matches("the token is another client's", answer.body)
			end
			assert.equal(403, browser:post("/save", '{"a":1}', { ["content-type"] = "application/json" }).status)
			assert.equal(200, save(browser, token).status)
		end)
		it("stops other origins, whatever the token", function()
			local browser = support.browser(make({ origins = { "https://app.example.org" } }))
			local token = browser:get("/token").body
			for headers, status in pairs({
				[{ ["sec-fetch-site"] = "cross-site" }] = 403,
				[{ ["sec-fetch-site"] = "same-site" }] = 403,
				[{ ["sec-fetch-site"] = "none" }] = 200,
				[{ origin = "http://evil.example" }] = 403,
				[{ origin = "https://127.0.0.1:8000" }] = 403,
				[{ origin = "null" }] = 403,
				[{ origin = "http://127.0.0.1:8000" }] = 200,
				[{ origin = "https://app.example.org", ["sec-fetch-site"] = "same-site" }] = 200,
				[{ origin = "https://app.example.org.evil.example" }] = 403,
			}) do
				assert.equal(status, save(browser, token, headers).status)
			end
		end)
		it("lets through what is exempt", function()
			local browser = support.browser(make({ exempt = function(req)
				return req.path == "/hook"
			end }))
			assert.equal("called", browser:post("/hook").body)
			assert.equal(403, browser:post("/save").status)
		end)
	end)
end

describe("a CSRF token", function()
	it("of a session is another one behind a login", function()
		local browser = support.browser(in_session())
		local token = browser:get("/token").body
		assert.equal("in", browser:post("/login", "csrf_token=" .. token).body)
		assert.equal(403, save(browser, token).status)
		assert.equal(200, save(browser, browser:get("/token").body).status)
	end)
	it("in a cookie cannot be made without the secret", function()
		local browser = support.browser(in_cookie())
		local bytes = ("x"):rep(32)
		for _, code in ipairs({ ("y"):rep(32), crypto.hmac("sha256", "guess", bytes) }) do
			browser.jar.csrf = encoding.to_base64url(bytes .. code)
			assert.equal(403, save(browser, encoding.to_base64url(bytes)).status)
		end
	end)
	it("in a cookie has safe flags, and may be bound and read by scripts", function()
		local user = "alice"
		local browser = support.browser(in_cookie({ readable = true, bind = function()
			return user
		end }), { scheme = "https" })
		local token = browser:get("/token").body
		assert.matches("^__Host%-csrf=[%w_-]+; Path=/; Secure; SameSite=Lax$", browser.set[1])
		assert.equal(200, save(browser, token).status)
		assert.equal(200, browser:post("/save", "", { ["x-csrf-token"] = browser.jar["__Host-csrf"] }).status)
		user = "bob"
		assert.equal(403, save(browser, token).status)
	end)
	it("in a cookie lives through a change of secrets", function()
		local browser = support.browser(in_cookie())
		local token = browser:get("/token").body
		browser.app = in_cookie({ secret = { ("b"):rep(32), SECRET } })
		assert.equal(200, save(browser, token).status)
		browser.app = in_cookie({ secret = ("b"):rep(32) })
		assert.equal(403, save(browser, token).status)
	end)
	it("is compared in constant time", function()
		local browser = support.browser(in_cookie())
		local token = browser:get("/token").body
		local equals, asked = crypto.equals, 0
		finally(function()
			crypto.equals = equals
		end)
		crypto.equals = function(...)
			asked = asked + 1
			return equals(...)
		end
		assert.equal(200, save(browser, token).status)
		assert.equal(2, asked) -- the cookie's code, and the token
	end)
end)

describe("web.csrf", function()
	it("refuses what is wrong where it is made, and needs a session", function()
		raises("web_csrf_spec.*unknown option token", web.csrf, { token = "x" })
		raises("at least 32 bytes", web.csrf, { secret = "x" })
		raises("cookie, readable and bind need a secret", web.csrf, { readable = true })
		local app = routes(web.app {}:use(web.csrf()))
		raises("put web.session in front of it", support.get, app, "/form")
	end)
end)
