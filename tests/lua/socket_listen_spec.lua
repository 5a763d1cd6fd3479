local fs = require("moonloop.fs")
local moonloop = require("moonloop")
local socket = require("moonloop.socket")
local support = require("support")
local task = require("moonloop.task")
local with = require("socket_support")

local raises, contains = support.raises, support.contains

describe("listener:accept", function()
	it("gives sockets with the options of the listener", function()
		with.leaves_none(function()
			local listener = assert(socket.listen("127.0.0.1:0", { read_timeout = 0.01, line_max = 4 }))
			assert.is_truthy(listener:address():find("^127%.0%.0%.1:[1-9]%d*$"))
			local client = assert(socket.connect(listener:address()))
			local served = assert(listener:accept(5))
			assert.equal(client:info().address, served:info().peer)
			assert.equal("timeout", select(2, served:read()))
			client:write("12345\n")
			assert.equal("too_large", select(2, served:read("line", 5)))
			served:close()
			client:close()
			listener:close()
		end)
	end)

	it("is stopped by time, cancellation and close", function()
		with.leaves_none(function()
			local listener = assert(socket.listen("127.0.0.1:0"))
			assert.equal("timeout", select(2, listener:accept(0.01)))
			assert.equal("timeout", select(2, listener:accept(0)))
			assert.is_true(task.is_cancelled(with.cancelled(listener.accept, listener)))
			assert.equal("timeout", with.overdue(listener.accept, listener))
			local t = task.spawn(listener.accept, listener)
			moonloop.sleep(0.005)
			contains("listener:accept: another task accepts from this listener now",
				raises(listener.accept, listener))
			listener:close()
			assert.equal("gone", select(2, t:join(5)))
			assert.equal("gone", select(2, listener:accept()))
		end)
	end)

	it("pauses when descriptors have run out", function()
		local code, output = support.check([[
			local socket = require "moonloop.socket"
			local task = require "moonloop.task"
			local time = require "moonloop.time"
			local listener = assert(socket.listen("unix:@moonloop-emfile"))
			local clients = {}
			repeat
				local sock, code, detail = socket.connect("unix:@moonloop-emfile")
				clients[#clients + 1] = sock
			until not sock
			local cpu, began = os.clock(), time.now()
			local _, code, detail = listener:accept(0.6)
			print("first", code, detail)
			print("spins", os.clock() - cpu > 0.3)
			local t = task.spawn(listener.accept, listener, 5)
			task.sleep(0.01)
			clients[1]:close()
			clients[2]:close()
			print("then", t:join():is_open())
			return function() end
		]], "", "ulimit -n 64; ")
		contains("first\ttimeout", output)
		contains("Too many open files", output)
		contains("spins\tfalse", output)
		contains("then\ttrue", output)
		contains("socket.accept_paused", output)
		assert.equal(0, code)
	end)
end)

describe("socket.listen", function()
	it("shares a port unless told not to", function()
		local first = assert(socket.listen("127.0.0.1:0"))
		local second = assert(socket.listen(first:address()))
		local _, code, detail = socket.listen(first:address(), { reuse_port = false })
		assert.equal("in_use", code)
		contains(first:address(), detail)
		first:close()
		second:close()
	end)

	it("replaces a unix socket, and removes its own only", function()
		local dir = assert(fs.tempdir())
		local path = dir.path .. "/s"
		local first = assert(socket.listen("unix:" .. path, { mode = 432 }))
		assert.equal(432, fs.stat(path).mode % 512)
		local second = assert(socket.listen("unix:" .. path))
		assert.equal(384, fs.stat(path).mode % 512)
		first:close()
		local server = task.spawn(second.serve, second, with.echo)
		local sock = assert(socket.connect("unix:" .. path))
		assert.equal("unix:" .. path, sock:info().peer)
		sock:close()
		second:close()
		server:join(5)
		assert.is_false(fs.exists(path))
		fs.write(path, "data")
		assert.equal("exists", select(2, socket.listen("unix:" .. path)))
		assert.equal("data", fs.read(path))
		assert.equal("not_found", select(2, socket.listen("unix:/nowhere/at/all")))
		dir:close()
	end)

	it("refuses wrong arguments", function()
		local rows = {
			{ "socket.listen: address must be a string, got a nil" },
			{ "socket.listen: there is no option backlg", "127.0.0.1:0", { backlg = 1 } },
			{ "socket.listen: backlog must be an integer from 1 to 65535, got 0", "127.0.0.1:0", { backlog = 0 } },
			{ "socket.listen: tls must be a table, got a boolean", "127.0.0.1:0", { tls = true } },
			{ "socket.listen: a TLS server needs tls.cert and tls.key", "127.0.0.1:0", { tls = {} } },
		}
		for _, row in ipairs(rows) do
			contains(row[1], raises(socket.listen, row[2], row[3]))
		end
		assert.equal("invalid", select(2, socket.listen("127.0.0.1")))
		assert.equal("not_found", select(2, socket.listen("some.name:0")))
	end)
end)

describe("listener:serve", function()
	it("serves many at once, and ends when it was closed and the last one ended", function()
		with.leaves_none(function()
			local listener = assert(socket.listen("127.0.0.1:0"))
			local server = task.spawn(listener.serve, listener, with.echo)
			local clients = {}
			for i = 1, 20 do
				clients[i] = assert(socket.connect(listener:address()))
			end
			for i = 20, 1, -1 do
				clients[i]:write(i .. "\n")
				assert.equal(tostring(i), clients[i]:read("line"))
			end
			listener:close()
			assert.equal("timeout", select(2, server:join(0.02)))
			clients[1]:write("still\n")
			assert.equal("still", clients[1]:read("line"))
			for i = 1, 20 do
				clients[i]:close()
			end
			assert.is_true(server:join(5))
		end)
	end)

	it("closes the socket when the function ends, also by an error", function()
		with.with_server(function(sock)
			if sock:read("line") == "fail" then
				error("no good")
			end
			sock:write("fine\n")
		end, function(_, address)
			local bad = assert(socket.connect(address))
			bad:write("fail\n")
			assert.equal("closed", select(2, bad:read()))
			bad:close()
			local good = assert(socket.connect(address))
			good:write("go\n")
			assert.equal("fine\n", good:read("all"))
			good:close()
		end)
	end)

	it("never has more than max, and lets others wait", function()
		local inside, most = 0, 0
		local listener = assert(socket.listen("127.0.0.1:0"))
		local server = task.spawn(listener.serve, listener, function(sock)
			inside = inside + 1
			most = math.max(most, inside)
			sock:read("line")
			sock:write("ok\n")
			inside = inside - 1
		end, { max = 2 })
		local clients = {}
		for i = 1, 6 do
			clients[i] = assert(socket.connect(listener:address()))
		end
		moonloop.sleep(0.02)
		assert.equal(2, inside)
		for i = 1, 6 do
			clients[i]:write("x\n")
			assert.equal("ok", clients[i]:read("line"))
			clients[i]:close()
		end
		assert.equal(2, most)
		listener:close()
		assert.is_true(server:join(5))
	end)

	it("cancels its connections when it is cancelled", function()
		with.leaves_none(function()
			local listener = assert(socket.listen("127.0.0.1:0"))
			local ended = 0
			local server = task.spawn(listener.serve, listener, function(sock)
				local ok, err = pcall(sock.read, sock)
				ended = ended + 1
				error(ok and "not stopped" or err, 0)
			end)
			local clients = {}
			for i = 1, 3 do
				clients[i] = assert(socket.connect(listener:address()))
			end
			moonloop.sleep(0.02)
			server:cancel()
			local ok, err = pcall(server.join, server, 5)
			assert.is_false(ok)
			assert.is_true(task.is_cancelled(err))
			assert.equal(3, ended)
			for i = 1, 3 do
				assert.equal("closed", select(2, clients[i]:read()))
				clients[i]:close()
			end
			listener:close()
		end)
	end)

	it("refuses wrong arguments", function()
		local listener = assert(socket.listen("127.0.0.1:0"))
		contains("listener:serve: expected a function, got a nil", raises(listener.serve, listener))
		contains("listener:serve: max must be an integer", raises(listener.serve, listener, print, { max = 0 }))
		contains("listener:accept: expected a moonloop.listener, got a nil", raises(listener.accept))
		listener:close()
	end)
end)
