local crypto = require("moonloop.crypto")
local fs = require("moonloop.fs")
local json = require("moonloop.json")
local support = require("support_web")
local time = require("moonloop.time")
local web = require("moonloop.web")

local SECRET, OTHER = ("a"):rep(32), ("b"):rep(32)
local DAY = 86400

local function raises(pattern, fn, ...)
	local ok, err = pcall(fn, ...)
	assert.is_false(ok)
	assert.matches(pattern, tostring(err))
end

local function make(options)
	local app = web.app {}
	app:use(web.session(options))
	app:get("/", function(req)
		return { user = req.session.user, count = req.session.count }
	end)
	app:get("/untouched", function()
		return "no"
	end)
	app:post("/login/{user}", function(req)
		req.session:rotate()
		req.session.user = req.params.user
		return "in"
	end)
	app:post("/count", function(req)
		req.session.count = (req.session.count or 0) + 1
		return "counted"
	end)
	app:post("/logout", function(req)
		req.session:clear()
		return "out"
	end)
	app:post("/big/{n:int}", function(req)
		req.session.big = ("x"):rep(req.params.n)
	end)
	app:post("/nested", function(req)
		req.session.cart = req.session.cart or {}
		table.insert(req.session.cart, "moon")
		return { n = #req.session.cart }
	end)
	app:post("/fails", function(req)
		req.session.user = "half"
		error("boom")
	end)
	app:post("/answers", function(req)
		req.session.tries = 1
		web.error(403)
	end)
	return app
end

-- Calls fn while the clock stands `seconds` ahead.
local function later(seconds, fn)
	local unix = time.unix
	time.unix = function()
		return unix() + seconds
	end
	local ok, err = pcall(fn)
	time.unix = unix
	assert(ok, err)
end

local STORES = {
	cookie = function()
		return { secret = SECRET }
	end,
	memory = function()
		return { store = web.session_store.memory() }
	end,
	files = function()
		local dir = assert(fs.tempdir())
		finally(function()
			dir:close()
		end)
		return { store = web.session_store.files(dir.path .. "/sessions") }
	end,
}

for kind, options in pairs(STORES) do
	describe("a session, store: " .. kind, function()
		it("remembers, and is saved only when it changed", function()
			local browser = support.browser(make(options()))
			assert.equal("{}", browser:get("/").body)
			assert.same({}, browser.set)
			browser:post("/login/alice")
			assert.equal(1, #browser.set)
			assert.matches("^session=[%w_-]+; Path=/; Max%-Age=1209600; HttpOnly; SameSite=Lax$", browser.set[1])
			local answer = browser:get("/")
			assert.equal('{"user":"alice"}', answer.body)
			assert.equal("Cookie", answer.headers.vary)
			assert.same({}, browser.set)
			assert.is_nil(browser:get("/untouched").headers.vary)
			assert.same({}, browser.set)
			browser:post("/count")
			assert.same({ user = "alice", count = 1 }, json.decode(browser:get("/").body))
		end)
		it("sees changes inside of tables", function()
			local browser = support.browser(make(options()))
			assert.equal('{"n":1}', browser:post("/nested").body)
			assert.equal('{"n":2}', browser:post("/nested").body)
		end)
		it("ends by a logout", function()
			local browser = support.browser(make(options()))
			browser:post("/login/alice")
			local old = browser.jar.session
			local answer = browser:post("/logout")
			assert.matches("^session=; Path=/; Max%-Age=0; Expires=Thu, 01 Jan 1970", browser.set[1])
			assert.is_nil(browser.jar.session)
			assert.equal("out", answer.body)
			local replayed = support.get(browser.app, "/", { cookie = "session=" .. old }).body
			-- What stands in a cookie cannot be taken back.
			assert.equal(kind == "cookie" and '{"user":"alice"}' or "{}", replayed)
		end)
		it("has another name behind a rotation", function()
			local browser = support.browser(make(options()))
			browser:post("/count")
			local old = browser.jar.session
			browser:post("/login/alice")
			assert.not_equal(old, browser.jar.session)
			local replayed = support.get(browser.app, "/", { cookie = "session=" .. old }).body
			assert.equal(kind == "cookie" and '{"count":1}' or "{}", replayed)
		end)
		it("takes no name that a client made up", function()
			local browser = support.browser(make(options()))
			for _, value in ipairs({ "x", ("A"):rep(22), ("A"):rep(5000), "../../etc/passwd", "a b", "%00", "" }) do
				browser.jar.session = value
				assert.equal("{}", browser:get("/").body)
				browser.jar.session = value
				browser:post("/login/alice")
				assert.not_equal(value, browser.jar.session)
			end
		end)
		it("expires, and is renewed by use", function()
			local browser = support.browser(make(options()))
			browser:post("/login/alice")
			later(6 * DAY, function()
				browser:get("/")
				assert.same({}, browser.set)
			end)
			later(8 * DAY, function()
				browser:get("/")
				assert.equal(1, #browser.set)
			end)
			later(20 * DAY, function()
				assert.equal('{"user":"alice"}', browser:get("/").body)
			end)
			later(35 * DAY, function()
				assert.equal("{}", browser:get("/").body)
			end)
		end)
		it("has a lifetime", function()
			local given = options()
			given.lifetime = 10 * DAY
			local browser = support.browser(make(given))
			browser:post("/login/alice")
			later(9 * DAY, function()
				assert.equal('{"user":"alice"}', browser:get("/").body)
			end)
			later(11 * DAY, function()
				assert.equal("{}", browser:get("/").body)
			end)
		end)
		it("is saved with an answer, not with a failure", function()
			local browser = support.browser(make(options()))
			raises("boom", browser.post, browser, "/fails")
			assert.equal("{}", browser:get("/").body)
			assert.equal(403, browser:post("/answers").status)
			assert.equal(1, #browser.set)
		end)
	end)
end

describe("a session in its cookie", function()
	it("is not read by others, and not changed", function()
		local browser = support.browser(make({ secret = SECRET }))
		browser:post("/login/alice")
		local good = browser.jar.session
		assert.is_nil(require("moonloop.encoding").from_base64url(good):find("alice", 1, true))
		for i = 1, #good, 7 do
			local c = good:sub(i, i) == "A" and "B" or "A"
			local bad = good:sub(1, i - 1) .. c .. good:sub(i + 1)
			assert.equal("{}", support.get(browser.app, "/", { cookie = "session=" .. bad }).body)
		end
		local stranger = make({ secret = OTHER })
		assert.equal("{}", support.get(stranger, "/", { cookie = "session=" .. good }).body)
		local renamed = make({ secret = SECRET, name = "other" })
		assert.equal("{}", support.get(renamed, "/", { cookie = "other=" .. good }).body)
	end)
	it("is sealed anew when its secret grows old", function()
		local browser = support.browser(make({ secret = OTHER }))
		browser:post("/login/alice")
		browser.app = make({ secret = { SECRET, OTHER } })
		assert.equal('{"user":"alice"}', browser:get("/").body)
		assert.equal(1, #browser.set)
		browser.app = make({ secret = SECRET })
		assert.equal('{"user":"alice"}', browser:get("/").body)
		assert.same({}, browser.set)
	end)
	it("has a limit that says so", function()
		local browser = support.browser(make({ secret = SECRET }))
		assert.equal(204, browser:post("/big/2900").status)
		raises("its cookie would have %d+ bytes, browsers take 4096", browser.post, browser, "/big/3100")
		browser.app = make({ store = web.session_store.memory() })
		assert.equal(204, browser:post("/big/100000").status)
	end)
end)

describe("the session's cookie", function()
	it("is bound to https and the host where it can be", function()
		local browser = support.browser(make({ secret = SECRET }), { scheme = "https" })
		browser:post("/login/alice")
		assert.matches("^__Host%-session=[%w_-]+; Path=/; Max%-Age=1209600; Secure; HttpOnly; SameSite=Lax$",
			browser.set[1])
		assert.equal('{"user":"alice"}', browser:get("/").body)
		-- A cookie that a neighbour could have set by plain http.
		browser.jar.session, browser.jar["__Host-session"] = browser.jar["__Host-session"], nil
		assert.equal("{}", browser:get("/").body)
	end)
	it("has the flags that are asked for", function()
		local browser = support.browser(make({ secret = SECRET, domain = "example.org", same_site = "none",
			max_age = 60, name = "s" }))
		browser:post("/login/alice")
		assert.matches("^__Secure%-s=[%w_-]+; Path=/; Domain=example.org; Max%-Age=60; Secure; HttpOnly; "
			.. "SameSite=None$", browser.set[1])
	end)
	it("goes to one client, though the application keeps its response", function()
		local app, shared = web.app {}, web.text("same")
		app:use(web.session { secret = SECRET })
		app:get("/", function(req)
			req.session.user = req.query.user
			return shared
		end)
		local first = support.get(app, "/?user=alice")
		assert.is_truthy(first.headers["set-cookie"])
		assert.equal("private", first.headers["cache-control"])
		assert.is_nil(support.get(app, "/").headers["set-cookie"])
	end)
end)

describe("a store", function()
	it("keeps a deleted session deleted", function()
		local store = web.session_store.memory()
		local app = make({ store = store })
		local browser = support.browser(app)
		app:post("/slow", function(req)
			req.session.note = "late"
			browser:post("/logout") -- another request, meanwhile
			return "late"
		end)
		browser:post("/login/alice")
		local old = browser.jar.session
		local answer = browser:post("/slow")
		assert.is_nil(answer.headers["set-cookie"])
		assert.equal("{}", support.get(app, "/", { cookie = "session=" .. old }).body)
	end)
	it("in memory is bounded", function()
		local store = web.session_store.memory({ max = 2 })
		for _, key in ipairs({ "a", "b", "c" }) do
			store:save(key, key, 60, true)
			store:load("a")
		end
		assert.equal("a", store:load("a"))
		assert.is_nil(store:load("b"))
		assert.equal("c", store:load("c"))
		store:delete("c")
		assert.is_nil(store:load("c"))
		store:save("d", "d", 0, true)
		assert.is_nil(store:load("d"))
	end)
	it("in files names no session, and removes what expired", function()
		local dir = assert(fs.tempdir())
		finally(function()
			dir:close()
		end)
		local store = web.session_store.files(dir.path .. "/s/", { sweep = 0.01 })
		local browser = support.browser(make({ store = store }))
		browser:post("/login/alice")
		local names = assert(fs.listdir(dir.path .. "/s"))
		assert.equal(1, #names)
		assert.equal(crypto.sha256(browser.jar.session, "hex"), names[1].name)
		assert.equal(tonumber("700", 8), assert(fs.stat(dir.path .. "/s")).mode)
		assert(fs.write(dir.path .. "/s/" .. ("0"):rep(64), "1\nold"))
		assert(fs.write(dir.path .. "/s/README", "1\nnot ours"))
		time.sleep(0.02)
		browser:post("/count")
		local until_ = time.now() + 5
		while fs.exists(dir.path .. "/s/" .. ("0"):rep(64)) and time.now() < until_ do
			time.sleep(0.01)
		end
		assert.is_false(fs.exists(dir.path .. "/s/" .. ("0"):rep(64)))
		assert.is_true(fs.exists(dir.path .. "/s/README"))
		assert.same({ user = "alice", count = 1 }, json.decode(browser:get("/").body))
	end)
	it("that fails is an error, not an empty session", function()
		local broken = { load = function()
			return nil, "io", "the disk is gone"
		end, save = function()
			return nil, "no_space", "the disk is full"
		end, delete = function() end }
		local app = make({ store = broken })
		raises("failed to load: the disk is gone", support.get, app, "/", { cookie = "session=" .. ("A"):rep(22) })
		raises("failed to save: the disk is full", support.call, app, "POST", "/count")
	end)
end)

describe("web.session", function()
	it("refuses what is wrong where it is made", function()
		for pattern, given in pairs({
			["web.session: it needs a secret"] = {},
			["at least 32 bytes"] = { secret = "short" },
			["unknown option secrets; there are domain, lifetime"] = { secrets = SECRET },
			["max_age must be a number of seconds > 0, got 0"] = { secret = SECRET, max_age = 0 },
			["the store has no function load"] = { store = {} },
			["the name must be a token"] = { secret = SECRET, name = "a b" },
			["Domain must be printable ASCII"] = { secret = SECRET, domain = "a;b" },
			['"none" needs secure'] = { secret = SECRET, same_site = "none", secure = false },
			["same_site must be"] = { secret = SECRET, same_site = "maybe" },
		}) do
			raises(pattern:gsub("%.", "%%."), web.session, given)
			raises("web_session_spec%.lua:%d+:", web.session, given)
		end
	end)
	it("protects its methods, and itself", function()
		local app = web.app {}
		app:use(web.session { secret = SECRET })
		local todo
		app:get("/", function(req)
			todo(req)
			return "done"
		end)
		for pattern, fn in pairs({
			["req.session.rotate is a method"] = function(req)
				req.session.rotate = 1
			end,
			["key of a field must be a string"] = function(req)
				req.session[1] = 1
			end,
			["call it with a colon"] = function(req)
				req.session.clear({})
			end,
			["req.session was replaced"] = function(req)
				req.session = {}
			end,
			["cannot be written"] = function(req)
				req.session.fn = print
			end,
		}) do
			todo = fn
			raises(pattern:gsub("%.", "%%."), support.get, app, "/")
		end
		todo = function(req)
			req.session.notice = "saved"
			assert.equal("saved", req.session:take("notice"))
			assert.is_nil(req.session:take("notice"))
		end
		assert.is_nil(support.get(app, "/").headers["set-cookie"])
	end)
end)
