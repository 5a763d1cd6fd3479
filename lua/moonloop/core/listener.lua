--- Listening sockets: accept, and serve each connection by a task.

local native = require("moonloop.core.ffi")
local verbs = require("moonloop.core.native").socket
local checks = require("moonloop.core.checks")
local errors = require("moonloop.core.errors")
local log = require("moonloop.log")
local socket_wait = require("moonloop.core.socket_wait")
local stream_socket = require("moonloop.core.stream_socket")
local sync = require("moonloop.sync")
local task = require("moonloop.task")
local tls_context = require("moonloop.core.tls_context")
local waits = require("moonloop.core.wait")

local C, ffi = native.C, native.ffi
local blame = errors.blame

local BACKLOG = 511
local CONNECTIONS_MAX = 1000 -- of serve
local HANDSHAKE_TIMEOUT = 10 -- seconds
local FULL_PAUSE = 0.25 -- when descriptors have run out
local FULL_SAY_AGAIN = 60

local Listener = { __name = "moonloop.listener", kind_ = "listener" }
Listener.__index = Listener

local listener = {}

local OPTIONS = stream_socket.known(stream_socket.OPTIONS, {
	backlog = "number", tls = "table", reuse_port = "boolean", mode = "number",
})

--- Listens.
-- @param address "127.0.0.1:80", "[::1]:80", ":80" (every address), "unix:/path", "unix:@abstract"
-- @return a listener; nil, code, detail
function listener.listen(address, options)
	local name = "socket.listen"
	checks.string(name, "address", address)
	local o = checks.options(name, options, OPTIONS)
	stream_socket.check(name, o)
	local backlog = checks.integer(name, "backlog", o.backlog, 1, 65535, BACKLOG)
	local mode = checks.integer(name, "mode", o.mode, 0, 511, 384) -- 0600
	if waits.begin() ~= 0 then
		waits.wait() -- raises
	end
	local context, tls, detail
	if o.tls then
		context, tls, detail = tls_context.get(name, o.tls, true)
		if context == nil then
			return nil, tls, ("%s: %s"):format(address, detail)
		end
	end
	local id = C.ml_socket_listen(address, #address, backlog, mode, o.reuse_port == false and 0 or 1)
	if id < 0 then
		return nil, native.name(id), ("%s: %s"):format(address, ffi.string(C.ml_socket_why()))
	end
	return setmetatable({
		id_ = id,
		handle_ = ffi.new("ml_socket", id),
		address_ = ffi.string(C.ml_socket_name(id, 0)),
		written_ = address,
		options_ = o,
		context_ = context or false,
		handshake_timeout_ = tls and checks.seconds(name, "tls.timeout", tls.timeout) or HANDSHAKE_TIMEOUT,
		said_ = -math.huge, -- when a lack of descriptors was logged
	}, Listener)
end

-- A listener that is always ready must not spin.
local function pause(self, detail, due)
	local now = C.ml_now()
	if now >= self.said_ + FULL_SAY_AGAIN then
		self.said_ = now
		log.error("socket.accept_paused", { address = self.address_, reason = detail })
	end
	waits.sleep(math.max(0, math.min(FULL_PAUSE, due - now)))
end

local function accept(self, due)
	local collected = false
	while true do
		local left = due < math.huge and math.max(due - C.ml_now(), 0) or nil
		local id, code, detail = socket_wait.call(self, "accept", verbs.accept, left)
		if id then
			return id
		elseif code ~= "queue_full" then
			return nil, code, detail
		end
		if collected then
			pause(self, detail, due)
		else
			collectgarbage() -- closes sockets that nobody has any more
		end
		collected = not collected
		if C.ml_now() >= due then
			return nil, "timeout", detail
		end
	end
end

--- Waits for a connection. Suspends. With TLS the handshake is left to the first read or write, or to
-- socket:handshake(): do that in a task of its own, for a client may take its time.
-- @param timeout in seconds; nil: for ever
-- @return a socket; nil, code, detail: "timeout", "gone" when it was closed, …
function Listener:accept(timeout)
	checks.self(self, Listener, "accept")
	local due = waits.due("listener:accept", timeout) or math.huge
	local id, code, detail = accept(self, due)
	if id == nil then
		return nil, code, detail
	end
	local handle = ffi.new("ml_socket", id)
	local peer = ffi.string(C.ml_socket_name(id, 1))
	local sock = stream_socket.new(handle, peer ~= "unix:" and peer or self.address_, self.options_)
	if peer == "unix:" then
		sock.own_ = self:address()
	end
	if self.context_ then
		local ok
		ok, code, detail = sock:begin_tls_(self.context_)
		if not ok then
			sock:close()
			return nil, code, detail
		end
	end
	return sock
end
waits.names[Listener.accept] = "listener:accept"

local function handle(self, fn, sock)
	if self.context_ then
		local ok, code, detail = sock:handshake(self.handshake_timeout_)
		if not ok then
			log.info("socket.handshake_failed", { listener = self.address_, code = code, detail = detail })
			return
		end
	end
	fn(sock)
end

-- The task of one connection.
local function serve_one(self, fn, sock, places)
	local ok, err = xpcall(handle, errors.note, self, fn, sock)
	sock:close()
	places:release()
	if ok then
		return
	elseif task.is_cancelled(err) or task.is_timeout(err) then
		error(err, 0)
	end
	log.error("socket.serve_error", { listener = self.address_, peer = sock.address,
		traceback = errors.text(err) })
end

local function serve(group, self, fn, places)
	while true do
		places:acquire()
		local sock, code, detail = self:accept()
		if sock == nil then
			if code == "gone" then
				return true
			end
			return nil, code, detail
		end
		local ok, err = pcall(group.spawn, group, serve_one, self, fn, sock, places)
		if not ok then -- too many tasks
			sock:close()
			places:release()
			pause(self, tostring(err), math.huge)
		end
	end
end

local SERVE_OPTIONS = { max = "number" }

--- Calls fn(socket) in a task for each connection, and closes the socket when fn ends. An error of fn is
-- logged and ends that connection only. Suspends until the listener is closed and the last connection ended;
-- cancelled, it cancels them.
-- @param options max: how many connections at once (1000); further ones wait in the backlog
-- @return true when it was closed; nil, code, detail
function Listener:serve(fn, options)
	checks.self(self, Listener, "serve")
	if type(fn) ~= "function" then
		blame("listener:serve: expected a function, got a " .. type(fn))
	end
	local o = checks.options("listener:serve", options, SERVE_OPTIONS)
	local max = checks.integer("listener:serve", "max", o.max, 1, 2 ^ 20, CONNECTIONS_MAX)
	local ok, code, detail = task.group(serve, self, fn, sync.semaphore(max))
	return ok, code, detail -- no tail call: task.tree() names this function
end
waits.names[Listener.serve] = "listener:serve"

--- Where it listens: the real port also when 0 was asked for.
function Listener:address()
	checks.self(self, Listener, "address")
	return self.written_:find("^unix:") and self.written_ or self.address_
end

--- Closes it, and removes a unix socket's file if it is still its own. Who waits in accept gets nil, "gone".
-- Connections go on. Does not suspend.
function Listener:close()
	checks.self(self, Listener, "close")
	C.ml_socket_close(self.id_)
	return true
end

return listener
