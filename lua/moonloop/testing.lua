--- Calls an application in this process, without a socket: for tests, and for the prompt.
--
--     local testing = require "moonloop.testing"
--     local answer = testing.request(app, "GET", "/moon")
--     assert(answer.status == 200)
--
-- The application runs in a task of its own, as it does when it is served. What it sends is checked
-- only as far as it has to be understood; the gateway is stricter.

local errors = require("moonloop.core.errors")
local fsops = require("moonloop.core.fsops")
local lasgi = require("moonloop.core.lasgi")
local queue = require("moonloop.queue")
local sync = require("moonloop.sync")
local task = require("moonloop.task")

local blame = errors.blame

local PIECES = 64 -- of a response that nobody has read; then send waits

local testing = {}

local Call = { __name = "moonloop.test_call" }
Call.__index = Call

-- Headers as an application sees them: an array of pairs, and by name.
local function add_header(headers, name, value)
	name, value = tostring(name):lower(), tostring(value)
	headers[#headers + 1] = { name, value }
	headers[name] = headers[name] and headers[name] .. ", " .. value or value
end

local function read_headers(given)
	local headers = {}
	for name, value in pairs(given or {}) do
		if type(name) == "number" then
			add_header(headers, value[1], value[2])
		elseif type(value) == "table" then
			for _, one in ipairs(value) do
				add_header(headers, name, one)
			end
		else
			add_header(headers, name, value)
		end
	end
	return headers
end

local function unescape(hex)
	return string.char(tonumber(hex, 16))
end

local function make_scope(method, target, options)
	local raw_path, query = target:match("^([^?]*)%??(.*)$")
	local scope = {
		type = "http",
		lasgi = { version = "1.0", spec_version = "1.0" },
		http_version = "1.1",
		method = method,
		scheme = "http",
		path = raw_path:gsub("%%(%x%x)", unescape),
		raw_path = raw_path,
		query_string = query,
		root_path = "",
		headers = read_headers(options.headers),
		client = { "127.0.0.1", 1 },
		server = { "127.0.0.1", 8000 },
		state = {},
		extensions = {},
	}
	for key, value in pairs(options.state or lasgi.state) do
		scope.state[key] = value
	end
	if not scope.headers.host then
		add_header(scope.headers, "host", "127.0.0.1:8000")
	end
	return scope
end

-- The application's side.

local function receive(self, timeout)
	if not self.asked_ then
		self.asked_ = true
		return { type = "http.request", body = self.body_, more_body = false }
	elseif not self.gone_:is_set() and not self.gone_:wait(timeout) then
		return nil, "timeout"
	end
	return { type = "http.disconnect", reason = "closed" }
end

local function text_of(body)
	return type(body) == "table" and table.concat(body) or body or ""
end

local function send(self, message)
	local kind = type(message) == "table" and message.type
	if kind ~= "http.response.start" and kind ~= "http.response.body" then
		blame("send: expected http.response.start or http.response.body, got " .. tostring(kind or type(message)))
	elseif (kind == "http.response.start") == self.started_:is_set() then
		blame(self.started_:is_set() and "send: the response has already been started"
			or "send: http.response.start comes first")
	elseif self.complete_ then
		blame("send: the response is already complete")
	elseif self.gone_:is_set() then
		return nil, "closed"
	end
	if kind == "http.response.start" then
		self.status, self.headers = message.status, read_headers(message.headers)
		self.started_:set()
	end
	local body, more = text_of(message.body), message.more_body
	if kind == "http.response.start" and message.body == nil then
		more = true
	end
	if body ~= "" then
		self.pieces_:put(body)
	end
	if not more then
		self.complete_ = true
		self.pieces_:close()
		self.gone_:set()
	end
	return true
end

local function run(self, app, scope)
	local ok, err = xpcall(app, errors.note, scope, function(timeout)
		return receive(self, timeout)
	end, function(message)
		return send(self, message)
	end)
	if not ok then
		self.failed_, self.error_ = true, err
	end
	self.over_ = true
	self.started_:set()
	self.pieces_:close()
end

-- The client's side.

local function check(self, name)
	if getmetatable(self) ~= Call then
		blame(("%s: expected a call, got a %s; call it as call:%s()"):format(name, type(self), name))
	end
end

local function finish(self, timeout)
	if self.task_:join(timeout) == nil and not self.over_ then
		return nil, "timeout"
	elseif self.failed_ and not (self.left_ and task.is_cancelled(self.error_)) then
		error(self.error_, 0)
	end
	return true
end

--- Suspends until the response was started.
-- @return the call, in which status and headers are now; nil, "timeout"
-- @raise the application's error; "the application ended without a response"
function Call:start(timeout)
	check(self, "start")
	if not self.started_:wait(timeout) then
		return nil, "timeout"
	elseif not self.status then
		finish(self)
		error("the application ended without a response", 0)
	end
	return self
end

--- Suspends until there is more of the body.
-- @return a string; nil at the end; nil, "timeout"
-- @raise the application's error; "the application ended before the end of its response"
function Call:read(timeout)
	check(self, "read")
	local piece, why = self.pieces_:get(timeout)
	if piece == nil and why == "closed" then
		finish(self)
		if not self.complete_ then
			error("the application ended before the end of its response", 0)
		end
		return nil
	end
	return piece, why
end

--- The client leaves: the application is told, and cancelled if it waits for something else. Suspends
-- until it is over.
function Call:close()
	check(self, "close")
	self.left_ = true
	self.gone_:set()
	if not self.over_ then
		self.task_:cancel()
	end
	finish(self)
end

--- Begins a request, for a response that is read piece by piece.
-- @param options {headers = a map or an array of pairs, body = a string, state = instead of what the
-- lifespan made}
-- @return a call with :start([timeout]), :read([timeout]), :close()
function testing.open(app, method, target, options)
	options = fsops.options("testing.open", options)
	if type(method) ~= "string" or type(target) ~= "string" then
		blame("testing.open: method and target must be strings")
	end
	local self = setmetatable({
		status = nil,
		headers = nil,
		body_ = text_of(options.body),
		asked_ = false, -- the application has taken the body
		started_ = sync.event(),
		pieces_ = queue.new(PIECES),
		complete_ = false, -- the response
		gone_ = sync.event(), -- nobody reads any more, or needs to
		left_ = false, -- before the end
		over_ = false, -- the application returned
		failed_ = false,
		error_ = nil,
		task_ = nil,
	}, Call)
	self.task_ = task.spawn(run, self, app, make_scope(method, target, options))
	return self
end

--- Makes a request. Suspends until the application returned.
-- @return {status =, headers = by name in lower case and as an array of pairs, body =}
-- @raise the application's error
function testing.request(app, method, target, options)
	local self = testing.open(app, method, target, options):start()
	local parts, piece = {}, self:read()
	while piece do
		parts[#parts + 1] = piece
		piece = self:read()
	end
	return { status = self.status, headers = self.headers, body = table.concat(parts) }
end

return testing
