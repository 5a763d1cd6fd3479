--- Sockets: TCP, UDP and unix, clients and servers, with TLS or without.
--
--     local socket = require "moonloop.socket"
--     local sock = assert(socket.connect("127.0.0.1:6379"))
--     sock:write("PING\r\n")
--     print(sock:read("line"))      -- +PONG
--     sock:close()

local native = require("moonloop.core.ffi")
local connect = require("moonloop.core.connect")
local listener = require("moonloop.core.listener")
local socket_pool = require("moonloop.core.socket_pool")
local stream_socket = require("moonloop.core.stream_socket")
local udp = require("moonloop.core.udp")
local waits = require("moonloop.core.wait")

local C, ffi = native.C, native.ffi

local pair = ffi.new("ml_socket_pair")

return {
	--- connect(address, options): Suspends until connected, TLS included.
	-- @return a socket; nil, code, detail
	connect = connect.connect,
	--- listen(address, options): a server's socket.
	-- @return a listener: accept, serve, address, close; nil, code, detail
	listen = listener.listen,
	--- udp(options): a UDP socket.
	-- @return one with send, receive, info, close; nil, code, detail
	udp = udp.open,
	--- pool(options): connections that are used again.
	-- @return a pool: connect, with, stats, close
	pool = socket_pool.new,
	--- pair(): two sockets that are connected with each other; nil, code, detail
	pair = function()
		waits.begin()
		local rc = C.ml_socket_pair_new(pair)
		if rc < 0 then
			return nil, native.name(rc), ffi.string(C.ml_socket_why())
		end
		return stream_socket.new(pair.a, "pair", {}), stream_socket.new(pair.b, "pair", {})
	end,
}
