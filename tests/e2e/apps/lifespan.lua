--- An application with a lifespan that logs what happens to it.
-- $HANG: it does not answer lifespan.shutdown; $SLOW_START: seconds that its start takes.
local log = require "moonloop.log"
local moonloop = require "moonloop"
local task = require "moonloop.task"

local hang = os.getenv("HANG")
local slow_start = tonumber(os.getenv("SLOW_START"))

local function lifespan(scope, receive, send)
	while true do
		local message = receive()
		if message.type == "lifespan.startup" then
			log.info("app.startup")
			moonloop.sleep(slow_start or 0.02)
			scope.state.text = "state of the start\n"
			send { type = "lifespan.startup.complete" }
		elseif message.type == "lifespan.shutdown.notice" then
			log.info("app.notice")
		elseif message.type == "lifespan.shutdown" then
			log.info("app.shutdown")
			if hang then moonloop.sleep(3600) end
			send { type = "lifespan.shutdown.complete" }
			return
		end
	end
end

local routes = {}

routes["/"] = function() return end

routes["/slow"] = function()
	log.info("app.request")
	moonloop.sleep(0.5)
	log.info("app.answered")
end

routes["/background"] = function()
	task.background(function()
		moonloop.sleep(0.6)
		log.info("app.background")
	end)
end

local function stream(receive, send)
	receive() -- the request has no body: the next message is the end
	send { type = "http.response.start", status = 200 }
	send { type = "http.response.body", body = "begun\n", more_body = true }
	local message = receive()
	send { type = "http.response.body", body = message.type .. " " .. message.reason .. "\n" }
end

return function(scope, receive, send)
	if scope.type == "lifespan" then
		return lifespan(scope, receive, send)
	elseif scope.path == "/stream" then
		return stream(receive, send)
	end
	routes[scope.path]()
	send { type = "http.response.start", status = 200, body = scope.state.text }
end
