-- Lua's own functions that block. In the specs the worker does not serve yet: each test says so itself,
-- and takes it back.

local blocking = require("moonloop.core.blocking")
local support = require("support")
local task = require("moonloop.task")
local thread = require("moonloop.thread")
local plain = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "plain_env.lua")

-- While fn runs the worker serves, as far as core/blocking.lua knows.
local function serving(fn)
	blocking.serving(true)
	local ok, err = pcall(fn)
	blocking.resting()
	if not ok then
		error(err, 0)
	end
end

-- Ticks of another task while fn runs.
local function ticks(fn)
	local n = 0
	local ticker = task.spawn(function()
		while true do
			task.sleep(0.005)
			n = n + 1
		end
	end)
	task.sleep(0)
	fn()
	ticker:cancel()
	return n
end

describe("os functions", function()
	it("block while nobody is served", function()
		assert.equal(0, ticks(function()
			os.execute("sleep 0.1")
		end))
	end)

	it("let others go on, and return what they always do", function()
		serving(function()
			assert.is_true(ticks(function()
				assert.equal(3 * 256, os.execute("sleep 0.2; exit 3"))
			end) > 3)
			assert.equal(0, os.execute("true"))
			assert.is_true(os.execute() == 1 or os.execute() == true)
			local name = os.tmpname()
			assert.is_true(os.rename(name, name .. "x"))
			assert.same({ nil, name .. ": No such file or directory", 2 }, { os.remove(name) })
			assert.is_true(os.remove(name .. "x"))
			assert.is_true((os.remove((os.tmpname():gsub("x", "x")))))
			local code = select(3, os.rename(name, name))
			assert.equal(2, code)
		end)
	end)

	it("refuse wrong arguments at the caller's line, as ever", function()
		serving(function()
			local line = support.line(2)
			local err = support.raises(function()
				local result = os.remove({})
				return result
			end)
			assert.equal(line .. "bad argument #1 to 'remove' (string expected, got table)", err)
			support.contains("bad argument #2 to 'rename' (string expected, got no value)",
				support.raises(function()
					local result = os.rename("a")
					return result
				end))
		end)
	end)

	it("are not cut short by a cancellation or a deadline", function()
		serving(function()
			local name = os.tmpname()
			local t = task.spawn(function()
				local ok = os.execute("sleep 0.1") == 0 and os.remove(name)
				return ok
			end)
			task.sleep(0.02)
			t:cancel()
			assert.is_true(t:join())
			assert.is_nil(io.open(name))
			assert.equal(0, task.timeout(0.01, function()
				local status = os.execute("sleep 0.1")
				return status
			end))
			local cleaned = task.spawn(function()
				local ok, err = pcall(task.sleep, 60)
				assert(not ok and task.is_cancelled(err))
				local file = os.tmpname()
				return os.remove(file)
			end)
			task.sleep(0)
			cleaned:cancel()
			assert.is_true(cleaned:join())
		end)
	end)

	it("travel to a thread by their names", function()
		serving(function()
			local name = os.tmpname()
			assert.is_true(thread.run(os.remove, name))
			assert.equal(0, thread.run(plain(function()
				return os.execute("true")
			end)))
		end)
	end)

	it("work where no task can wait", function()
		serving(function()
			local seen = {}
			table.sort({ 1, 2 }, function(a, b)
				seen[#seen + 1] = os.execute("true")
				return a < b
			end)
			assert.equal(0, seen[1])
		end)
	end)

	it("work in coroutines of the application", function()
		serving(function()
			local co = coroutine.wrap(function()
				coroutine.yield(os.execute("true"))
				return os.execute("exit 1")
			end)
			assert.same({ 0, 256 }, { co(), co() })
		end)
	end)
end)

describe("io functions", function()
	it("do what they always do", function()
		serving(function()
			local name = os.tmpname()
			local file = assert(io.open(name, "w"))
			assert.is_true(file:write("one\n", 2, "\n"))
			assert.is_true(file:close())
			local lines = {}
			for line in io.lines(name) do
				lines[#lines + 1] = line
			end
			assert.same({ "one", "2" }, lines)
			file = io.open(name)
			assert.same({ "one", 2 }, { file:read("*l", "*n") })
			file:close()
			local pipe = io.popen("echo hi; exit 2")
			assert.equal("hi\n", pipe:read("*a"))
			pipe:close()
			os.remove(name)
			assert.same({ nil, name .. ": No such file or directory", 2 }, { io.open(name) })
			support.contains("attempt to use a closed file", support.raises(file.read, file))
			support.contains("bad argument #1 to", support.raises(file.read))
			local line = support.line(2)
			local err = support.raises(function()
				local result = io.open({})
				return result
			end)
			assert.equal(line .. "bad argument #1 to 'open' (string expected, got table)", err)
		end)
	end)
end)
