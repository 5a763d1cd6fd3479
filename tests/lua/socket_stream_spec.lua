local moonloop = require("moonloop")
local plain = require("plain_env")
local socket = require("moonloop.socket")
local support = require("support")
local task = require("moonloop.task")
local thread = require("moonloop.thread")
local time = require("moonloop.time")
local with = require("socket_support")

local raises, contains = support.raises, support.contains

local function pair()
	local a, b = socket.pair()
	assert(a, b)
	return a, b
end

describe("socket: reading", function()
	it("gives what is there, exactly so much, lines, all", function()
		with.leaves_none(function()
			local a, b = pair()
			a:write("12345line one\r\nline two\n\nrest")
			assert.equal("12345", b:read(5))
			assert.equal("", b:read(0))
			assert.equal("line one", b:read("line"))
			assert.equal("line two", b:read("line"))
			assert.equal("", b:read("line"))
			assert.equal("rest", b:read())
			a:write("x")
			assert.equal("x", b:read("some"))
			a:write("and ")
			a:write("all")
			a:shutdown()
			assert.equal("and all", b:read("all"))
			assert.equal("", b:read("all"))
			assert.same({ nil, "closed", "pair: the peer closed the connection" }, { b:read() })
			assert.is_false(b:is_open())
			a:close()
			b:close()
		end)
	end)

	it("waits for the rest", function()
		local a, b = pair()
		local t = task.spawn(function()
			return { b:read("line"), b:read_until("--end--"), b:read(6) }
		end)
		for _, piece in ipairs({ "one\r", "\ntwo--en", "d--ab", "c", "def" }) do
			a:write(piece)
			moonloop.sleep(0.002)
		end
		assert.same({ "one", "two", "abcdef" }, t:join(5))
		a:close()
		b:close()
	end)

	it("reads up to a delimiter", function()
		local a, b = pair()
		a:write("a,b;c,d")
		assert.equal("a", b:read_until(","))
		assert.equal("b;", b:read_until(";", { keep = true }))
		local _, code, detail = b:read_until(";", { max = 3 })
		assert.equal("too_large", code)
		assert.equal("pair: larger than the limit", detail)
		assert.equal("timeout", select(2, b:read_until(";", { timeout = 0.01 })))
		assert.equal("c,d", b:read())
		a:close()
		b:close()
	end)

	it("loses nothing by limits, time-outs and ends", function()
		local a, b = pair()
		a:write(("x"):rep(70000) .. "\nlast")
		assert.equal("too_large", select(2, b:read("line")))
		assert.equal(70000, #b:read_until("\n", { max = 100000 }))
		assert.same({ nil, "timeout", "pair: read took too long" }, { b:read("line", 0.01) })
		assert.same({ nil, "timeout", "pair: read took too long" }, { b:read(5, 0) })
		a:close()
		assert.equal("closed", select(2, b:read("line")))
		assert.equal("closed", select(2, b:read(5)))
		assert.equal("last", b:read(4))
		assert.equal("closed", select(2, b:read()))
		b:close()
	end)

	it("iterates over lines, and tells what went wrong", function()
		local a, b = pair()
		a:write("a\nb\r\nc")
		a:shutdown()
		local lines = {}
		for line in b:lines() do
			lines[#lines + 1] = line
		end
		assert.same({ "a", "b" }, lines)
		assert.equal("c", b:read())
		a:set_timeouts({ read = 0.01 })
		contains("socket:lines: pair: read took too long (timeout)", raises(function()
			for _ in a:lines() do
				moonloop.sleep(0)
			end
		end))
		a:close()
		b:close()
	end)

	it("bounds all by all_max", function()
		with.with_server(function(sock)
			sock:write(("x"):rep(3000))
		end, function(_, address)
			local sock = assert(socket.connect(address, { all_max = 1000 }))
			assert.equal("too_large", select(2, sock:read("all")))
			assert.equal(3000, #sock:read(3000))
			sock:close()
		end)
	end)
end)

describe("socket: writing", function()
	it("gathers pieces", function()
		local a, b = pair()
		local many = {}
		for i = 1, 1000 do
			many[i] = i % 3 == 0 and "" or i
		end
		assert.is_true(a:write({ "one", "", 2, "three", 4.5 }))
		assert.is_true(a:write({}))
		assert.is_true(a:write(""))
		assert.is_true(a:write(many))
		a:shutdown()
		assert.equal("one2three4.5" .. table.concat(many), b:read("all"))
		a:close()
		b:close()
	end)

	it("suspends until the peer took it", function()
		local a, b = pair()
		local pieces = {}
		for i = 1, 300 do
			pieces[i] = ("%08d"):format(i):rep(1000)
		end
		local writer = task.spawn(function()
			assert(a:write(pieces))
			return a:shutdown()
		end)
		moonloop.sleep(0.01)
		assert.is_false(writer:ended())
		assert.equal(table.concat(pieces), b:read("all"))
		assert.is_true(writer:join(5))
		a:close()
		b:close()
	end)

	it("tells how much was taken", function()
		local a, b = pair()
		local _, code, detail = a:write(("x"):rep(10000000), 0.02)
		assert.equal("timeout", code)
		local taken = tonumber(detail:match("^pair: write took too long; (%d+) bytes were taken$"))
		assert.is_true(taken > 0 and taken < 10000000)
		assert.equal(taken, #b:read(taken))
		b:close()
		_, code, detail = a:write("x")
		assert.equal("closed", code)
		contains("; 0 bytes were taken", detail)
		a:close()
	end)

	it("refuses to write after shutdown, and goes on reading", function()
		local a, b = pair()
		assert.is_true(a:shutdown())
		assert.is_true(a:shutdown())
		assert.equal("closed", select(2, a:write("x")))
		b:write("answer\n")
		assert.equal("answer", a:read("line"))
		a:close()
		b:close()
	end)
end)

describe("socket: tasks", function()
	it("lets one task read and one write, at the same time", function()
		local a, b = pair()
		local reader = task.spawn(a.read, a, 3)
		moonloop.sleep(0.005)
		assert.is_true(a:write("out"))
		contains("socket:read: another task reads from this socket now", raises(a.read, a))
		contains("another task reads", raises(a.read_until, a, "x"))
		local writer = task.spawn(a.write, a, ("x"):rep(5000000))
		moonloop.sleep(0.005)
		contains("socket:write: another task writes to this socket now", raises(a.write, a, "y"))
		b:write("abc")
		assert.equal("abc", reader:join(5))
		b:close()
		assert.is_nil((writer:join(5)))
		a:close()
	end)

	it("tells who waits when it is closed", function()
		with.leaves_none(function()
			local a, b = pair()
			local reader = task.spawn(a.read, a)
			local writer = task.spawn(a.write, a, ("x"):rep(5000000))
			moonloop.sleep(0.01)
			assert.is_true(a:close())
			assert.is_true(a:close())
			assert.equal("gone", select(2, reader:join(5)))
			assert.equal("gone", select(2, writer:join(5)))
			assert.equal("gone", select(2, a:read()))
			assert.equal("gone", select(2, a:write("x")))
			assert.equal("gone", select(2, a:info()))
			assert.equal("gone", select(2, a:shutdown()))
			assert.is_false(a:is_open())
			b:close()
		end)
	end)

	it("stops each wait by cancellation and deadline, and can be used afterwards", function()
		with.leaves_none(function()
			local a, b = pair()
			local big = ("x"):rep(5000000)
			for _, stop in ipairs({ "cancelled", "overdue" }) do
				local function expect(fn, ...)
					local what = with[stop](fn, ...)
					assert.is_true(what == "timeout" or task.is_cancelled(what))
				end
				expect(a.read, a)
				expect(a.read, a, "line")
				expect(a.read_until, a, "--")
				expect(a.read, a, 10)
			end
			b:write("still\n")
			assert.equal("still", a:read("line"))
			assert.is_true(task.is_cancelled(with.cancelled(a.write, a, big)))
			b:close()
			a:close()
		end)
	end)

	it("reads what is there without any time", function()
		local a, b = pair()
		for _ = 1, 3 do
			assert.equal("timeout", select(2, a:read("some", 0)))
			b:write("one")
			assert.equal("one", a:read("some", 0))
			b:write("two")
			assert.equal("two", a:read(3, 0))
		end
		a:close()
		b:close()
	end)

	it("has its waits in the tree", function()
		local a, b = pair()
		local t = task.spawn(a.read, a)
		moonloop.sleep(0.005)
		local found
		local function look(nodes)
			for _, node in ipairs(nodes) do
				found = found or node.waits_for == "socket:read"
				look(node.children)
			end
		end
		look(task.tree())
		assert.is_true(found)
		a:close()
		t:join()
		b:close()
	end)

	it("closes what nobody holds", function()
		with.leaves_none(function()
			for _ = 1, 20 do
				pair()
			end
		end)
	end)

	it("collects what was forgotten when descriptors run out", function()
		local code, output = support.check([[
			local socket = require "moonloop.socket"
			local listener = assert(socket.listen("unix:@moonloop-forgotten"))
			collectgarbage("stop")
			for i = 1, 300 do
				assert(socket.connect("unix:@moonloop-forgotten"))
				assert(listener:accept())
			end
			print "all connected"
			return function() end
		]], "", "ulimit -n 64; ")
		contains("all connected", output)
		assert.equal(0, code)
	end)

	it("does not keep others from running", function()
		local a, b = pair()
		local turns, done = 0, false
		local other = task.spawn(function()
			while not done do
				turns = turns + 1
				moonloop.sleep(0)
			end
		end)
		local sink = task.spawn(b.read, b, 20000000)
		assert(a:write(("x"):rep(20000000)))
		assert.equal(20000000, #sink:join(20))
		done = true
		other:join()
		assert.is_true(turns > 3)
		a:close()
		b:close()
	end)

	it("works inside of a coroutine, not below C", function()
		local a, b = pair()
		local step = coroutine.wrap(function()
			coroutine.yield(a:read("line"))
			return a:read("line")
		end)
		task.spawn(function()
			moonloop.sleep(0.002)
			b:write("one\n")
			moonloop.sleep(0.002)
			b:write("two\n")
		end)
		assert.equal("one", step())
		assert.equal("two", step())
		contains("C cannot be suspended", raises(table.sort, { 1, 2 }, function()
			a:read()
		end))
		b:write("after\n")
		assert.equal("after", a:read("line"))
		a:close()
		b:close()
	end)
end)

describe("socket.connect", function()
	it("connects by TCP, IPv6 and unix", function()
		local path = os.tmpname()
		for _, address in ipairs({ "127.0.0.1:0", "[::1]:0", "unix:" .. path .. ".s", "unix:@moonloop-spec" }) do
			with.leaves_none(function()
				local listener = assert(socket.listen(address))
				local server = task.spawn(listener.serve, listener, with.echo)
				local sock = assert(socket.connect(listener:address()))
				sock:write("hello\n")
				assert.equal("hello", sock:read("line"))
				local info = sock:info()
				assert.equal(listener:address(), info.peer)
				assert.is_nil(info.tls)
				sock:close()
				listener:close()
				assert.is_true(server:join(5))
			end)
		end
		os.remove(path)
	end)

	it("takes host and port, keepalive, nodelay, bind", function()
		with.with_server(with.echo, function(_, address)
			local port = tonumber(address:match(":(%d+)$"))
			local sock = assert(socket.connect(nil, { host = "127.0.0.1", port = port, keepalive = 30,
				nodelay = false, bind = "127.0.0.1" }))
			sock:write("x\n")
			assert.equal("x", sock:read("line"))
			sock:close()
		end)
	end)

	it("answers why not", function()
		with.leaves_none(function()
			local listener = assert(socket.listen("127.0.0.1:0"))
			local address = listener:address()
			listener:close()
			local _, code, detail = socket.connect(address)
			assert.equal("refused", code)
			assert.equal(address .. ": Connection refused", detail)
			_, code, detail = socket.connect("unix:/nowhere/s")
			assert.equal("not_found", code)
			assert.equal("unix:/nowhere/s: No such file or directory", detail)
			assert.equal("invalid", select(2, socket.connect("127.0.0.1:1", { bind = "[::1]:0" })))
		end)
	end)

	it("is stopped by its time-out, cancellation and deadlines", function()
		with.leaves_none(function()
			-- A backlog that is full answers no more: connect waits.
			local listener = assert(socket.listen("127.0.0.1:0", { backlog = 1 }))
			local address, held, code = listener:address(), {}, nil
			for i = 1, 20 do
				local sock
				sock, code = socket.connect(address, { timeout = 0.05 })
				held[i] = sock
				if not sock then
					break
				end
			end
			assert.equal("timeout", code)
			assert.is_true(task.is_cancelled(with.cancelled(socket.connect, address)))
			assert.equal("timeout", with.overdue(socket.connect, address))
			for _, sock in ipairs(held) do
				sock:close()
			end
			listener:close()
		end)
	end)

	it("survives a peer that breaks off", function()
		with.with_server(function(sock)
			sock:read(1)
		end, function(_, address)
			local sock = assert(socket.connect(address))
			sock:write("two")
			local _, code = sock:read()
			assert.is_true(code == "reset" or code == "closed")
			sock:close()
		end)
	end)
end)

describe("socket: misuse", function()
	it("is raised at the caller's line", function()
		local a, b = pair()
		local rows = {
			{ 'socket:read: expected "some", "line", "all" or a number of bytes, got x', a.read, a, "x" },
			{ "got -1", a.read, a, -1 },
			{ "got 1.5", a.read, a, 1.5 },
			{ "got table", a.read, a, {} },
			{ "socket:read: timeout must be a number of seconds >= 0, got -1", a.read, a, 1, -1 },
			{ "socket:read: expected a moonloop.socket, got a nil", a.read },
			{ "socket:write: expected a moonloop.socket, got a string", a.write, "x" },
			{ "socket:read_until: delimiter must be a string that is not empty", a.read_until, a, "" },
			{ "socket:read_until: there is no option limit", a.read_until, a, "x", { limit = 1 } },
			{ "socket:write: data must be a string or an array of them, got a boolean", a.write, a, true },
			{ "socket:write: data[2] must be a string or a number, got a table", a.write, a, { "x", {} } },
			{ "socket:set_timeouts: read must be a number", a.set_timeouts, a, { read = "1" } },
			{ "socket:release: it is of no pool", a.release, a },
			{ "socket.connect: address must be a string, got a nil", socket.connect },
			{ 'address must be "host:port"', socket.connect, "localhost" },
			{ 'address must be "host:port"', socket.connect, "127.0.0.1:99999" },
			{ "socket.connect: host needs a port", socket.connect, nil, { host = "x" } },
			{ "socket.connect: there is no option tiemout", socket.connect, "a:1", { tiemout = 1 } },
			{ "socket.connect: timeout must be a number, got a string", socket.connect, "a:1", { timeout = "1" } },
			{ "socket.connect: timeout must be a number of seconds", socket.connect, "a:1", { timeout = -1 } },
		}
		for _, row in ipairs(rows) do
			local err = raises(row[2], row[3], row[4], row[5])
			contains(row[1], err)
		end
		b:write("ok")
		assert.equal("ok", a:read()) -- nothing of it did harm
		a:close()
		b:close()
	end)

	it("is to use sockets in a pool thread", function()
		for _, name in ipairs({ "pair", "udp", "connect", "listen" }) do
			local err = raises(thread.run, plain(function(verb)
				require("moonloop.socket")[verb](verb == "udp" and {} or "127.0.0.1:0")
			end), name)
			contains("in a pool thread use blocking calls", err)
		end
	end)

	it("is not to connect while the application is loaded", function()
		local code, output = support.check([[
			local socket = require "moonloop.socket"
			local task = require "moonloop.task"
			local listener = assert(socket.listen("127.0.0.1:0"))
			local server = task.spawn(listener.serve, listener, function(sock)
				sock:write("hello from " .. sock:read("line") .. "\n")
			end)
			local sock = assert(socket.connect(listener:address()))
			sock:write("boot\n")
			print(sock:read("line"))
			left_open = assert(socket.connect(listener:address()))
			return function(scope, receive, send)
				if scope.type ~= "lifespan" then return end
				receive()
				local sock = assert(socket.connect(listener:address()))
				sock:write("lifespan\n")
				print(sock:read("line"))
				send { type = "lifespan.startup.complete" }
				receive()
				listener:close()
				send { type = "lifespan.shutdown.complete" }
			end
		]])
		contains("hello from boot\n", output)
		contains("hello from lifespan\n", output)
		assert.equal(0, code)
	end)
end)

describe("socket: time", function()
	it("takes no patience to read what is there", function()
		local a, b = pair()
		a:write(("x"):rep(100))
		for _ = 1, 100 do
			assert.equal("x", b:read(1, 0))
			assert.is_true(b:write("y", 0))
		end
		a:close()
		b:close()
	end)

	it("keeps time-outs apart", function()
		local a, b = pair()
		a:set_timeouts({ read = 0.02 })
		local began = time.now()
		assert.equal("timeout", select(2, a:read()))
		assert.is_true(time.now() - began >= 0.019)
		assert.equal("timeout", select(2, a:read(1, 0)))
		local t = task.spawn(function()
			moonloop.sleep(0.05)
			b:write("late")
		end)
		assert.equal("late", a:read(4, 5))
		t:join()
		moonloop.sleep(0.03) -- no alarm of a read is left to disturb
		a:close()
		b:close()
	end)
end)
