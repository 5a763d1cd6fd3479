--- moonloop.testing: an application called without a socket.

local lasgi = require("moonloop.lasgi")
local moonloop = require("moonloop")
local task = require("moonloop.task")
local testing = require("moonloop.testing")
local support = require("support")

local contains, raises = support.contains, support.raises

local function start(status, body, more)
	local headers = { ["X-Kind"] = "text" }
	return { type = "http.response.start", status = status, headers = headers, body = body, more_body = more }
end

describe("request", function()
	it("answers what the application sends", function()
		local answer = testing.request(function(_, _, send)
			send(start(201, "one ", true))
			moonloop.sleep(0.001)
			send({ type = "http.response.body", body = { "two", " three" } })
		end, "GET", "/")
		assert.equal(201, answer.status)
		assert.equal("text", answer.headers["x-kind"])
		assert.same({ "x-kind", "text" }, answer.headers[1])
		assert.equal("one two three", answer.body)
	end)

	it("gives the scope and the body that a client would", function()
		local seen, message, last
		local headers = { { "X-Two", "1" }, { "x-two", 2 } }
		testing.request(function(scope, receive, send)
			seen, message = scope, receive()
			send(start(200, "x"))
			last = receive()
		end, "POST", "/a%20b?c=%20", { headers = headers, body = "data", state = { n = 1 } })
		assert.equal("POST", seen.method)
		assert.equal("/a b", seen.path)
		assert.equal("/a%20b", seen.raw_path)
		assert.equal("c=%20", seen.query_string)
		assert.equal("1, 2", seen.headers["x-two"])
		assert.equal("127.0.0.1:8000", seen.headers.host)
		assert.equal(1, seen.state.n)
		assert.same({ type = "http.request", body = "data", more_body = false }, message)
		assert.equal("http.disconnect", last.type)
	end)

	it("raises the application's error, and names a response that is missing or not complete", function()
		contains("no fuel", raises(testing.request, function() error("no fuel") end, "GET", "/"))
		local err = raises(testing.request, function() error(lasgi.unsupported) end, "GET", "/")
		assert.equal(lasgi.unsupported, err)
		contains("without a response", raises(testing.request, function() end, "GET", "/"))
		contains("before the end of its response", raises(testing.request, function(_, _, send)
			send(start(200))
		end, "GET", "/"))
	end)

	it("refuses messages out of order at the application's line", function()
		local function order(...)
			local messages = { ... }
			return raises(testing.request, function(_, _, send)
				for _, message in ipairs(messages) do
					send(message)
				end
			end, "GET", "/")
		end
		local body = { type = "http.response.body" }
		contains("testing_spec.lua", order(body))
		contains("http.response.start comes first", order(body))
		contains("already been started", order(start(200), start(200)))
		contains("already complete", order(start(200, "x"), body))
		contains("got http.trailers", order({ type = "http.trailers" }))
	end)
end)

describe("open", function()
	it("reads piece by piece, and waits for them", function()
		local call = testing.open(function(_, _, send)
			send(start(200))
			for i = 1, 3 do
				moonloop.sleep(0.002)
				send({ type = "http.response.body", body = tostring(i), more_body = i < 3 })
			end
		end, "GET", "/")
		assert.is_nil(call.status)
		assert.equal(200, call:start().status)
		local piece, why = call:read(0)
		assert.is_nil(piece)
		assert.equal("timeout", why)
		assert.same({ "1", "2", "3" }, { call:read(), call:read(), (call:read()) })
		assert.is_nil((call:read()))
		assert.is_nil((call:read()))
	end)

	it("tells the application that the client left", function()
		local seen = {}
		local call = testing.open(function(_, receive, send)
			receive()
			send(start(200, "x", true))
			seen.nothing, seen.why = receive(0)
			local ok, err = pcall(moonloop.sleep, 60)
			seen.cancelled = not ok and task.is_cancelled(err)
			seen.sent, seen.code = send({ type = "http.response.body", body = "y" })
			seen.message = task.shield(receive)
		end, "GET", "/")
		call:start()
		moonloop.sleep(0.002)
		call:close()
		assert.equal("timeout", seen.why)
		assert.is_true(seen.cancelled)
		assert.is_nil(seen.sent)
		assert.equal("closed", seen.code)
		assert.same({ type = "http.disconnect", reason = "closed" }, seen.message)
	end)

	it("holds a writer up that nobody reads", function()
		local sent = 0
		local call = testing.open(function(_, _, send)
			send(start(200))
			while send({ type = "http.response.body", body = "x", more_body = true }) do
				sent = sent + 1
			end
		end, "GET", "/")
		call:start()
		moonloop.sleep(0.005)
		assert.equal(64, sent)
		call:close()
	end)

	it("is called with strings", function()
		contains("method and target must be strings", raises(testing.open, function() end, nil, "/"))
		contains("options must be a table", raises(testing.open, function() end, "GET", "/", "body"))
	end)
end)
