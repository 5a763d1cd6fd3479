--- Scenarios of support_cancel.lua: what of moonloop.testing waits.

local sync = require("moonloop.sync")
local task = require("moonloop.task")
local testing = require("moonloop.testing")

local scenarios = {}

-- A call of an application that answers when it is let go on.
local function of_call(gives, timeout, fn)
	return function()
		local enough = sync.event()
		local function app(_, _, send)
			enough:wait()
			send({ type = "http.response.start", status = 200, body = "hello" })
		end
		local call = timeout and testing.open(app, "GET", "/") or nil
		return {
			gives = { gives },
			timeout = timeout,
			run = function(seconds)
				return fn(call, seconds, app)
			end,
			release = function()
				enough:set()
			end,
			check = function()
				if call then
					call:close()
				end
			end,
		}
	end
end

scenarios["Call:start"] = of_call(200, true, function(call, timeout)
	local started, code = call:start(timeout)
	return started and started.status, code
end)

scenarios["Call:read"] = of_call("hello", true, function(call, timeout)
	return call:read(timeout)
end)

scenarios["testing.request"] = of_call("hello", false, function(_, _, app)
	return testing.request(app, "GET", "/").body
end)

-- An application that takes its time to notice.
scenarios["Call:close"] = function()
	local enough = sync.event()
	local call = testing.open(function(_, receive)
		receive()
		receive()
		task.shield(enough.wait, enough)
	end, "GET", "/")
	return {
		gives = {},
		run = function()
			call:close()
		end,
		release = function()
			enough:set()
		end,
		check = function()
			enough:set()
		end,
	}
end

return scenarios
