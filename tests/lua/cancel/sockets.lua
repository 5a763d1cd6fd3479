--- Scenarios of support_cancel.lua: what of moonloop.socket waits. That no socket is left is counted for
-- all of them.

local fs = require("moonloop.fs")
local names = require("support_names")
local process = require("moonloop.process")
local socket = require("moonloop.socket")
local task = require("moonloop.task")

local scenarios = {}

local here = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$")

-- Two ends of a unix socket; the first one is the function's.
local function of_pair(gives, timeout, fn, release)
	return function()
		local a, b = socket.pair()
		local turn = 0
		return {
			gives = { gives },
			timeout = timeout,
			run = function(seconds)
				return fn(a, seconds)
			end,
			release = function()
				turn = turn + 1
				release(b, turn, a)
			end,
			check = function()
				a:close()
				b:close()
			end,
		}
	end
end

scenarios["Socket:read"] = of_pair("hello", true, function(a, timeout)
	return a:read(5, timeout)
end, function(b, turn)
	b:write(turn == 1 and "he" or "llo")
end)

scenarios["Socket:read_until"] = of_pair("one", true, function(a, timeout)
	return a:read_until("--", { timeout = timeout })
end, function(b, turn)
	b:write(turn == 1 and "one-" or "-")
end)

scenarios["Socket:lines"] = of_pair("one,two", false, function(a)
	local got = {}
	for line in a:lines() do
		got[#got + 1] = line
	end
	return table.concat(got, ",")
end, function(b, turn)
	if turn == 1 then
		b:write("one\ntw")
	else
		b:write("o\n")
		b:close()
	end
end)

scenarios["Socket:write"] = of_pair(true, true, function(a, timeout)
	return a:write(("x"):rep(2 ^ 20), timeout)
end, function(b)
	-- All that is there: a unix socket is writable when most of it has been read.
	local data
	repeat
		data = b:read("some", 0)
	until not data
end)

-- TLS.

local dir = assert(fs.tempdir())
assert(process.run({ "python3", here .. "/../../e2e/certs.py", dir.path, "localhost" }).status == 0)

local function pem(name)
	return assert(fs.read(dir.path .. "/" .. name))
end

local TRUST = { ca = pem("ca.pem"), server_name = "localhost" }
local LISTENER = { cert = pem("server.pem"), key = pem("server.key") }
local SERVER = { cert = LISTENER.cert, key = LISTENER.key, server = true }
dir:close()

-- A client whose handshake the server joins when it is let go on.
local function of_client(gives, timeout, fn)
	return function()
		local a, b = socket.pair()
		local server
		return {
			gives = { gives },
			timeout = timeout,
			run = function(seconds)
				return fn(a, seconds)
			end,
			release = function()
				server = server or task.spawn(b.start_tls, b, SERVER)
				task.sleep(0)
			end,
			check = function()
				a:close()
				if server then
					server:join()
				end
				b:close()
			end,
		}
	end
end

scenarios["Socket:start_tls"] = of_client(true, true, function(a, timeout)
	return a:start_tls({ ca = TRUST.ca, server_name = "localhost", timeout = timeout })
end)

-- A server whose client says hello when it is let go on.
local function of_server(gives, timeout, fn)
	return function()
		local listener = assert(socket.listen("127.0.0.1:0", { tls = LISTENER }))
		local client = task.spawn(socket.connect, listener:address())
		local a, b = assert(listener:accept()), assert(client:join())
		local peer
		return {
			gives = { gives },
			timeout = timeout,
			run = function(seconds)
				return fn(a, seconds)
			end,
			release = function()
				peer = peer or task.spawn(b.start_tls, b, TRUST)
				task.sleep(0)
			end,
			check = function()
				a:close()
				if peer then
					peer:join()
				end
				b:close()
				listener:close()
			end,
		}
	end
end

scenarios["Socket:handshake"] = of_server(true, true, function(a, timeout)
	return a:handshake(timeout)
end)

scenarios["Socket:shutdown"] = of_server(true, true, function(a, timeout)
	return a:shutdown(timeout)
end)

-- Connections.

local function echo(sock)
	for line in sock:lines() do
		sock:write(line .. "\n")
	end
end

-- A server for the time of a scenario.
local function serving(tls, gives, timeout, make)
	return function()
		local listener = assert(socket.listen("127.0.0.1:0", { tls = tls }))
		local server = task.spawn(listener.serve, listener, echo)
		local run, release, finish = make(listener:address())
		return {
			gives = { gives },
			timeout = timeout,
			run = run,
			release = release,
			check = function()
				if finish then
					finish()
				end
				listener:close()
				server:join()
			end,
		}
	end
end

-- To a name: a loopback connection is there at once, but its name has to be looked up.
local function connecting(options)
	return function(address)
		local server, host = names.serve({ [1] = "\127\0\0\1" }), names.fresh()
		return function(timeout)
			local sock, code = socket.connect(host .. address:match(":%d+$"), { tls = options.tls, timeout = timeout })
			if not sock then
				return nil, code
			end
			sock:close()
			return true
		end, server.answer, server.close
	end
end

scenarios["socket.connect"] = serving(nil, true, true, connecting({}))
scenarios["socket.connect, with TLS"] = serving(LISTENER, true, true, connecting({ tls = TRUST }))

local function in_line(call)
	return function(address)
		local pool = socket.pool({ max = 1 })
		local held = assert(pool:connect(address))
		return function(seconds)
			return call(pool, address, seconds)
		end, function()
			if held then
				held:release()
				held = nil
			end
		end, function()
			if held then
				held:release()
			end
			local stats = pool:stats()
			assert(stats.busy == 0 and stats.waiting == 0)
			pool:close()
		end
	end
end

scenarios["Pool:connect"] = serving(nil, true, false, in_line(function(pool, address)
	local sock = assert(pool:connect(address))
	sock:close()
	return true
end))

scenarios["Pool:with"] = serving(nil, "hello", false, in_line(function(pool, address)
	return pool:with(address, function(sock)
		sock:write("hello\n")
		return sock:read("line")
	end)
end))

-- Servers.

scenarios["Listener:accept"] = function()
	local listener = assert(socket.listen("127.0.0.1:0"))
	local clients = {}
	return {
		gives = { true },
		timeout = true,
		run = function(timeout)
			local sock, code = listener:accept(timeout)
			if not sock then
				return nil, code
			end
			sock:close()
			return true
		end,
		release = function()
			clients[#clients + 1] = assert(socket.connect(listener:address()))
		end,
		check = function()
			for _, client in ipairs(clients) do
				client:close()
			end
			listener:close()
		end,
	}
end

scenarios["Listener:serve"] = function()
	local listener = assert(socket.listen("127.0.0.1:0"))
	local client
	return {
		gives = {},
		run = function()
			listener:serve(echo)
		end,
		release = function()
			if not client then
				client = assert(socket.connect(listener:address()))
			else
				client:close()
				listener:close()
			end
		end,
		check = function()
			if client then
				client:close()
			end
			listener:close()
		end,
	}
end

scenarios["Udp:receive"] = function()
	local a, b = assert(socket.udp({ bind = "127.0.0.1:0" })), assert(socket.udp({ bind = "127.0.0.1:0" }))
	return {
		gives = { "hello" },
		timeout = true,
		run = function(timeout)
			local data, code = a:receive(timeout)
			if not data then
				return nil, code
			end
			return data
		end,
		release = function()
			b:send("hello", a:info().address)
		end,
		check = function()
			a:close()
			b:close()
		end,
	}
end

return scenarios
