--- UDP sockets.

local native = require("moonloop.core.ffi")
local verbs = require("moonloop.core.native").socket
local checks = require("moonloop.core.checks")
local connect = require("moonloop.core.connect")
local errors = require("moonloop.core.errors")
local socket_wait = require("moonloop.core.socket_wait")
local waits = require("moonloop.core.wait")

local C, ffi = native.C, native.ffi
local call = socket_wait.call

local Udp = { __name = "moonloop.udp", kind_ = "udp" }
Udp.__index = Udp

local udp = {}

local OPTIONS = { bind = "string", connect = "string", reuse_port = "boolean" }

local function check_literal(name, what, address)
	if address and not address:find("^:%d+$") and not connect.split(address) then
		errors.blame(('%s: %s must be "1.2.3.4:port" or "[::1]:port", got "%s"'):format(name, what, address))
	end
end

--- Opens a UDP socket. IP addresses, no names.
-- @param options bind: where to receive, for a server; connect: the only peer; reuse_port: see listen
-- @return a UDP socket; nil, code, detail
function udp.open(options)
	local name = "socket.udp"
	local o = checks.options(name, options, OPTIONS)
	check_literal(name, "bind", o.bind)
	check_literal(name, "connect", o.connect)
	waits.begin()
	local bind, peer = o.bind or "", o.connect or ""
	local id = C.ml_socket_udp(bind, #bind, peer, #peer, o.reuse_port == false and 0 or 1)
	if id < 0 then
		return nil, native.name(id), ("udp: %s"):format(ffi.string(C.ml_socket_why()))
	end
	return setmetatable({
		id_ = id,
		handle_ = ffi.new("ml_socket", id),
		address = o.connect or o.bind or "udp",
		connected_ = o.connect ~= nil,
	}, Udp)
end

--- Sends one datagram. Suspends while the system has no room.
-- @param data a string, up to 65507 bytes (IPv4)
-- @param to "1.2.3.4:port"; not for a connected socket
-- @return true; nil, code, detail: "too_large", "refused" (nobody received an earlier one), …
function Udp:send(data, to)
	checks.self(self, Udp, "send")
	checks.string("udp:send", "data", data)
	if self.connected_ ~= (to == nil) then
		errors.blame(self.connected_ and "udp:send: it is connected: to must be nil"
			or "udp:send: to must be an address, for it is not connected")
	elseif to ~= nil then
		checks.string("udp:send", "to", to)
	end
	local ok, code, detail = call(self, "send", verbs.send, nil, data, to)
	return ok, code, detail -- no tail call: task.tree() names this function
end
waits.names[Udp.send] = "udp:send"

--- Waits for a datagram. Suspends.
-- @param timeout in seconds; nil: for ever
-- @return its bytes (never cut; may be ""), the sender's address; nil, code, detail
function Udp:receive(timeout)
	checks.self(self, Udp, "receive")
	local bytes, from, detail = call(self, "receive", verbs.receive, timeout)
	return bytes, from, detail
end
waits.names[Udp.receive] = "udp:receive"

--- @return {address = its own, peer = nil or the connected one}; nil, "gone"
function Udp:info()
	checks.self(self, Udp, "info")
	local address = ffi.string(C.ml_socket_name(self.id_, 0))
	if address == "" then
		return nil, "gone", self.address .. ": it is closed"
	end
	local peer = ffi.string(C.ml_socket_name(self.id_, 1))
	return { address = address, peer = peer ~= "" and peer or nil }
end

--- Closes it; who waits in receive gets nil, "gone". Does not suspend.
function Udp:close()
	checks.self(self, Udp, "close")
	C.ml_socket_close(self.id_)
	return true
end

return udp
