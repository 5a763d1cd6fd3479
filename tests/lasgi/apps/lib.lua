--- What the applications of this suite share: routes, and values as JSON.

local lasgi = require("moonloop.lasgi")
local worker = require("moonloop.worker")

local lib = {}

local function quote(text)
	return '"' .. text:gsub('[%c"\\\127-\255]', function(c)
		return ("\\u%04x"):format(c:byte())
	end) .. '"'
end

--- A value as JSON: arrays by their length, bytes as the characters U+0000 to U+00FF.
function lib.json(value)
	if type(value) == "string" then
		return quote(value)
	elseif type(value) ~= "table" then
		return value == nil and "null" or tostring(value)
	end
	local parts = {}
	if #value > 0 then
		for i = 1, #value do
			parts[i] = lib.json(value[i])
		end
		return "[" .. table.concat(parts, ",") .. "]"
	end
	for key, item in pairs(value) do
		parts[#parts + 1] = quote(tostring(key)) .. ":" .. lib.json(item)
	end
	return "{" .. table.concat(parts, ",") .. "}"
end

--- Answers with a value as JSON.
function lib.answer(send, value)
	send({ type = "http.response.start", status = 200, body = lib.json(value) })
end

-- What the driver looks at in the end: nothing may be left over.
local function info(send)
	local lines = {}
	for key, value in pairs(worker.info()) do
		lines[#lines + 1] = type(value) == "number" and ("%s=%.17g"):format(key, value) or nil
	end
	send({ type = "http.response.start", status = 200, body = table.concat(lines, "\n") })
end

--- An application of path → handler(scope, receive, send).
function lib.routes(routes)
	return function(scope, receive, send)
		if scope.type ~= "http" then
			error(lasgi.unsupported)
		end
		local route = routes[scope.path] or routes["*"]
		if scope.path == "/info" then
			info(send)
		elseif route then
			route(scope, receive, send)
		else
			send({ type = "http.response.start", status = 404, body = "" })
		end
	end
end

return lib
