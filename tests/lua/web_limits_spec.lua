-- Rate limit, time-out, body limit.

local moonloop = require("moonloop")
local support = require("support_web")
local time = require("moonloop.time")
local web = require("moonloop.web")

local function raises(pattern, fn, ...)
	local ok, err = pcall(fn, ...)
	assert.is_false(ok)
	assert.matches(pattern, tostring(err))
	assert.matches("web_limits_spec%.lua:%d+:", tostring(err))
end

-- Calls fn(advance) while the clock stands still but for advance(seconds).
local function with_clock(fn)
	local now, at = time.now, time.now()
	time.now = function()
		return at
	end
	local ok, err = pcall(fn, function(seconds)
		at = at + seconds
	end)
	time.now = now
	assert(ok, err)
end

local function with(layer)
	local app = web.app {}:use(layer)
	app:get("/", function()
		return "ok"
	end)
	return app
end

local function from(app, address)
	return support.call(app, "GET", "/", { scope = { client = address and { address, 1 } or false } })
end

describe("web.rate_limit", function()
	it("lets through so many, and more with time", function()
		with_clock(function(advance)
			local app = with(web.rate_limit { limit = 3, per = 60 })
			for left = 2, 0, -1 do
				local answer = from(app, "192.0.2.1")
				assert.equal(200, answer.status)
				assert.equal(('"default";r=%d;t=%d'):format(left, (3 - left) * 20), answer.headers.ratelimit)
				assert.equal('"default";q=3;w=60', answer.headers["ratelimit-policy"])
			end
			local answer = from(app, "192.0.2.1")
			assert.equal(429, answer.status)
			assert.equal("20", answer.headers["retry-after"])
			assert.matches("more than 3 requests in 60 seconds", answer.body)
			assert.equal(200, from(app, "192.0.2.2").status)
			advance(19)
			assert.equal(429, from(app, "192.0.2.1").status)
			advance(2)
			assert.equal(200, from(app, "192.0.2.1").status)
			assert.equal(429, from(app, "192.0.2.1").status)
			advance(1000)
			assert.equal('"default";r=2;t=20', from(app, "192.0.2.1").headers.ratelimit)
		end)
	end)
	it("takes a network of IPv6 as one client", function()
		with_clock(function()
			local app = with(web.rate_limit { limit = 1 })
			assert.equal(200, from(app, "2001:db8::1").status)
			assert.equal(429, from(app, "2001:db8::ffff:2").status)
			assert.equal(429, from(app, "2001:db8:0:0:1:2:3:4").status)
			assert.equal(200, from(app, "2001:db8:0:1::1").status)
			assert.equal(200, from(app, "::1").status)
			assert.equal(429, from(app, "::2").status)
			assert.equal(200, from(app, nil).status)
			assert.equal(429, from(app, nil).status)
		end)
	end)
	it("counts by a key of one's own, in bounded memory", function()
		with_clock(function()
			local app = with(web.rate_limit { limit = 1, clients = 2, name = 'a"b', key = function(req)
				return req.query.user
			end })
			assert.equal('"a_b";q=1;w=60', support.get(app, "/?user=1").headers["ratelimit-policy"])
			assert.equal(429, support.get(app, "/?user=1").status)
			assert.equal(200, support.get(app, "/").status)
			assert.is_nil(support.get(app, "/").headers.ratelimit)
			support.get(app, "/?user=2")
			support.get(app, "/?user=3")
			assert.equal(200, support.get(app, "/?user=1").status) -- was forgotten
		end)
		raises("limit must be an integer >= 1", web.rate_limit, { limit = 0 })
		raises("per must be a number of seconds > 0", web.rate_limit, { per = -1 })
	end)
end)

describe("web.timeout", function()
	it("ends what takes too long", function()
		local app = web.app {}:use(web.timeout { seconds = 0.02 })
		local cleaned
		app:get("/slow", function()
			local ok, err = pcall(moonloop.sleep, 60)
			cleaned = not ok
			error(err, 0)
		end)
		app:get("/fast", function()
			moonloop.sleep(0)
			return "fast"
		end)
		local answer = support.get(app, "/slow")
		assert.equal(503, answer.status)
		assert.matches("no answer within 0.02 seconds", answer.body)
		assert.is_true(cleaned)
		assert.equal("fast", support.get(app, "/fast").body)
		assert.equal(404, support.get(app, "/none").status)
		app = web.app {}:use(web.timeout { seconds = 0.01, status = 504 })
		app:get("/", function()
			moonloop.sleep(60)
		end)
		assert.equal(504, support.get(app, "/").status)
		raises("seconds is missing", web.timeout, {})
		raises("status must be from 500", web.timeout, { seconds = 1, status = 200 })
	end)
end)

describe("web.body_limit", function()
	local function app()
		local made = web.app {}
		made:post("/", { use = { web.body_limit(10) } }, function(req)
			return "got " .. #req:body()
		end)
		made:post("/stream", { use = { web.body_limit(10) } }, function(req)
			local n = 0
			for piece in req:stream() do
				n = n + #piece
			end
			return "got " .. n
		end)
		made:post("/free", function(req)
			return "got " .. #req:body()
		end)
		return made
	end
	it("refuses by the announced length, and by what comes", function()
		for _, path in ipairs({ "/", "/stream" }) do
			assert.equal("got 10", support.call(app(), "POST", path, { body = { "12345", "67890" } }).body)
			local answer = support.call(app(), "POST", path, { body = { "12345", "678901" } })
			assert.equal(413, answer.status)
			assert.matches("the body has more than 10 bytes", answer.body)
			answer = support.call(app(), "POST", path, { body = "", headers = { ["content-length"] = "11" } })
			assert.equal(413, answer.status)
		end
		assert.equal("got 11", support.call(app(), "POST", "/free", { body = "12345678901" }).body)
		assert.equal(413, support.call(web.app {}:use(web.body_limit(0)), "POST", "/",
			{ headers = { ["content-length"] = "1" } }).status)
		raises("expected a number of bytes, got nil", web.body_limit)
	end)
end)
