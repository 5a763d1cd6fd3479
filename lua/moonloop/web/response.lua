--- What a handler returns, and how it becomes messages.
--
-- a string                  200, text/plain
-- a table                   200, JSON
-- nothing                   204
-- a function                200, a stream: called with write(data) until it returns nil; strings
--                           that it returns are written too, so an iterator will do
-- a number, body, headers   that status; the body is one of the above
-- a response                made by web.response, web.html, web.json, web.redirect, web.file, ...
--
-- Hot: send().

local cookies = require("moonloop.web.cookies")
local encode -- moonloop.json, when first needed

local type, getmetatable, setmetatable, pairs = type, getmetatable, setmetatable, pairs

local response = {}

local Response = { __name = "moonloop.response" }
Response.__index = Response

local TEXT = "text/plain; charset=utf-8"
local HTML = "text/html; charset=utf-8"
local JSON = "application/json"

local TAG_CHARS = 22 -- 132 bits of a hash

local function new(status, body, headers)
	return setmetatable({ status = status, body = body, headers = headers or {} }, Response)
end

local function to_json(value)
	encode = encode or require("moonloop.json").encode
	return encode(value)
end

-- Field names are looked up in lower case.
local function lower_keys(headers)
	local lower = {}
	for name, value in pairs(headers) do
		lower[type(name) == "string" and name:lower() or name] = value
	end
	return lower
end

local function blame(level, what, ...)
	error(what:format(...), level + 1)
end

local function typed(status, body, headers, content_type)
	headers = headers and lower_keys(headers) or {}
	headers["content-type"] = headers["content-type"] or content_type
	return new(status, body, headers)
end

--- A response with that status, body (a string, a table for JSON, a function for a stream, or nil)
-- and headers (name → a string, or an array of strings).
function response.make(status, body, headers)
	local kind = type(body)
	if type(status) ~= "number" or status < 200 or status > 599 or status % 1 ~= 0 then
		blame(2, "a response's status must be an integer from 200 to 599, got %s", tostring(status))
	elseif headers ~= nil and type(headers) ~= "table" then
		blame(2, "a response's headers must be a table, got a %s", type(headers))
	elseif getmetatable(body) == Response then
		body.status = status
		for name, value in pairs(headers or {}) do
			body:header(name, value)
		end
		return body
	elseif kind == "table" then
		return typed(status, to_json(body), headers, JSON)
	elseif kind == "string" then
		return typed(status, body, headers, TEXT)
	elseif kind == "nil" or kind == "function" then
		local res = new(status, nil, headers and lower_keys(headers))
		res.stream = body
		return res
	end
	blame(2, "a response's body must be a string, a table, a function or nil, got a %s", kind)
end

--- HTML: the text is sent as it is, so escape what comes from others.
function response.html(text, status)
	return typed(status or 200, text, nil, HTML)
end

function response.text(text, status)
	return typed(status or 200, text, nil, TEXT)
end

--- Any value as JSON, also a string, a number, true or json.null.
function response.json(value, status)
	return typed(status or 200, to_json(value), nil, JSON)
end

--- A redirect. 303 by default: the client gets the other place, whatever this request was.
-- @param location must not come unchecked from a request
function response.redirect(location, status)
	return new(status or 303, nil, { location = location })
end

--- A stream: fn is called with write(data), as in a handler that returns a function.
function response.stream(fn, content_type, status)
	local res = typed(status or 200, nil, nil, content_type or "application/octet-stream")
	res.stream = fn
	return res
end

function response.is(value)
	return getmetatable(value) == Response
end

--- Sets a field of the head, in place of what was there. nil removes it.
-- @return the response
function Response:header(name, value)
	self.headers[name:lower()] = value
	return self
end

--- Adds a field beside those of the same name.
-- @return the response
function Response:add_header(name, value)
	name = name:lower()
	local there = self.headers[name]
	if there == nil then
		self.headers[name] = value
	elseif type(there) == "table" then
		there[#there + 1] = value
	else
		self.headers[name] = { there, value }
	end
	return self
end

--- Adds a field name to Vary (RFC 9110 12.5.5), once.
-- @return the response
function Response:vary(name)
	local there = self.headers.vary
	if not there then
		self.headers.vary = name
	elseif not (", " .. there:lower() .. ","):find(", " .. name:lower() .. ",", 1, true) then
		self.headers.vary = there .. ", " .. name
	end
	return self
end

--- Adds an entity tag (RFC 9110 8.8.3): who has that version gets 304 from web.conditional.
-- @param tag a text without quotes; nil: made from the body, which must be a string
-- @param weak true: the content may differ, but means the same
-- @return the response
function Response:etag(tag, weak)
	if tag == nil and type(self.body) == "string" then
		tag = require("moonloop.crypto").sha256(self.body, "base64url"):sub(1, TAG_CHARS)
	elseif type(tag) ~= "string" or tag:find('[%c" \127-\255]') then
		blame(2, "res:etag: expected a text of printable ASCII without quotes, got %s", tostring(tag))
	end
	return self:header("etag", (weak and 'W/"' or '"') .. tag .. '"')
end

--- Sets a cookie: moonloop.web.cookies says which options there are.
-- @return the response
function Response:cookie(name, value, options)
	local ok, field = pcall(cookies.format, name, value, options)
	if not ok then
		error(field, 2)
	end
	return self:add_header("set-cookie", field)
end

--- Makes the client forget a cookie. Path and domain must be those it was set with.
-- @return the response
function Response:delete_cookie(name, options)
	local gone = { max_age = 0, expires = 0 }
	for key, value in pairs(options or {}) do
		gone[key] = value
	end
	return self:cookie(name, "", gone)
end

--- The response that a handler's results mean.
function response.of(first, second, third)
	local kind = type(first)
	if getmetatable(first) == Response then
		return first
	elseif kind == "number" then
		return response.make(first, second, third)
	elseif first == nil then
		return new(204, nil, {})
	end
	return response.make(200, first)
end

--- A copy, for what belongs to one client: the application may keep the response and return it again.
function response.own(res)
	local copy, headers = {}, {}
	for key, value in pairs(res) do
		copy[key] = value
	end
	for name, value in pairs(res.headers) do
		headers[name] = type(value) == "table" and { unpack(value) } or value
	end
	copy.headers = headers
	return setmetatable(copy, Response)
end

--- Header fields as an array of {name, value} pairs.
-- @param headers name → value or array of values; or such an array already
function response.pairs(headers)
	if #headers > 0 then
		return headers
	end
	local list = {}
	for name, value in pairs(headers) do
		for _, one in ipairs(type(value) == "table" and value or { value }) do
			list[#list + 1] = { name, one }
		end
	end
	return list
end

local function send_stream(res, send)
	local alive = send({ type = "http.response.start", status = res.status, headers = res.headers })
	local function write(data)
		local ok, code = send({ type = "http.response.body", body = data, more_body = true })
		alive = ok
		return ok, code
	end
	local stream = res.stream
	while alive do
		local data = stream(write)
		if data == nil then
			break
		end
		write(data)
	end
	send({ type = "http.response.body" })
end

local function send_response(req, res, send)
	if res.deliver then -- a response of another kind: a file, a mounted application
		return res.deliver(res, req, send)
	elseif res.stream and req.method ~= "HEAD" then
		return send_stream(res, send)
	end
	send({
		type = "http.response.start",
		status = res.status,
		headers = res.headers,
		body = res.body or "",
	})
end

--- Sends what a handler returned.
function response.send(req, send, first, second, third)
	local kind = type(first)
	if kind == "string" then
		send({ type = "http.response.start", status = 200, headers = { ["content-type"] = TEXT }, body = first })
	elseif kind == "table" and getmetatable(first) ~= Response then
		send({
			type = "http.response.start",
			status = 200,
			headers = { ["content-type"] = JSON },
			body = to_json(first),
		})
	else
		send_response(req, response.of(first, second, third), send)
	end
end

return response
