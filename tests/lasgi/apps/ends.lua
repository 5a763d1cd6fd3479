-- How a request may end other than well: the application raises or returns, before, in and after its
-- response.

local lasgi = require("moonloop.lasgi")
local lib = require("lib")
local moonloop = require("moonloop")
local task = require("moonloop.task")

local routes = {}

local function begin(send)
	send({ type = "http.response.start", status = 200, body = "part", more_body = true })
end

routes["/raise/before"] = function()
	error("boom") -- RAISE BEFORE
end
routes["/raise/held"] = function(_, _, send)
	send({ type = "http.response.start", status = 200, headers = { ["x-held"] = "1" } })
	error("boom") -- RAISE HELD
end
routes["/raise/within"] = function(_, _, send)
	begin(send)
	moonloop.sleep(0.02)
	error("boom") -- RAISE WITHIN
end
routes["/raise/declared"] = function(_, _, send)
	send({ type = "http.response.start", status = 200, headers = { ["content-length"] = "9" }, body = "part",
		more_body = true })
	error("boom") -- RAISE DECLARED
end
routes["/raise/after"] = function(_, _, send)
	send({ type = "http.response.start", status = 200, body = "whole" })
	error("boom") -- RAISE AFTER
end
routes["/raise/object"] = function()
	error(setmetatable({}, {
		__tostring = function()
			return "an object"
		end,
	}))
end
routes["/raise/unsupported"] = function()
	error(lasgi.unsupported)
end
routes["/raise/waited"] = function(_, receive)
	receive()
	moonloop.sleep(0)
	local function deeper()
		error("boom") -- RAISE WAITED
	end
	deeper()
end
routes["/raise/child"] = function()
	local child = moonloop.spawn(function()
		error("boom") -- RAISE CHILD
	end)
	child:join()
end
routes["/raise/joins-cancelled"] = function()
	local child = moonloop.spawn(moonloop.sleep, 60)
	child:cancel()
	child:join() -- RAISE JOINS-CANCELLED
end

-- Nobody joins them: their errors are their own.
routes["/unheard/child"] = function(_, _, send)
	moonloop.spawn(function()
		error("unheard") -- UNHEARD CHILD
	end)
	moonloop.sleep(0.01)
	lib.answer(send, {})
end
routes["/unheard/background"] = function(_, _, send)
	task.background(function()
		moonloop.sleep(0.01)
		error("unheard") -- UNHEARD BACKGROUND
	end)
	lib.answer(send, {})
end

routes["/return/before"] = function() end
routes["/return/held"] = function(_, _, send)
	send({ type = "http.response.start", status = 201 })
end
routes["/return/within"] = function(_, _, send)
	begin(send)
end
routes["/return/value"] = function()
	return { status = 200, body = "ignored" }
end

return lib.routes(routes)
