--- Start-up, state and shutdown: the application is called once with a scope of type "lifespan".
-- What start-up puts into `scope.state` every request finds in its own `scope.state`. Each request
-- has a shallow copy: a table in it is shared, a key set there is not. No request is served before
-- start-up is complete; shutdown comes after the last one has ended.
--
-- $ moonloop run examples/lifespan.lua
--
-- $ curl -s http://127.0.0.1:8000/
-- visit 1 to the Sea of Tranquility
--
-- $ curl -s http://127.0.0.1:8000/
-- visit 2 to the Sea of Tranquility
local lasgi = require "moonloop.lasgi"
local log = require "moonloop.log"
local moonloop = require "moonloop"

local function lifespan(scope, receive, send)
	while true do
		local message = receive()
		if message.type == "lifespan.startup" then
			moonloop.sleep(0.1) -- a database would be connected here
			scope.state.place = "the Sea of Tranquility"
			scope.state.visits = { count = 0 }
			send { type = "lifespan.startup.complete" }
		elseif message.type == "lifespan.shutdown" then
			log.info("lifespan.goodbye", { visits = scope.state.visits.count })
			send { type = "lifespan.shutdown.complete" }
			return
		end
	end
end

local function visit(scope, send)
	local visits = scope.state.visits
	visits.count = visits.count + 1
	send {
		type = "http.response.start",
		status = 200,
		headers = { ["content-type"] = "text/plain" },
		body = "visit " .. visits.count .. " to " .. scope.state.place .. "\n",
	}
end

return function(scope, receive, send)
	if scope.type == "lifespan" then
		lifespan(scope, receive, send)
	elseif scope.type == "http" then
		visit(scope, send)
	else
		error(lasgi.unsupported)
	end
end
