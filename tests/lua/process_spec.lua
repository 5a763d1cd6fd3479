local fs = require("moonloop.fs")
local moonloop = require("moonloop")
local plain = require("plain_env")
local process = require("moonloop.process")
local support = require("support")
local thread = require("moonloop.thread")
local time = require("moonloop.time")

local count_fds, settles_at, raises = support.count_fds, support.settles_at, support.raises

-- Gone, and waited for: not even a zombie.
local function is_gone(pid)
	local until_ = time.now() + 5
	while fs.exists("/proc/" .. pid) and time.now() < until_ do
		moonloop.sleep(0.005)
	end
	return not fs.exists("/proc/" .. pid)
end

describe("process.run", function()
	it("gives what the program wrote, and its status", function()
		assert.same({ status = 3, stdout = "out\n", stderr = "err\n" },
			process.run({ "sh", "-c", "echo out; echo err >&2; exit 3" }))
		assert.same({ status = 0, stdout = "a b $HOME *\n", stderr = "" }, process.run({ "echo", "a b $HOME *" }))
	end)

	it("feeds more than a pipe holds, and reads as much", function()
		local data = ("0123456789"):rep(100000)
		assert.equal(data, process.run({ "cat" }, { input = data }).stdout)
		assert.equal(0, process.run({ "true" }, { input = data }).status)
	end)

	it("tells which signal killed it", function()
		assert.equal(9, process.run({ "sh", "-c", "kill -9 $$" }).signal)
	end)

	it("takes directory and environment", function()
		assert.equal("/\n", process.run({ "pwd" }, { cwd = "/" }).stdout)
		assert.equal("A=1\n", process.run({ "/usr/bin/env" }, { env = { A = "1" } }).stdout)
		assert.equal("", process.run({ "/usr/bin/env" }, { env = {} }).stdout)
		assert.equal("both\nways\n", process.run({ "sh", "-c", "echo both; echo ways >&2" },
			{ stderr = "stdout" }).stdout)
	end)

	it("answers what the system says", function()
		local rows = {
			{ { "/no/such/program" }, nil, "not_found", "/no/such/program: No such file or directory" },
			{ { "/etc/passwd" }, nil, "denied", "/etc/passwd: Permission denied" },
			{ { "true" }, { cwd = "/no/such/dir" }, "not_found", "true: No such file or directory" },
		}
		for _, row in ipairs(rows) do
			local result, code, detail = process.run(row[1], row[2])
			assert.same({ nil, row[3], row[4] }, { result, code, detail })
		end
	end)

	it("kills what takes too long", function()
		local before, began = count_fds(), time.now()
		local result, code = process.run({ "sleep", "60" }, { timeout = 0.05 })
		assert.is_nil(result)
		assert.equal("timeout", code)
		assert.is_true(time.now() - began < 2)
		assert.equal(before, settles_at(before))
	end)
end)

describe("process.spawn", function()
	it("gives pipes in both directions", function()
		local p = assert(process.spawn({ "cat" }, { stdin = "pipe", stderr = "null" }))
		assert.is_nil(p.stderr)
		p.stdin:write("one\n")
		assert.equal("one\n", p.stdout:read())
		p.stdin:write("two\nthree\nfour")
		p.stdin:close()
		assert.equal("tw", p.stdout:read(2))
		assert.equal("o", p.stdout:read("line"))
		local lines = {}
		for line in p.stdout:lines() do
			lines[#lines + 1] = line
		end
		assert.same({ "three", "four" }, lines)
		assert.is_nil(p.stdout:read("line"))
		assert.equal("", p.stdout:read("all"))
		assert.same({ status = 0 }, p:wait())
		assert.same({ status = 0 }, p:wait())
		p:close()
		assert.is_true(is_gone(p.pid))
	end)

	it("waits for a while, kills when asked", function()
		local p = assert(process.spawn({ "sleep", "60" }))
		assert.equal("timeout", select(2, p:wait(0.01)))
		assert.is_true(p:kill())
		assert.same({ signal = process.TERM }, p:wait(5))
		assert.is_true(p:kill(process.KILL))
		p:close()
		assert.equal("gone", select(2, p:wait()))
	end)

	it("tells when nobody reads", function()
		local p = assert(process.spawn({ "true" }, { stdin = "pipe" }))
		p:wait(5)
		assert.equal("closed", select(2, p.stdin:write("x")))
		p:close()
	end)

	it("kills what nobody holds any more", function()
		collectgarbage()
		collectgarbage()
		local before = count_fds()
		local pid = assert(process.spawn({ "sleep", "60" })).pid
		collectgarbage()
		collectgarbage()
		assert.is_true(is_gone(pid))
		assert.equal(before, settles_at(before))
	end)

	it("kills at close, also below a task that reads", function()
		local before = count_fds()
		local p = assert(process.spawn({ "sleep", "60" }))
		local t = moonloop.spawn(p.stdout.read, p.stdout)
		moonloop.sleep(0.01)
		support.contains("another task uses it now", raises(p.stdout.read, p.stdout))
		p:close()
		t:join()
		assert.is_true(is_gone(p.pid))
		assert.equal(before, settles_at(before))
	end)

	it("refuses wrong arguments", function()
		local rows = {
			{ "process.spawn: argv must be an array", process.spawn, "ls" },
			{ "process.spawn: argv must be an array", process.spawn, {} },
			{ "process.spawn: argv[2] must be a string, got a number", process.spawn, { "ls", 1 } },
			{ "process.spawn: argv[1] has a NUL byte", process.spawn, { "l\0s" } },
			{ "process.spawn: env must be a table, got a string", process.spawn, { "ls" }, { env = "A=1" } },
			{ "process.spawn: env.A must be a string, got a number", process.spawn, { "ls" }, { env = { A = 1 } } },
			{ 'process.spawn: stdin must be "pipe" or "null", got x', process.spawn, { "ls" }, { stdin = "x" } },
			{ "process.run: data must be a string, got a number", process.run, { "ls" }, { input = 1 } },
			{ "process.run: timeout must be a number >= 0, got -1", process.run, { "ls" }, { timeout = -1 } },
		}
		for _, row in ipairs(rows) do
			support.contains(row[1], raises(row[2], row[3], row[4]))
		end
		support.contains("process.run: a pool thread has no loop", raises(thread.run, plain(function()
			require("moonloop.process").run({ "true" })
		end)))
	end)
end)
