--- Connections that are used again. A place is one connection of a key, at most `max` of them: it is made,
-- out (somebody has it), idle, or promised to the first in the line of its key.

local native = require("moonloop.core.ffi")
local verbs = require("moonloop.core.native")
local checks = require("moonloop.core.checks")
local connect = require("moonloop.core.connect")
local errors = require("moonloop.core.errors")
local line = require("moonloop.core.line")
local stream_socket = require("moonloop.core.stream_socket")
local waits = require("moonloop.core.wait")

local C, ffi = native.C, native.ffi
local blame, must_stop = errors.blame, verbs.stop

local MAX, IDLE_TIMEOUT, WAIT_TIMEOUT = 32, 60, 10

-- What a waiter may be granted instead of a connection: the right to make one.
local PLACE = {}
local CLOSED = {}

local Pool = { __name = "moonloop.socket_pool", kind_ = "pool" }
Pool.__index = Pool

local socket_pool = {}

local OPTIONS = stream_socket.known(connect.OPTIONS, {
	max = "number", idle = "number", idle_timeout = "number", wait_timeout = "number", max_uses = "number",
	max_age = "number",
})

local function copy(to, from)
	for name, value in next, from do
		to[name] = value
	end
	return to
end

--- Makes a pool.
-- @param options max: connections per key (32); idle: how many of them are kept idle (max); idle_timeout:
-- for how long (60 s); max_uses, max_age (s): when one is used no more; wait_timeout: for a free place
-- (10 s); and those of connect
function socket_pool.new(options)
	local name = "socket.pool"
	local o = checks.options(name, options, OPTIONS)
	stream_socket.check(name, o)
	local max = checks.integer(name, "max", o.max, 1, 2 ^ 20, MAX)
	local defaults = {}
	for key in next, connect.OPTIONS do
		defaults[key] = o[key]
	end
	return setmetatable({
		max_ = max,
		idle_ = checks.integer(name, "idle", o.idle, 0, max, max),
		idle_timeout_ = checks.seconds(name, "idle_timeout", o.idle_timeout, IDLE_TIMEOUT),
		wait_timeout_ = checks.seconds(name, "wait_timeout", o.wait_timeout, WAIT_TIMEOUT),
		max_uses_ = checks.integer(name, "max_uses", o.max_uses, 1, 2 ^ 31, math.huge),
		max_age_ = checks.seconds(name, "max_age", o.max_age, math.huge),
		defaults_ = defaults,
		shelves_ = {}, -- key → shelf
		closed_ = false,
		connects_ = 0,
		reuses_ = 0,
	}, Pool)
end

-- All places of one key.
local function find_shelf(self, key)
	local shelf = self.shelves_[key]
	if not shelf then
		shelf = { key = key, n = 0, idle = {}, line = line.new() }
		self.shelves_[key] = shelf
	end
	return shelf
end

local function drop_shelf(self, shelf)
	if shelf.n == 0 and not line.head(shelf.line) then
		self.shelves_[shelf.key] = nil
	end
end

-- A place is free: the first in line has it.
local function pass_on(self, shelf)
	local waiter = line.head(shelf.line)
	if waiter and not self.closed_ then
		line.grant(waiter, PLACE)
	else
		shelf.n = shelf.n - 1
	end
end

local function free(self, shelf)
	pass_on(self, shelf)
	drop_shelf(self, shelf)
end

local function is_fresh(self, place)
	return place.uses < self.max_uses_ and C.ml_now() - place.born < self.max_age_
end

-- Whether the peer neither closed it nor said something that nobody asked for.
local function is_good(place)
	return C.ml_socket_is_idle(place.handle.id, 1) ~= 0
end

-- Takes those out of the idle ones that closed themselves.
local function prune(shelf)
	local idle, kept = shelf.idle, 0
	local n = #idle
	for i = 1, n do
		local place = idle[i]
		idle[i] = nil
		if C.ml_socket_is_open(place.handle.id) ~= 0 then
			kept = kept + 1
			idle[kept] = place
		end
	end
	shelf.n = shelf.n - (n - kept)
end

-- The newest idle connection that is still good, or nil.
local function take_idle(self, shelf)
	local idle = shelf.idle
	for i = #idle, 1, -1 do
		local place = idle[i]
		idle[i] = nil
		if is_fresh(self, place) and is_good(place) then
			return place
		end
		C.ml_socket_close(place.handle.id)
		shelf.n = shelf.n - 1
	end
end

local function close_handle(handle)
	C.ml_socket_close(handle.id)
end

-- The connection of somebody who forgot it was collected. This may happen in the midst of anything that
-- allocates, so it does little.
local function on_collected(place)
	return function(handle)
		C.ml_socket_close(handle.id)
		pass_on(place.pool, place.shelf)
	end
end

-- Hands a place out, as an object of its own: the one before is of no more use. That one alone has the
-- handle now, so that it can be collected.
local function hand_out(self, place, o)
	local handle = place.handle
	local sock = stream_socket.new(handle, place.address, o)
	place.handle = nil
	ffi.gc(handle, on_collected(place))
	C.ml_socket_expire(sock.id_, -1)
	sock.name_ = place.name
	sock.place_ = place
	place.uses = place.uses + 1
	if place.uses > 1 then
		self.reuses_ = self.reuses_ + 1
	end
	return sock
end

local function make(self, shelf, o, host, port, address, context, tls)
	local ok, sock, code, detail = pcall(connect.open, host, port, address, o, context, tls)
	if not (ok and sock) then
		free(self, shelf)
		if not ok then
			error(sock, 0)
		end
		return nil, code, detail
	end
	local place = {
		pool = self,
		shelf = shelf,
		handle = sock.handle_, -- nil: somebody has it
		address = address,
		name = host,
		born = C.ml_now(),
		uses = 0,
	}
	self.connects_ = self.connects_ + 1
	return hand_out(self, place, o)
end

-- Somebody has no more use for a connection.
local function shelve(self, place, good)
	local shelf, id = place.shelf, place.handle.id
	local waiter = good and line.head(shelf.line)
	if waiter then
		line.grant(waiter, place)
	elseif good and #shelf.idle < self.idle_ then
		shelf.idle[#shelf.idle + 1] = place
		C.ml_socket_expire(id, self.idle_timeout_)
	else
		C.ml_socket_close(id)
		free(self, shelf)
	end
end

-- A task that must stop has no use for what it was granted.
local function check_stop(self, shelf, granted)
	local stop = must_stop()
	if stop == 0 then
		return
	elseif granted == PLACE then
		free(self, shelf)
	elseif granted ~= CLOSED then
		shelve(self, granted, not self.closed_)
	end
	waits.stop(stop)
end

-- Waits in the line of the key. Suspends.
-- @return PLACE, CLOSED or the place of a connection; nil, code, detail
local function wait_for_place(self, shelf, address)
	local place, stop = line.wait(shelf.line, C.ml_now() + self.wait_timeout_)
	if place then
		check_stop(self, shelf, place.granted)
		return place.granted
	end
	drop_shelf(self, shelf)
	waits.stop(stop)
	return nil, "timeout", ("%s: all %d connections of the pool are in use"):format(address, self.max_)
end
waits.names[wait_for_place] = "pool:connect"

local function key_of(address, o, context, tls)
	return table.concat({ address, o.bind or "", context and tostring(context.id) or "",
		context and tls.server_name or "" }, "\0")
end

local function connect_to(self, o, host, port, address, context, tls)
	local shelf = find_shelf(self, key_of(address, o, context, tls))
	local place, code, detail
	if not line.head(shelf.line) then
		place = take_idle(self, shelf)
	end
	if place then
		return hand_out(self, place, o)
	elseif shelf.n < self.max_ and not line.head(shelf.line) then
		shelf.n = shelf.n + 1
		return make(self, shelf, o, host, port, address, context, tls)
	end
	place, code, detail = wait_for_place(self, shelf, address)
	if place == nil then
		return nil, code, detail
	elseif place == CLOSED then
		return nil, "closed", address .. ": the pool was closed"
	elseif place ~= PLACE then
		if is_good(place) then
			return hand_out(self, place, o)
		end
		C.ml_socket_close(place.handle.id)
	end
	return make(self, shelf, o, host, port, address, context, tls)
end

--- A connection: an idle one, or a new one. Suspends, in line while all `max` of that address are in use.
-- @param address, options as of socket.connect; options go over those of the pool
-- @return a socket: sock:release() when done, sock:close() if it is no good; nil, code, detail
function Pool:connect(address, options)
	checks.self(self, Pool, "connect")
	if self.closed_ then
		return nil, "closed", "the pool was closed"
	end
	local given = copy(copy({}, self.defaults_), checks.options("pool:connect", options, connect.OPTIONS))
	local o, host, port, text, context, tls = connect.prepare("pool:connect", address, given)
	if o == nil then
		return nil, host, port
	end
	local sock, code, detail = connect_to(self, o, host, port, text, context, tls)
	return sock, code, detail -- no tail call: task.tree() names this function
end
waits.names[Pool.connect] = "pool:connect"

local function finish(sock, ok, ...)
	if sock.place_ then
		if ok then
			sock:release()
		else
			sock:close()
		end
	end
	if not ok then
		error((...), 0)
	end
	return ...
end

--- Calls fn(socket) with a connection, releases it afterwards, and closes it if fn raised. Suspends.
-- @return what fn returned; nil, code, detail when there is no connection
function Pool:with(address, fn, options)
	checks.self(self, Pool, "with")
	if type(fn) ~= "function" then
		blame("pool:with: expected a function, got a " .. type(fn))
	end
	local sock, code, detail = self:connect(address, options)
	if sock == nil then
		return nil, code, detail
	end
	return finish(sock, xpcall(fn, errors.note, sock))
end

-- The object that had it can use it no more.
local function detach(sock)
	local place, handle = sock.place_, sock.handle_
	sock.place_, sock.id_, sock.handle_ = false, 0, nil
	place.handle = ffi.gc(handle, close_handle)
	return place
end

--- A socket of it was closed by whoever has it.
function Pool:lost_(sock)
	local id = sock.id_
	local place = detach(sock)
	C.ml_socket_close(id)
	free(self, place.shelf)
end

--- A socket of it was released.
function Pool:take_back_(sock)
	local good = not self.closed_ and not sock.failed_ and C.ml_socket_is_idle(sock.id_, 0) ~= 0
	local place = detach(sock)
	shelve(self, place, good and is_fresh(self, place))
end

--- @return {open, idle, busy, waiting, connects, reuses}: connections now, tasks in line, and what was done
-- since the start
function Pool:stats()
	checks.self(self, Pool, "stats")
	local stats = { open = 0, idle = 0, busy = 0, waiting = 0, connects = self.connects_, reuses = self.reuses_ }
	for _, shelf in next, self.shelves_ do
		prune(shelf)
		stats.open = stats.open + shelf.n
		stats.idle = stats.idle + #shelf.idle
		local place = line.head(shelf.line)
		while place do
			stats.waiting = stats.waiting + 1
			place = place.next
		end
	end
	stats.busy = stats.open - stats.idle
	return stats
end

--- Closes what is idle; what is out is closed when it is released; who waits gets nil, "closed".
function Pool:close()
	checks.self(self, Pool, "close")
	self.closed_ = true
	for _, shelf in next, self.shelves_ do
		local waiter = line.head(shelf.line)
		while waiter do
			line.grant(waiter, CLOSED)
			waiter = line.head(shelf.line)
		end
		for i = #shelf.idle, 1, -1 do
			C.ml_socket_close(shelf.idle[i].handle.id)
			shelf.idle[i] = nil
			shelf.n = shelf.n - 1
		end
	end
	return true
end

return socket_pool
