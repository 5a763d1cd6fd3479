-- Request ids and traces.

local support = require("support_web")
local task = require("moonloop.task")
local web = require("moonloop.web")

local PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

-- In a task of its own, as a request is.
local function get(app, headers)
	return task.spawn(support.get, app, "/", headers):join()
end

local function traced(headers, options)
	local app, trace, fields = web.app {}:use(web.trace(options)), nil, nil
	app:get("/", function(req)
		trace, fields = req.trace, task.locals().log_fields
	end)
	get(app, headers)
	return trace, fields
end

describe("web.trace", function()
	it("goes on with a trace", function()
		local trace, fields = traced({ traceparent = PARENT,
			tracestate = "rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE" })
		assert.equal("0af7651916cd43dd8448eb211c80319c", trace.id)
		assert.equal("b7ad6b7169203331", trace.parent)
		assert.is_true(trace.sampled)
		assert.matches("^%x+$", trace.span)
		assert.not_equal(trace.parent, trace.span)
		assert.same({ traceparent = ("00-%s-%s-01"):format(trace.id, trace.span),
			tracestate = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE" }, trace:headers())
		assert.same({ trace = trace.id }, fields)
		assert.is_false(traced({ traceparent = PARENT:sub(1, -2) .. "0" }).sampled)
		-- Of a version to come what we know of it counts.
		assert.equal(trace.id, traced({ traceparent = "cc" .. PARENT:sub(3) .. "-what-ever" }).id)
	end)
	it("begins one where there is none to read", function()
		for _, header in ipairs({ "", "x", PARENT .. "-x", PARENT:sub(1, -2), PARENT:upper(), "ff" .. PARENT:sub(3),
			"00-00000000000000000000000000000000-b7ad6b7169203331-01",
			"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
			"00-0af7651916cd43dd8448eb211c80319-b7ad6b71692033311-01", "cc" .. PARENT:sub(3) .. ".x",
			PARENT .. "\r\nx: y" }) do
			local trace = traced({ traceparent = header, tracestate = "a=b" })
			assert.not_equal("0af7651916cd43dd8448eb211c80319c", trace.id)
			assert.is_nil(trace.parent)
			assert.is_nil(trace.tracestate)
			assert.equal(32, #trace.id)
		end
		assert.is_nil(traced({ traceparent = PARENT }, { trust = false }).parent)
		assert.is_false(traced({}, { sampled = false }).sampled)
	end)
	it("drops a broken state", function()
		for _, state in ipairs({ "A=b", "a", "a=", "a=b=c", "a=" .. ("x"):rep(600), ("a=b,"):rep(33), "a=b\1", ",",
			"a=b\r\nc: d" }) do
			assert.is_nil(traced({ traceparent = PARENT, tracestate = state }).tracestate)
		end
		assert.equal("t@v=1", traced({ traceparent = PARENT, tracestate = "t@v=1" }).tracestate)
	end)
end)

describe("web.request_id", function()
	local function answered(headers, options)
		local app = web.app {}:use(web.request_id(options))
		app:get("/", function(req)
			return req.id .. " " .. task.locals().log_fields.request_id
		end)
		return get(app, headers)
	end
	it("names a request", function()
		local answer = answered({ ["x-request-id"] = "abc-1" })
		assert.equal("abc-1", answer.headers["x-request-id"])
		assert.equal("abc-1 abc-1", answer.body)
		for _, id in ipairs({ "", "a b", "a\r\nb: c", ("x"):rep(65), "é" }) do
			answer = answered({ ["x-request-id"] = id })
			assert.matches("^[%w_-]+$", answer.headers["x-request-id"])
			assert.equal(22, #answer.headers["x-request-id"])
		end
		assert.equal(22, #answered({ ["x-request-id"] = "abc" }, { trust = false }).headers["x-request-id"])
		assert.equal("abc", answered({ ["x-trace"] = "abc" }, { header = "X-Trace" }).headers["x-trace"])
	end)
end)
