local fs = require("moonloop.fs")
local moonloop = require("moonloop")
local process = require("moonloop.process")
local socket = require("moonloop.socket")
local support = require("support")
local task = require("moonloop.task")
local with = require("socket_support")

local raises, contains = support.raises, support.contains

-- Says which connection it is: "1: hello".
local function numbered()
	local n = 0
	return function(sock)
		n = n + 1
		local own = n
		for line in sock:lines() do
			if line == "bye" then
				return
			end
			sock:write({ own, ": ", line, "\n" })
		end
	end
end

local function ask(sock, text)
	assert(sock:write({ text, "\n" }))
	return assert(sock:read("line"))
end

local function ask_with(text)
	return function(sock)
		return ask(sock, text)
	end
end

local function stats(pool, names)
	local all, some = pool:stats(), {}
	for name in names:gmatch("%a+") do
		some[#some + 1] = all[name]
	end
	return some
end

describe("socket.pool", function()
	it("uses connections again, the newest first", function()
		with.leaves_none(function()
			with.with_server(numbered(), function(_, address)
				local pool = socket.pool()
				local a, b = assert(pool:connect(address)), assert(pool:connect(address))
				assert.equal("1: x", ask(a, "x"))
				assert.equal("2: y", ask(b, "y"))
				assert.same({ 2, 0, 2 }, stats(pool, "open idle busy"))
				a:release()
				b:release()
				assert.same({ 2, 2, 0 }, stats(pool, "open idle busy"))
				contains("was given back", raises(a.release, a))
				assert.equal("gone", select(2, a:read()))
				assert.equal("gone", select(2, a:write("stale")))
				local c = assert(pool:connect(address))
				assert.equal("2: z", ask(c, "z"))
				c:close()
				assert.equal("1: w", pool:with(address, ask_with("w")))
				assert.same({ 1, 1, 2, 2 }, stats(pool, "open idle connects reuses"))
				pool:close()
				assert.equal("closed", select(2, pool:connect(address)))
				assert.same({ 0 }, stats(pool, "open"))
			end)
		end)
	end)

	it("keeps addresses and TLS apart", function()
		with.with_server(numbered(), function(_, one)
			with.with_server(numbered(), function(_, other)
				local pool = socket.pool({ max = 1 })
				local a, b = assert(pool:connect(one)), assert(pool:connect(other))
				local c = assert(pool:connect(one, { bind = "127.0.0.1" }))
				a:release()
				b:release()
				c:release()
				assert.same({ 3, 3 }, stats(pool, "open idle"))
				pool:close()
			end)
		end)
	end)

	it("lets wait in order, with a hard cap", function()
		with.with_server(numbered(), function(_, address)
			local pool = socket.pool({ max = 2 })
			local a, b = assert(pool:connect(address)), assert(pool:connect(address))
			local order, tasks = {}, {}
			for i = 1, 4 do
				tasks[i] = task.spawn(function()
					local sock = assert(pool:connect(address))
					order[#order + 1] = i
					moonloop.sleep(0.002)
					if i == 2 then
						sock:close()
					else
						sock:release()
					end
				end)
			end
			moonloop.sleep(0.01)
			assert.same({ 2, 4 }, stats(pool, "open waiting"))
			a:release()
			b:close()
			task.all(tasks)
			assert.same({ 1, 2, 3, 4 }, order)
			assert.is_true(pool:stats().open <= 2)
			pool:close()
		end)
	end)

	it("gives places back: time-outs, cancellation, failures", function()
		with.leaves_none(function()
			with.with_server(numbered(), function(_, address)
				local pool = socket.pool({ max = 1, wait_timeout = 0.02 })
				local a = assert(pool:connect(address))
				local _, code, detail = pool:connect(address)
				assert.equal("timeout", code)
				assert.equal(address .. ": all 1 connections of the pool are in use", detail)
				local patient = socket.pool({ max = 1 })
				local held = assert(patient:connect(address))
				assert.is_true(task.is_cancelled(with.cancelled(patient.connect, patient, address)))
				assert.equal("timeout", with.overdue(patient.connect, patient, address))
				assert.same({ 1, 0 }, stats(patient, "open waiting"))
				-- Granted, and cancelled before it ran: the place goes on to the next.
				local first = task.spawn(patient.connect, patient, address)
				local second = task.spawn(patient.connect, patient, address)
				moonloop.sleep(0.005)
				first:cancel()
				held:release()
				assert.is_false((pcall(first.join, first, 5)))
				local sock = assert(second:join(5))
				assert.equal("2: x", ask(sock, "x"))
				sock:release()
				a:release()
				patient:close()
				pool:close()
			end)
			local gone = assert(socket.listen("127.0.0.1:0"))
			local address = gone:address()
			gone:close()
			local pool = socket.pool({ max = 1 })
			for _ = 1, 3 do
				assert.equal("refused", select(2, pool:connect(address)))
			end
			assert.same({ 0 }, stats(pool, "open"))
		end)
	end)

	it("does not hand out what is no good", function()
		with.with_server(numbered(), function(_, address)
			local pool = socket.pool({ max = 1 })
			local sock = assert(pool:connect(address))
			sock:write("half\nread\n")
			assert.equal("1: half", sock:read("line"))
			moonloop.sleep(0.01)
			sock:release() -- with an answer that nobody read
			sock = assert(pool:connect(address))
			assert.equal("2: x", ask(sock, "x"))
			sock:write("bye\n")
			sock:release() -- the peer closes it now
			moonloop.sleep(0.02)
			sock = assert(pool:connect(address))
			assert.equal("3: x", ask(sock, "x"))
			assert.equal("timeout", select(2, sock:read(1, 0.005)))
			sock:release() -- something went wrong in it
			sock = assert(pool:connect(address))
			assert.equal("4: x", ask(sock, "x"))
			sock:shutdown()
			sock:release()
			sock = assert(pool:connect(address))
			assert.equal("5: x", ask(sock, "x"))
			sock:release()
			pool:close()
		end)
	end)

	it("bounds uses, age and idleness", function()
		with.leaves_none(function()
			with.with_server(numbered(), function(_, address)
				local pool = socket.pool({ max_uses = 2 })
				local seen = {}
				for i = 1, 4 do
					seen[i] = pool:with(address, ask_with("x"))
				end
				assert.same({ "1: x", "1: x", "2: x", "2: x" }, seen)
				pool:close()

				pool = socket.pool({ max_age = 0.01 })
				local sock = assert(pool:connect(address))
				moonloop.sleep(0.02)
				sock:release()
				assert.same({ 0 }, stats(pool, "open"))

				pool = socket.pool({ idle_timeout = 0.01 })
				pool:with(address, ask_with("x"))
				assert.same({ 1 }, stats(pool, "idle"))
				moonloop.sleep(0.03)
				assert.same({ 0, 0 }, stats(pool, "open idle"))
				assert.equal("5: x", pool:with(address, ask_with("x")))
				pool:close()

				pool = socket.pool({ idle = 1 })
				local a, b = assert(pool:connect(address)), assert(pool:connect(address))
				a:release()
				b:release()
				assert.same({ 1, 1 }, stats(pool, "open idle"))
				pool:close()
			end)
		end)
	end)

	it("uses TLS connections again, for the same TLS only", function()
		local dir = assert(fs.tempdir())
		local made = assert(process.run({ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
			"ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=pool", "-addext",
			"subjectAltName=IP:127.0.0.1,DNS:pool.example", "-keyout", dir.path .. "/key", "-out",
			dir.path .. "/cert" }, { timeout = 30 }))
		assert.equal(0, made.status)
		local cert, key = fs.read(dir.path .. "/cert"), fs.read(dir.path .. "/key")
		with.leaves_none(function()
			with.with_server(numbered(), function(_, address)
				local pool = socket.pool({ tls = { ca = cert } })
				for _ = 1, 3 do
					assert.equal("1: x", pool:with(address, ask_with("x")))
				end
				local other = { tls = { ca = cert, server_name = "pool.example" } }
				assert.equal("2: x", pool:with(address, ask_with("x"), other))
				assert.equal("3: x", pool:with(address, ask_with("x"), { tls = { verify = false } }))
				assert.equal("2: y", pool:with(address, ask_with("y"), other))
				assert.same({ 3, 3, 3, 3 }, stats(pool, "open idle connects reuses"))
				local _, code = pool:connect(address, { tls = true })
				assert.equal("tls", code)
				assert.same({ 3 }, stats(pool, "open"))
				pool:close()
			end, { tls = { cert = cert, key = key } })
		end)
		dir:close()
	end)

	it("closes what its function fails with", function()
		with.with_server(numbered(), function(_, address)
			local pool = socket.pool({ max = 1 })
			assert.equal("oh no", raises(pool.with, pool, address, function()
				error("oh no", 0)
			end))
			assert.same({ 0 }, stats(pool, "open"))
			assert.is_true(task.is_cancelled(with.cancelled(pool.with, pool, address, function(sock)
				sock:read()
			end)))
			assert.same({ 0 }, stats(pool, "open"))
			assert.same({ 1, nil, 3 }, { pool:with(address, function()
				return 1, nil, 3
			end) })
			assert.same({ 1 }, stats(pool, "idle"))
			pool:close()
		end)
	end)

	it("gets back what was forgotten", function()
		with.leaves_none(function()
			with.with_server(numbered(), function(_, address)
				local pool = socket.pool({ max = 1 })
				do
					assert(pool:connect(address))
				end
				collectgarbage()
				collectgarbage()
				local sock = assert(pool:connect(address))
				assert.equal("2: x", ask(sock, "x"))
				sock:release()
				pool:close()
			end)
		end)
	end)

	it("tells who waits when it is closed", function()
		with.with_server(numbered(), function(_, address)
			local pool = socket.pool({ max = 1 })
			local sock = assert(pool:connect(address))
			local t = task.spawn(pool.connect, pool, address)
			moonloop.sleep(0.005)
			pool:close()
			assert.equal("closed", select(2, t:join(5)))
			assert.equal("1: x", ask(sock, "x"))
			sock:release()
			assert.same({ 0 }, stats(pool, "open"))
		end)
	end)

	it("refuses wrong arguments", function()
		contains("socket.pool: max must be an integer from 1", raises(socket.pool, { max = 0 }))
		contains("socket.pool: idle must be an integer from 0 to 2", raises(socket.pool, { max = 2, idle = 3 }))
		contains("socket.pool: there is no option maxx", raises(socket.pool, { maxx = 0 }))
		contains("socket.pool: wait_timeout must be a number", raises(socket.pool, { wait_timeout = -1 }))
		local pool = socket.pool()
		contains("pool:with: expected a function", raises(pool.with, pool, "127.0.0.1:1"))
		contains("pool:connect: address must be", raises(pool.connect, pool, "x"))
		contains("pool:connect: expected a moonloop.socket_pool", raises(pool.connect, "x"))
	end)
end)
