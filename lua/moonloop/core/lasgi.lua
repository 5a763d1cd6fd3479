--- An exchange as `scope, receive, send`: the LASGI contract for http.
-- Hot: fresh closures per request (so that nothing of a request can be used by the next one), no
-- other allocation but the scope table and the messages.

local native = require("moonloop.core.ffi")
local c_functions = require("moonloop.core.native")
local errors = require("moonloop.core.errors")
local log = require("moonloop.log")
local waits = require("moonloop.core.wait")

local C, codes = native.C, native.codes
local send_start, send_body = c_functions.start, c_functions.body
local native_trailers, read = c_functions.trailers, c_functions.read
local AGAIN, SHUTDOWN, GONE, CLOSED = codes.AGAIN, codes.SHUTDOWN, codes.GONE, codes.CLOSED
local begin, nap, stopped, wait = waits.begin, waits.nap, waits.stop, waits.wait
local blame = errors.blame
local type, pairs, tostring = type, pairs, tostring

local LASGI = { version = "1.0", spec_version = "1.0" }

-- What ml_ex_offers answers → scope.extensions.
local EXTENSIONS = {}
for mask = 0, 7 do
	local function offer(flag)
		return bit.band(mask, flag) ~= 0 and {} or nil
	end
	EXTENSIONS[mask] = {
		["http.response.file"] = offer(C.ML_OFFERS_FILE),
		["http.response.early_hint"] = offer(C.ML_OFFERS_HINT),
		["http.response.trailers"] = offer(C.ML_OFFERS_TRAILERS),
	}
end

local lasgi = {
	--- set by core.boot: --root-path, and the table that the lifespan filled
	root_path = "",
	state = {},
	--- what the file of the application returned, and what is called for a request: with moonloop dev
	-- something stands around it
	app = nil,
	entry = nil,
}

-- Scope.

local text = c_functions.text

local makers = {
	lasgi = function()
		return LASGI
	end,
	extensions = function(ex)
		return EXTENSIONS[C.ml_ex_offers(ex)]
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
			blame("scope." .. key .. " is first read after its request ended: read it while the request runs")
		end
		scope[key] = value
		return value
	end,
}

-- Receive.

local GONE_REASONS = { [0] = "closed", "closed", "timeout", "too_large", "shutdown" }

local function disconnect(ex, rc)
	local reason = rc == SHUTDOWN and "shutdown" or GONE_REASONS[C.ml_ex_gone(ex)]
	return { type = "http.disconnect", reason = reason }
end

-- A receive that waits hears of the disconnection as a message; only who is cancelled while the
-- client is still there (a task that the request spawned) is stopped by an error.
local function receive_slow(ex, timeout)
	local due, stop = timeout and C.ml_now() + timeout, begin()
	local body, more
	repeat
		if stop == 0 then
			stop = nap(due)
		end
		body, more = read(ex)
		if more == AGAIN and stop ~= 0 then
			return stopped(stop)
		end
	until body or more ~= AGAIN
	if not body then
		return disconnect(ex, more)
	end
	return { type = "http.request", body = body, more_body = more }
end

waits.names[receive_slow] = "receive"

local function receive(ex, timeout)
	if timeout ~= nil and type(timeout) ~= "number" then
		blame("receive: timeout must be a number of seconds, got " .. type(timeout), lasgi.app)
	end
	local body, more = read(ex)
	if body then
		return { type = "http.request", body = body, more_body = more }
	elseif more ~= AGAIN then
		return disconnect(ex, more)
	end
	return receive_slow(ex, timeout)
end

-- Send.
-- Nothing here counts stack levels: what the application did wrong is raised by `blame`.

local function wrong(what)
	blame(what, lasgi.app)
end

-- rc < 0 → nil, "closed", or raises what the application did wrong.
local function refuse(rc, out_of_order, what)
	if rc == CLOSED or rc == GONE then
		return nil, "closed"
	end
	wrong(rc == codes.STATE and out_of_order or what or native.name(rc))
end

-- Goes on behind what was taken, a piece at a time. Ask first, wait second: only a write that says
-- AGAIN is told when there is room. The wait raises on cancellation.
local function write_rest(ex, body, last, taken)
	local n = #body
	while taken < n do
		local rc = C.ml_ex_write(ex, body, n, taken, last and 1 or 0)
		if rc >= 0 then
			taken = taken + rc
		elseif rc == AGAIN then
			wait()
		else
			return refuse(rc, "another task has ended the response while this send was waiting")
		end
	end
	return true
end

waits.names[write_rest] = "send"

local senders = {}

senders["http.response.trailers"] = function(ex, message)
	local result, code = native_trailers(ex, message.headers)
	if type(result) == "string" then
		wrong("http.response.trailers: " .. result)
	end
	return result, code
end

senders["http.response.early_hint"] = function(ex, message)
	local links = message.links
	if type(links) == "table" then
		for i = 1, #links do
			if type(links[i]) ~= "string" then
				wrong(("http.response.early_hint: links[%d] must be a string, got %s"):format(i, type(links[i])))
			end
		end
		links = table.concat(links, ", ")
	end
	if type(links) ~= "string" or links == "" then
		wrong("http.response.early_hint: links must be a string or an array of strings, got "
			.. (links == "" and "none" or type(links)))
	end
	local rc = C.ml_ex_hint(ex, links, #links)
	if rc < 0 then
		return refuse(rc, "an early hint comes before http.response.start",
			"http.response.early_hint: links has a control character")
	end
	return true
end

senders["http.response.file"] = function(ex, message)
	return require("moonloop.core.sendfile")(ex, message, refuse)
end

local function send_other(ex, message)
	local kind = message.type
	local sender = senders[kind]
	if sender == nil then
		wrong(kind == nil and "send: the message has no type" or "send: unknown message type " .. tostring(kind))
	end
	return sender(ex, message)
end

local function send(ex, message)
	if type(message) ~= "table" then
		wrong("send: expected a message (a table), got " .. type(message))
	end
	local kind = message.type
	local result, a, b, c
	if kind == "http.response.start" then
		result, a, b, c = send_start(ex, message.status, message.headers, message.body, message.more_body,
			message.trailers)
	elseif kind == "http.response.body" then
		result, a, b, c = send_body(ex, message.body, message.more_body)
	else
		return send_other(ex, message)
	end
	if result == true then
		return true
	elseif result == nil then
		return nil, a
	elseif result == false then
		return write_rest(ex, a, b, c)
	end
	wrong(result)
end

-- One request.

--- Runs the application for one exchange.
function lasgi.run(ex)
	-- The nils make room in the table for what is read most, so that it does not grow then.
	local scope = setmetatable({
		type = "http",
		exchange_ = ex,
		method = nil,
		path = nil,
		query_string = nil,
		headers = nil,
	}, Scope)
	lasgi.entry(scope, function(timeout)
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
