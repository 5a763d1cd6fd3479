--- An exchange as `scope, receive, send`: the LASGI contract for http.
-- Hot: fresh closures per request (so that nothing of a request can be used by the next one), no
-- other allocation but the scope table and the messages.

local native = require("moonloop.core.ffi")
local c_functions = require("moonloop.core.native")
local log = require("moonloop.log")
local task = require("moonloop.core.task")

local C, codes = native.C, native.codes
local native_send, read = c_functions.send, c_functions.read
local AGAIN, SHUTDOWN, GONE, CLOSED = codes.AGAIN, codes.SHUTDOWN, codes.GONE, codes.CLOSED
local park, wait = task.park, task.wait
local type, error, pairs, tostring = type, error, pairs, tostring

local LASGI = { version = "1.0", spec_version = "1.0" }
local EXTENSIONS = {
	["http.response.trailers"] = {},
	["http.response.early_hint"] = {},
	["http.response.file"] = {},
}

local lasgi = {
	--- set by core.boot: --root-path, and the table that the lifespan filled
	root_path = "",
	state = {},
}

-- ---- scope --------------------------------------------------------------------------------------

local text = c_functions.text

local makers = {
	lasgi = function()
		return LASGI
	end,
	extensions = function()
		return EXTENSIONS
	end,
	root_path = function()
		return lasgi.root_path
	end,
	method = function(ex)
		return text(ex, C.ML_METHOD)
	end,
	path = function(ex)
		return text(ex, C.ML_PATH)
	end,
	raw_path = function(ex)
		return text(ex, C.ML_RAW_PATH)
	end,
	query_string = function(ex)
		return text(ex, C.ML_QUERY)
	end,
	scheme = function(ex)
		return text(ex, C.ML_SCHEME)
	end,
	http_version = function(ex)
		return text(ex, C.ML_VERSION)
	end,
	headers = c_functions.headers,
	client = function(ex)
		return c_functions.address(ex, "client")
	end,
	server = function(ex)
		return c_functions.address(ex, "server")
	end,
	state = function()
		local copy = {}
		for k, v in pairs(lasgi.state) do
			copy[k] = v
		end
		return copy
	end,
}

-- A key is made when it is first read, and stays: reading it again is a plain table access.
local Scope = {
	__index = function(scope, key)
		local make = makers[key]
		if make == nil then
			return nil
		end
		local value = make(scope.exchange_)
		if value == nil and key ~= "client" then
			error("scope." .. key .. " is first read after its request ended: read it while the request runs", 2)
		end
		scope[key] = value
		return value
	end,
}

-- ---- receive ------------------------------------------------------------------------------------

local GONE_REASONS = { [0] = "closed", "closed", "timeout", "too_large", "shutdown" }

local function disconnect(ex, rc)
	local reason = rc == SHUTDOWN and "shutdown" or GONE_REASONS[C.ml_ex_gone(ex)]
	return { type = "http.disconnect", reason = reason }
end

-- A receive that waits is not cancelled: it hears of the disconnection as a message.
local function receive_slow(ex, timeout)
	local due = timeout and C.ml_now() + timeout
	local body, more
	repeat
		if due then
			local left = due - C.ml_now()
			if left <= 0 then
				C.ml_task_alarm(-1)
				return nil, "timeout"
			end
			C.ml_task_alarm(left)
		end
		park()
		body, more = read(ex)
	until body or more ~= AGAIN
	if due then
		C.ml_task_alarm(-1)
	end
	if not body then
		return disconnect(ex, more)
	end
	return { type = "http.request", body = body, more_body = more }
end

local function receive(ex, timeout)
	local body, more = read(ex)
	if body then
		return { type = "http.request", body = body, more_body = more }
	elseif more ~= AGAIN then
		return disconnect(ex, more)
	elseif timeout ~= nil and type(timeout) ~= "number" then
		error("receive: timeout must be a number of seconds, got " .. type(timeout), 2)
	end
	return receive_slow(ex, timeout)
end

-- ---- send ---------------------------------------------------------------------------------------
-- `send` is tail-called from the application's closure, so that level 2 is the application's line.

-- rc < 0 → nil, "closed", or raises what the application did wrong.
local function refuse(rc, out_of_order, what, level)
	if rc == CLOSED or rc == GONE then
		return nil, "closed"
	end
	error(rc == codes.STATE and out_of_order or what or native.name(rc), level + 1)
end

-- The queue was full: wait for room, go on behind what was taken. The wait raises on cancellation.
local function write_rest(ex, body, last, taken)
	local n = #body
	while taken < n do
		wait()
		local rc = C.ml_ex_write(ex, body, n, taken, last and 1 or 0)
		if rc >= 0 then
			taken = taken + rc
		elseif rc ~= AGAIN then
			return refuse(rc, "the response is already complete", nil, 2)
		end
	end
	return true
end

local senders = {}

senders["http.response.trailers"] = function(ex, message, level)
	local headers = message.headers or {}
	if type(headers) ~= "table" then
		error("http.response.trailers: headers must be a table, got " .. type(headers), level + 1)
	end
	for key, value in pairs(headers) do
		local name = key
		if type(value) == "table" then
			name, value = value[1], value[2]
		end
		if type(name) ~= "string" or type(value) ~= "string" then
			error("http.response.trailers: names and values must be strings", level + 1)
		end
		local rc = C.ml_ex_trailer(ex, name, #name, value, #value)
		if rc < 0 then
			return refuse(rc, "trailers come after the last piece of body, announced by trailers = true",
				("trailer %q is refused: %s"):format(name, native.name(rc)), level + 1)
		end
	end
	local rc = C.ml_ex_end_trailers(ex)
	if rc < 0 then
		return refuse(rc, "trailers come after the last piece of body, announced by trailers = true", nil, level + 1)
	end
	return true
end

senders["http.response.early_hint"] = function(ex, message, level)
	local links = message.links
	if type(links) == "table" then
		links = table.concat(links, ", ")
	end
	if type(links) ~= "string" then
		error("http.response.early_hint: links must be a string or an array of strings", level + 1)
	end
	local rc = C.ml_ex_hint(ex, links, #links)
	if rc < 0 then
		return refuse(rc, "an early hint comes before http.response.start",
			"http.response.early_hint: links has a control character", level + 1)
	end
	return true
end

senders["http.response.file"] = function(ex, message, level)
	return require("moonloop.core.sendfile")(ex, message, refuse, level + 1)
end

local function send_other(ex, message)
	local sender = senders[message.type]
	if sender == nil then
		error("send: unknown message type " .. tostring(message.type), 2)
	end
	return sender(ex, message, 1)
end

local function send(ex, message)
	local result, a, b, c = native_send(ex, message)
	if result == true then
		return true
	elseif result == nil then
		return nil, a
	elseif result == false then
		return write_rest(ex, a, b, c)
	elseif result == 0 then
		return send_other(ex, message)
	end
	error(result, 2)
end

-- ---- one request --------------------------------------------------------------------------------

--- Runs the application for one exchange.
function lasgi.run(ex)
	local scope = setmetatable({ type = "http", exchange_ = ex }, Scope)
	lasgi.app(scope, function(timeout)
		return receive(ex, timeout)
	end, function(message)
		return send(ex, message)
	end)
end

--- One record in the error log for an application that raised.
function lasgi.log_error(ex, traceback)
	log.error("app.error", {
		method = text(ex, C.ML_METHOD),
		path = text(ex, C.ML_PATH),
		traceback = traceback,
	})
end

return lasgi
