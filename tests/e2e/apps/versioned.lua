--- What the tests of reload write anew again and again: @VERSION@ becomes a word, @START@ code of the start.
local log = require "moonloop.log"
local moonloop = require "moonloop"
local task = require "moonloop.task"
local thread = require "moonloop.thread"
local worker = require "moonloop.worker"
local marked = require "marked"

local VERSION = "@VERSION@"
local routes = {}

-- The version stands in a module too, and both must be of one generation.
local function version()
	return VERSION == marked.version and VERSION or VERSION .. " and " .. marked.version
end

local function answer(send, text)
	send { type = "http.response.start", status = 200, body = text }
end

routes["/"] = function(_, send)
	answer(send, version())
end

routes["/slow"] = function(_, send)
	moonloop.sleep(0.6)
	answer(send, version())
end

routes["/info"] = function(_, send)
	collectgarbage()
	local lines = {}
	for key, value in pairs(worker.info()) do
		if type(value) == "number" then lines[#lines + 1] = key .. "=" .. value end
	end
	answer(send, table.concat(lines, "\n"))
end

routes["/thread"] = function(_, send)
	answer(send, thread.run(function() return require("marked").version end))
end

routes["/background"] = function(_, send)
	local name = version()
	task.background(function()
		moonloop.sleep(0.5)
		log.info("app.background", { version = name })
	end)
	answer(send, name)
end

routes["/spin"] = function() -- after a moment
	log.info("app.spinning", { version = version() })
	moonloop.sleep(0.5)
	while true do end
end

-- Ends when it is told to.
routes["/stream"] = function(receive, send)
	receive()
	send { type = "http.response.start", status = 200, body = version() .. "\n", more_body = true }
	repeat
		local message = receive(0.02)
		send { type = "http.response.body", body = version() .. "\n", more_body = true }
	until message
	send { type = "http.response.body", body = version() .. "\n" }
end

-- Does not listen: five lines, or as many as there is time for.
routes["/deaf"] = function(_, send)
	send { type = "http.response.start", status = 200, body = version() .. "\n", more_body = true }
	for _ = 1, 5 do
		moonloop.sleep(0.2)
		send { type = "http.response.body", body = version() .. "\n", more_body = true }
	end
	send { type = "http.response.body" }
end

local function lifespan(receive, send)
	while true do
		local message = receive()
		log.info("app.lifespan", { version = version(), message = message.type })
		if message.type == "lifespan.startup" then
			-- @START@
			send { type = "lifespan.startup.complete" }
		elseif message.type == "lifespan.shutdown" then
			send { type = "lifespan.shutdown.complete" }
		end
	end
end

return function(scope, receive, send)
	if scope.type == "lifespan" then
		return lifespan(receive, send)
	end
	routes[scope.path](receive, send)
end
