--- Routes that many tests share. Parameters are numbers in the query: /sleep?ms=200
local lasgi = require "moonloop.lasgi"
local moonloop = require "moonloop"
local task = require "moonloop.task"
local worker = require "moonloop.worker"

local BLOCK = ("0123456789abcdef"):rep(4096) -- 64 KiB

local KEYS = { "method", "http_version", "scheme", "path", "raw_path", "query_string", "root_path" }
local TEXT = { ["content-type"] = "text/plain" }

local function number(scope, name, default)
	return tonumber(scope.query_string:match(name .. "=(%d+)")) or default
end

local function whole(send, status, body)
	return send { type = "http.response.start", status = status, headers = TEXT, body = body }
end

-- Calls fn with each piece of the request body; false when the client left.
local function each_piece(receive, fn)
	local message
	repeat
		message = receive()
		if message.type == "http.disconnect" then return false end
		fn(message.body)
	until not message.more_body
	return true
end

local routes = {}

routes["/hello"] = function(_, _, send) whole(send, 200, "hello\n") end

routes["/pid"] = function(_, _, send) whole(send, 200, worker.info().pid .. "\n") end

routes["/info"] = function(_, _, send)
	collectgarbage()
	local lines = {}
	for key, value in pairs(worker.info()) do
		if type(value) == "number" then lines[#lines + 1] = key .. "=" .. value end
	end
	whole(send, 200, table.concat(lines, "\n"))
end

routes["/shielded"] = function()
	task.shield(moonloop.sleep, 60)
end

routes["/sleep"] = function(scope, _, send)
	moonloop.sleep(number(scope, "ms", 100) / 1000)
	whole(send, 200, "slept\n")
end

-- Reads the body at the speed of the client and counts it.
routes["/count"] = function(_, receive, send)
	local bytes = 0
	local all = each_piece(receive, function(piece) bytes = bytes + #piece end)
	if all then whole(send, 200, bytes .. " bytes\n") end
end

-- Echoes each piece when it comes.
routes["/echo"] = function(scope, receive, send)
	local headers = { ["x-length"] = scope.headers["content-length"] or "none" }
	send { type = "http.response.start", status = 200, headers = headers }
	local whole_body = each_piece(receive, function(piece)
		send { type = "http.response.body", body = piece, more_body = true }
	end)
	if whole_body then send { type = "http.response.body" } end
end

-- Streams so many bytes, in blocks.
routes["/big"] = function(scope, _, send)
	local left = number(scope, "bytes", 1000000)
	local headers = scope.query_string:find("length", 1, true) and { ["content-length"] = tostring(left) }
	send { type = "http.response.start", status = 200, headers = headers }
	while left > 0 do
		local block = left >= #BLOCK and BLOCK or BLOCK:sub(1, left)
		left = left - #block
		if not send { type = "http.response.body", body = block, more_body = left > 0 } then return end
	end
end

-- As many bytes in one message, as a string or as an array of strings.
routes["/whole"] = function(scope, _, send)
	local text = ("0123456789"):rep(number(scope, "bytes", 10) / 10)
	whole(send, 200, scope.query_string:find("array", 1, true) and { text, text } or text)
end

-- Answers without reading the body.
routes["/ignore"] = function(_, _, send) whole(send, 200, "ignored\n") end

-- What the application was told, a line for each key.
routes["/scope"] = function(scope, _, send)
	local function address(a) return a and table.concat(a, " ") or "nil" end
	local lines = {}
	for _, key in ipairs(KEYS) do
		lines[#lines + 1] = key .. "=" .. scope[key]
	end
	lines[#lines + 1] = "client=" .. address(scope.client)
	lines[#lines + 1] = "server=" .. address(scope.server)
	for _, field in ipairs(scope.headers) do lines[#lines + 1] = field[1] .. ": " .. field[2] end
	whole(send, 200, table.concat(lines, "\n") .. "\n")
end

routes["/status"] = function(scope, _, send) whole(send, number(scope, "code", 200), "body\n") end

return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	local route = routes[scope.path]
	if not route and scope.path:sub(1, 7) == "/scope/" or scope.path == "*" then route = routes["/scope"] end
	if not route then return whole(send, 404, "nothing here\n") end
	route(scope, receive, send)
end
