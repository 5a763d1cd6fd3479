--- A middleware is a function that takes an application and returns one.
-- `timed` wraps `send`, adds a header at the start of the response and logs the time it took.
-- `mount` gives every path below a prefix to another application, in a derived scope.
--
-- $ moonloop run examples/middleware.lua
--
-- $ curl -s http://127.0.0.1:8000/api/tides
-- /tides below /api
--
-- $ curl -s http://127.0.0.1:8000/about
-- /about below nothing
--
-- $ curl -s -o /dev/null -w '%header{server-timing}\n' http://127.0.0.1:8000/about | cut -d = -f 1
-- app;dur
local lasgi = require "moonloop.lasgi"
local log = require "moonloop.log"
local time = require "moonloop.time"

--- A copy of `headers`, in its form (array of pairs or map), with one more.
local function with_header(headers, name, value)
	local copy = {}
	for key, field in pairs(headers or {}) do copy[key] = field end
	if copy[1] then copy[#copy + 1] = { name, value } else copy[name] = value end
	return copy
end

local function timed(app)
	return function(scope, receive, send)
		if scope.type ~= "http" then return app(scope, receive, send) end
		local began = time.now()
		app(scope, receive, function(message)
			if message.type ~= "http.response.start" then return send(message) end
			local ms = ("%.2f"):format((time.now() - began) * 1000)
			local start = {}
			for key, value in pairs(message) do start[key] = value end
			start.headers = with_header(message.headers, "server-timing", "app;dur=" .. ms)
			log.info("timed", { path = scope.path, status = message.status, ms = ms })
			return send(start)
		end)
	end
end

local function mount(prefix, inner, outer)
	return function(scope, receive, send)
		if scope.type ~= "http" then return outer(scope, receive, send) end
		local root = scope.root_path .. prefix
		if scope.path:sub(1, #root + 1) ~= root .. "/" then return outer(scope, receive, send) end
		return inner(lasgi.derive(scope, { root_path = root }), receive, send)
	end
end

local function where(scope, _receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	local below = scope.root_path ~= "" and scope.root_path or "nothing"
	local path = scope.path:sub(#scope.root_path + 1)
	send { type = "http.response.start", status = 200, body = path .. " below " .. below .. "\n" }
end

return timed(mount("/api", where, where))
