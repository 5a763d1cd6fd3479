--- socket.connect: an address, the way there, TLS.

local native = require("moonloop.core.ffi")
local checks = require("moonloop.core.checks")
local dial_name = require("moonloop.core.dial")
local errors = require("moonloop.core.errors")
local stream_socket = require("moonloop.core.stream_socket")
local tls_context = require("moonloop.core.tls_context")
local waits = require("moonloop.core.wait")

local C, ffi = native.C, native.ffi
local AGAIN, FULL = native.codes.AGAIN, native.codes.QUEUE_FULL
local blame = errors.blame

local CONNECT_TIMEOUT = 10 -- seconds, name and TLS included

local connect = {}

local OPTIONS = stream_socket.known(stream_socket.OPTIONS, {
	host = "string", port = "number", timeout = "number", tls = "boolean|table", bind = "string",
	attempt_delay = "number",
})
connect.OPTIONS = OPTIONS

--- The two parts of "host:port", without brackets.
-- @return host, port; nil when it is neither
function connect.split(address)
	local host, port = address:match("^%[([^%]]+)%]:(%d+)$")
	if not host then
		host, port = address:match("^([^:]+):(%d+)$")
	end
	port = tonumber(port)
	if host and port <= 65535 then
		return host, port
	end
end

--- What connect's first argument means.
-- @return host (nil: a unix socket), port, the address for details
function connect.target(name, address, o)
	if address == nil and o.host then
		local port = checks.integer(name, "port", o.port, 1, 65535)
		if not port then
			blame(name .. ": host needs a port")
		end
		return o.host, port, (o.host:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(o.host, port)
	end
	checks.string(name, "address", address)
	if address:find("^unix:") then
		return nil, nil, address
	end
	local host, port = connect.split(address)
	if not host then
		blame(('%s: address must be "host:port", "[::1]:port" or "unix:/path", got "%s"'):format(name, address))
	end
	return host, port, address
end

local function failed(address, rc)
	local why = ffi.string(C.ml_socket_why())
	return nil, native.name(rc), ("%s: %s"):format(address, why ~= "" and why or native.codes.meaning[rc])
end

-- Connects to one literal address. Suspends.
-- @return a cdata with an id; nil, code, detail
local function dial_one(address, source, due)
	local stop = waits.begin()
	local id = C.ml_socket_dial(address, #address, source, #source)
	if id == FULL then -- of descriptors: some may be of sockets that nobody has any more
		collectgarbage()
		id = C.ml_socket_dial(address, #address, source, #source)
	end
	if id < 0 then
		return failed(address, id)
	end
	local handle = ffi.new("ml_socket", id)
	local rc = C.ml_socket_dialed(id)
	while stop == 0 and rc == AGAIN do
		stop = waits.nap(due)
		rc = C.ml_socket_dialed(id)
	end
	if rc == 0 then
		return handle
	elseif rc == AGAIN then
		C.ml_socket_close(id)
		waits.stop(stop)
		return nil, "timeout", address .. ": connect took too long"
	end
	local _, code, detail = failed(address, rc)
	C.ml_socket_close(id)
	return nil, code, detail
end
waits.names[dial_one] = "socket.connect"

local function is_literal(host)
	return host:find(":", 1, true) or host:find("^[%d.]+$")
end

-- The address to connect from, of any port if it has none.
local function source_of(o)
	return o.bind and (o.bind:find(":%d+$") and o.bind or o.bind .. ":0") or ""
end

local function dial(host, port, address, o, due)
	if host == nil then
		return dial_one(address, o.bind or "", due)
	elseif is_literal(host) then
		local literal = (host:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(host, port)
		return dial_one(literal, source_of(o), due)
	end
	local id, code, detail = dial_name(host, port, { bind = source_of(o), attempt_delay = o.attempt_delay }, due)
	if id == nil then
		return nil, code, detail
	end
	return ffi.new("ml_socket", id)
end

-- The handshake, within what is left of the time.
local function secure(sock, context, name, due)
	local ok, code, detail = sock:begin_tls_(context, name)
	if ok then
		ok, code, detail = sock:handshake(math.max(due - C.ml_now(), 0))
	end
	return ok, code, detail
end

--- socket.connect, with options that were checked and a context that was found. Suspends.
function connect.open(host, port, address, o, context, tls)
	local due = C.ml_now() + (o.timeout or CONNECT_TIMEOUT)
	local handle, code, detail = dial(host, port, address, o, due)
	if handle == nil then
		return nil, code, detail
	end
	local sock = stream_socket.new(handle, address, o)
	sock.name_ = host
	sock.peer_ = not host and address
	if not context then
		return sock
	end
	local done, ok
	done, ok, code, detail = pcall(secure, sock, context, tls.server_name or host, due)
	if not (done and ok) then
		sock:close()
	end
	if not done then
		error(ok, 0)
	elseif not ok then
		return nil, code, detail
	end
	return sock
end

--- Checks the options of one connection.
-- @return the options, host, port, address, context or nil, its table; nil, code, detail
function connect.prepare(name, address, options)
	local o = checks.options(name, options, OPTIONS)
	stream_socket.check(name, o)
	checks.seconds(name, "timeout", o.timeout)
	checks.seconds(name, "attempt_delay", o.attempt_delay)
	local host, port, text = connect.target(name, address, o)
	local context, tls, detail
	if o.tls then
		context, tls, detail = tls_context.get(name, o.tls, false)
		if context == nil then
			return nil, tls, ("%s: %s"):format(text, detail)
		elseif host == nil and tls.server_name == nil and tls.verify ~= false then
			blame(name .. ": TLS over a unix socket needs tls.server_name")
		end
	end
	return o, host, port, text, context, tls
end

--- Connects. Suspends.
-- @param address "host:port", "[::1]:port", "unix:/path", "unix:@abstract"; nil: options.host and .port
-- @return a socket; nil, code, detail
function connect.connect(address, options)
	local o, host, port, text, context, tls = connect.prepare("socket.connect", address, options)
	if o == nil then
		return nil, host, port
	end
	local sock, code, detail = connect.open(host, port, text, o, context, tls)
	return sock, code, detail -- no tail call: task.tree() names this function
end
waits.names[connect.connect] = "socket.connect"

return connect
