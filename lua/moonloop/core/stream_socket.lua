--- A connected stream socket: TCP or unix, with TLS or without. Made by moonloop.socket and by listeners.
-- Hot: read and write make no closures and no FFI calls.

local native = require("moonloop.core.ffi")
local verbs = require("moonloop.core.native").socket
local checks = require("moonloop.core.checks")
local co = require("moonloop.core.coroutine")
local errors = require("moonloop.core.errors")
local socket_wait = require("moonloop.core.socket_wait")
local tls_context = require("moonloop.core.tls_context")
local waits = require("moonloop.core.wait")

local C, ffi, piece = native.C, native.ffi, native.piece
local AGAIN, GONE = native.codes.AGAIN, native.codes.GONE
local blame, park = errors.blame, co.park
local refused, call = socket_wait.refused, socket_wait.call
local raw_read, raw_read_until, raw_write = verbs.read, verbs.read_until, verbs.write
local getmetatable = getmetatable

-- enum socket_option
local NODELAY, KEEPALIVE = 0, 1

local LINE_MAX = 64 * 1024 -- bytes
local ALL_MAX = 64 * 1024 * 1024
local READ_TIMEOUT, WRITE_TIMEOUT, HANDSHAKE_TIMEOUT = 60, 60, 10 -- seconds

local Socket = { __name = "moonloop.socket", kind_ = "socket" }
Socket.__index = Socket

ffi.metatype("ml_socket", {
	__gc = function(socket)
		C.ml_socket_close(socket.id)
	end,
})

local stream_socket = {
	meta = Socket,
	--- The options that every stream has; a name may stand in options of connect and listen.
	OPTIONS = {
		read_timeout = "number", write_timeout = "number", line_max = "number", all_max = "number",
		nodelay = "boolean", keepalive = "number",
	},
}

--- Checks those options.
function stream_socket.check(name, o)
	checks.seconds(name, "read_timeout", o.read_timeout)
	checks.seconds(name, "write_timeout", o.write_timeout)
	checks.integer(name, "line_max", o.line_max, 1, 2 ^ 31)
	checks.integer(name, "all_max", o.all_max, 1, 2 ^ 31)
	checks.integer(name, "keepalive", o.keepalive, 0, 32767)
end

--- Options known by several lists of names.
function stream_socket.known(...)
	local known = {}
	for _, list in ipairs({ ... }) do
		for name, types in next, list do
			known[name] = types
		end
	end
	return known
end

--- An object for a handle. It closes the handle when it is collected.
-- @param id of a socket, or a cdata that has one already
-- @param address for the details of errors
-- @param o options that were checked
function stream_socket.new(id, address, o)
	local handle = type(id) == "number" and ffi.new("ml_socket", id) or id
	id = handle.id
	if o.nodelay == false then
		C.ml_socket_set(id, NODELAY, 0)
	end
	if o.keepalive then
		C.ml_socket_set(id, KEEPALIVE, o.keepalive)
	end
	return setmetatable({
		id_ = id,
		handle_ = handle,
		address = address,
		own_ = false, -- its own address and the peer's, where they are not what the system says
		peer_ = false,
		read_timeout_ = o.read_timeout or READ_TIMEOUT,
		write_timeout_ = o.write_timeout or WRITE_TIMEOUT,
		line_max_ = o.line_max or LINE_MAX,
		all_max_ = o.all_max or ALL_MAX,
		failed_ = false, -- a read or write ended early
		place_ = false, -- in a pool (core/socket_pool.lua)
	}, Socket)
end

--- Reads what is there or waits for it. Suspends.
-- @param what "some" (the default): what is there, a byte at least; a number: exactly so many bytes;
-- "line": up to the next LF, without it and without a CR in front of it; "all": until the end
-- @param timeout in seconds; nil: the socket's read_timeout
-- @return a string; nil, code, detail: "closed" at the end, "timeout", "too_large", "reset", "gone", …
-- Whatever the code: bytes that came are not lost, and can be read by the next call.
function Socket:read(what, timeout)
	if getmetatable(self) ~= Socket then
		checks.self(self, Socket, "read")
	end
	local max = what == "all" and self.all_max_ or self.line_max_
	timeout = timeout or self.read_timeout_
	local bytes, code, more = raw_read(self.id_, timeout, nil, what, max)
	while code == AGAIN do
		park()
		bytes, code, more = raw_read(self.id_, timeout, more, what, max)
	end
	if bytes ~= nil then
		return bytes
	end
	return refused(self, "read", code, more, timeout)
end
waits.names[Socket.read] = "socket:read"

local UNTIL_OPTIONS = { max = "number", timeout = "number", keep = "boolean" }

--- Reads up to a delimiter. Suspends.
-- @param options max: the longest answer, the delimiter counted; timeout; keep: the delimiter stays
-- @return a string; nil, code, detail: as read
function Socket:read_until(delimiter, options)
	checks.self(self, Socket, "read_until")
	if type(delimiter) ~= "string" or delimiter == "" then
		blame("socket:read_until: delimiter must be a string that is not empty, got " .. tostring(delimiter))
	end
	local o = checks.options("socket:read_until", options, UNTIL_OPTIONS)
	local max = checks.integer("socket:read_until", "max", o.max, #delimiter, 2 ^ 31, self.line_max_)
	local timeout = o.timeout or self.read_timeout_
	local bytes, code, more = raw_read_until(self.id_, timeout, nil, delimiter, max, o.keep)
	while code == AGAIN do
		park()
		bytes, code, more = raw_read_until(self.id_, timeout, more, delimiter, max, o.keep)
	end
	if bytes ~= nil then
		return bytes
	end
	return refused(self, "read", code, more, timeout)
end
waits.names[Socket.read_until] = "socket:read_until"

--- An iterator over the lines, until the end. Each step suspends. Bytes behind the last LF stay.
-- @raise what else ended it, at the loop's line
function Socket:lines()
	checks.self(self, Socket, "lines")
	return function()
		local line, code, detail = self:read("line")
		if line == nil and code ~= "closed" then
			blame(("socket:lines: %s (%s)"):format(detail, code))
		end
		return line
	end
end

--- Writes all of it. Suspends while the peer does not take it.
-- @param data a string, or an array of strings and numbers, which are not put together first
-- @param timeout in seconds; nil: the socket's write_timeout
-- @return true; nil, code, detail: "closed", "reset", "timeout", "gone", …; the detail says how many bytes
-- the system had taken
function Socket:write(data, timeout)
	if getmetatable(self) ~= Socket then
		checks.self(self, Socket, "write")
	end
	timeout = timeout or self.write_timeout_
	local ok, code, more, index, offset, taken = raw_write(self.id_, timeout, nil, data)
	while code == AGAIN do
		park()
		ok, code, more, index, offset, taken = raw_write(self.id_, timeout, more, data, index, offset, taken)
	end
	if ok then
		return true
	end
	local _, name, detail = refused(self, "write", code, more, timeout)
	return nil, name, ("%s; %d bytes were taken"):format(detail, taken or 0)
end
waits.names[Socket.write] = "socket:write"

--- Says that nothing more will be written; the peer reads the end, and can still write. Suspends, over TLS.
-- @return true; nil, code, detail
function Socket:shutdown(timeout)
	checks.self(self, Socket, "shutdown")
	local ok, code, detail = call(self, "shutdown", verbs.shutdown, timeout or self.write_timeout_)
	return ok, code, detail -- no tail call: task.tree() names this function
end
waits.names[Socket.shutdown] = "socket:shutdown"

--- Closes it; a task that waits for it gets nil, "gone". Does not suspend. A second time does nothing.
function Socket:close()
	checks.self(self, Socket, "close")
	local place = self.place_
	if place then
		place.pool:lost_(self)
	end
	C.ml_socket_close(self.id_)
	return true
end

--- Whether it was not closed, by either side, as far as is known.
function Socket:is_open()
	checks.self(self, Socket, "is_open")
	return C.ml_socket_is_open(self.id_) ~= 0
end

local TIMEOUTS = { read = "number", write = "number" }

--- Sets what a read or a write may take when it is not said there.
-- @param timeouts {read =, write =} in seconds
function Socket:set_timeouts(timeouts)
	checks.self(self, Socket, "set_timeouts")
	local o = checks.options("socket:set_timeouts", timeouts, TIMEOUTS)
	self.read_timeout_ = checks.seconds("socket:set_timeouts", "read", o.read, self.read_timeout_)
	self.write_timeout_ = checks.seconds("socket:set_timeouts", "write", o.write, self.write_timeout_)
end

-- What a text of TLS is; nil: there is none.
local function fact(id, what)
	if C.ml_socket_tls(id, what, piece) ~= 0 then
		return nil
	end
	local text = ffi.string(piece.p, piece.n)
	return text ~= "" and text or nil
end

local function tls_facts(id)
	if C.ml_socket_tls(id, C.ML_TLS_RESUMED, piece) ~= 0 then
		return nil
	end
	local resumed = piece.more ~= 0
	return {
		version = fact(id, C.ML_TLS_VERSION),
		cipher = fact(id, C.ML_TLS_CIPHER),
		alpn = fact(id, C.ML_TLS_ALPN),
		subject = fact(id, C.ML_TLS_SUBJECT),
		server_name = fact(id, C.ML_TLS_NAME),
		resumed = resumed,
	}
end

--- What it is connected to.
-- @return {address = its own, peer = the other's, tls = nil or {version, cipher, alpn, subject,
-- server_name, resumed}}; nil, "gone"
function Socket:info()
	checks.self(self, Socket, "info")
	local address = ffi.string(C.ml_socket_name(self.id_, 0))
	if address == "" then
		return nil, native.name(GONE), self.address .. ": it is closed"
	end
	return {
		address = self.own_ or address,
		peer = self.peer_ or ffi.string(C.ml_socket_name(self.id_, 1)),
		tls = tls_facts(self.id_),
	}
end

--- Begins TLS in this socket without waiting: the handshake is made by whatever comes first.
-- @param name of the server, for a client
function Socket:begin_tls_(context, name)
	local rc = C.ml_socket_start_tls(self.id_, context.id, name or "")
	if rc < 0 then
		return refused(self, "start_tls", rc, ffi.string(C.ml_socket_why()))
	end
	return true
end

--- Waits until TLS is on. Reading and writing do that, too. Suspends.
-- @return true; nil, code, detail
function Socket:handshake(timeout)
	checks.self(self, Socket, "handshake")
	local ok, code, detail = call(self, "handshake", verbs.shake, timeout or HANDSHAKE_TIMEOUT)
	return ok, code, detail
end
waits.names[Socket.handshake] = "socket:handshake"

--- Goes over to TLS (STARTTLS). Suspends until the handshake is done.
-- @param options true or a table, as connect's `tls`; server = true for the accepting side; timeout
-- @return true; nil, code, detail
function Socket:start_tls(options)
	checks.self(self, Socket, "start_tls")
	local given, server = options == nil and true or options, false
	if type(given) == "table" then
		given = {}
		for key, value in next, options do
			given[key] = value
		end
		server, given.server = given.server == true, nil
	end
	local context, tls, detail = tls_context.get("socket:start_tls", given, server)
	if context == nil then
		return nil, tls, detail
	end
	local timeout = checks.seconds("socket:start_tls", "timeout", tls.timeout, HANDSHAKE_TIMEOUT)
	local ok, code, why = self:begin_tls_(context, not server and (tls.server_name or self.name_) or nil)
	if ok then
		ok, code, why = self:handshake(timeout)
	end
	return ok, code, why
end
waits.names[Socket.start_tls] = "socket:start_tls"

--- Gives it back to its pool, for somebody else to use; it is closed instead if that would do harm:
-- bytes that nobody read, an end, a shutdown. This object is of no more use.
function Socket:release()
	checks.self(self, Socket, "release")
	local place = self.place_
	if not place then
		blame("socket:release: it is of no pool, or was given back or closed")
	end
	place.pool:take_back_(self)
	return true
end

return stream_socket
