--- Puts the script of live reload into HTML that passes by: before the last </body>, or at the end.
--
-- The bytes are looked at as they come. From a "</body" on they are held back, as it may be the last one,
-- until another one comes, the end, or more than HOLD_MAX bytes, which nothing has behind its real
-- </body>. What is not HTML, is compressed, is a part of something (206), has no body, or is fetched by a
-- script (Sec-Fetch-Dest) passes as it is. A content-length that is given grows by what is put in.

local native = require("moonloop.core.ffi")
local fields = require("moonloop.dev.fields")

local inject = {}

local TAG = "</body"
local HOLD_MAX = 16384
local FILE_MAX = 8 * 1024 * 1024

-- Where the last "</body" begins, whatever its case.
local function find_last(text)
	local found
	for at in text:gmatch("()</[bB][oO][dD][yY]") do
		found = at
	end
	return found
end

-- How many bytes at the end may be the beginning of a "</body".
local function partial(text)
	local tail = text:sub(-(#TAG - 1)):lower()
	for n = #tail, 1, -1 do
		if TAG:sub(1, n) == tail:sub(-n) then
			return n
		end
	end
	return 0
end

--- @param markup to put in
-- @return feed(bytes, last): the bytes that may pass now
function inject.filter(markup)
	local held = ""
	return function(bytes, last)
		local text = held .. bytes
		local at = find_last(text)
		if last then
			held = ""
			return at and text:sub(1, at - 1) .. markup .. text:sub(at) or text .. markup
		end
		if at and #text - at >= HOLD_MAX then
			at = nil
		end
		local keep = at and #text - at + 1 or partial(text)
		held = text:sub(#text - keep + 1)
		return text:sub(1, #text - keep)
	end
end

-- A fetch of a page's script, an image and so on gets what the application sent.
local function is_page(scope)
	local dest = scope.headers["sec-fetch-dest"]
	return dest == nil or dest == "document" or dest == "iframe" or dest == "frame"
end

local function is_html(status, headers)
	local kind = fields.get(headers, "content-type")
	return type(kind) == "string" and (kind:lower() .. ";"):find("^%s*text/html%s*;") ~= nil
		and not fields.get(headers, "content-encoding")
		and status ~= 204 and status ~= 304 and status ~= 206
end

-- A string or an array of strings; anything else is the gateway's to refuse.
local function joined(body)
	if type(body) ~= "table" then
		return type(body) == "string" and body or nil
	end
	for i = 1, #body do
		if type(body[i]) ~= "string" then
			return nil
		end
	end
	return (#body > 0 or next(body) == nil) and table.concat(body) or nil
end

local function with(message, changes)
	return setmetatable(changes, { __index = message })
end

-- nil: it cannot be read, or is so large that nobody reads it as a page.
local function read_fd(fd)
	local size = native.C.ml_ex_file_size(fd)
	local file = size >= 0 and size <= FILE_MAX and io.open("/proc/self/fd/" .. fd, "rb")
	if not file then
		return nil
	end
	local text = file:read("*a")
	file:close()
	return text
end

-- Files are sent by the kernel: to put something in, this one is read instead.
local function send_file(state, send, message)
	local text
	if type(message.fd) == "number" then
		text = read_fd(message.fd)
	elseif type(message.path) == "string" and (message.root == nil or type(message.root) == "string") then
		local pool = require("moonloop.core.pool")
		local fd = pool.run(pool.OPEN_FILE, (message.root or "") .. "\0" .. message.path)
		if fd then
			text = read_fd(fd)
			native.C.ml_ex_close_fd(fd)
		end
	end
	if not text then
		return send(message) -- which tells what is wrong with it
	end
	if message.fd then
		native.C.ml_ex_close_fd(message.fd)
	end
	return send({ type = "http.response.body", body = state.feed(text, true) })
end

local function send_start(state, scope, send, message, markup)
	local headers = message.headers
	state.feed = nil
	if not is_page(scope) or not fields.is_fields(headers) or not is_html(message.status, headers) then
		return send(message)
	end
	state.feed = inject.filter(markup)
	local changes = {
		headers = fields.map(headers, "content-length", function(length)
			local n = tonumber(length)
			return n and ("%d"):format(n + #markup) or length
		end),
	}
	local body = joined(message.body)
	if body then
		changes.body = state.feed(body, not message.more_body)
	end
	return send(with(message, changes))
end

local function send_body(state, send, message)
	local body = message.body == nil and "" or joined(message.body)
	if not state.feed or not body then
		return send(message)
	end
	return send(with(message, { body = state.feed(body, not message.more_body) }))
end

local CONTENT = { ["http.response.body"] = true, ["http.response.file"] = true }

--- A send for the application around the gateway's.
-- @param markup to put into pages
-- @return send; a table whose field `begun` tells whether a part of the response went out
function inject.wrap(scope, send, markup)
	local state = { begun = false, feed = nil }
	local function pass(message)
		local kind = message.type
		if kind == "http.response.start" then
			return send_start(state, scope, send, message, markup)
		elseif kind == "http.response.body" then
			return send_body(state, send, message)
		elseif kind == "http.response.file" and state.feed and not message.offset and not message.length then
			return send_file(state, send, message)
		end
		return send(message)
	end
	return function(message)
		if type(message) ~= "table" then
			return send(message)
		end
		local ok, code, detail = pass(message)
		if ok and (CONTENT[message.type] or message.body ~= nil) then
			state.begun = true
		end
		return ok, code, detail
	end, state
end

return inject
