local moonloop = require("moonloop")
local task = require("moonloop.task")
local thread = require("moonloop.thread")
local time = require("moonloop.time")
local worker = require("moonloop.worker")
local plain = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "plain_env.lua")

local THIS_FILE = debug.getinfo(1, "S").short_src

local function here()
	return debug.getinfo(2, "l").currentline
end

local function run(fn, ...)
	return thread.run(plain(fn), ...)
end

-- Blocks the thread that it is called in.
local pause = plain(function(seconds)
	local ffi = require("ffi")
	ffi.cdef("int usleep(unsigned int);")
	ffi.C.usleep(seconds * 1e6)
end)

local function spawn_run(fn, ...)
	return moonloop.spawn(thread.run, plain(fn), ...)
end

-- Gives every thread something to do; a table of tasks to join.
local function keep_busy(seconds)
	local tasks = {}
	for i = 1, worker.info().threads do
		tasks[i] = spawn_run(pause, seconds)
	end
	moonloop.sleep(seconds / 4)
	assert.equal(0, worker.info().thread_queue)
	return tasks
end

local function join_all(tasks)
	for _, t in ipairs(tasks) do
		t:join()
	end
end

local function exists(path)
	local file = io.open(path)
	return file ~= nil and file:close()
end

describe("thread.run", function()
	it("returns what the function returns", function()
		local function collect(...)
			return { n = select("#", ...), ... }
		end
		assert.same({ n = 0 }, collect(run(function() end)))
		assert.same({ n = 4, 1, nil, { "x" }, nil }, collect(run(function(...)
			return ...
		end, 1, nil, { "x" }, nil)))
		assert.equal("a,b", run(table.concat, { "a", "b" }, ","))
		assert.equal(3 * 2 ^ 20, #run(string.rep, "abc", 2 ^ 20))
	end)

	it("takes upvalues along, as copies", function()
		local factor, seen = 3, {}
		local function multiply(x)
			seen[#seen + 1] = x
			return x * factor, seen
		end
		local product, seen_there = run(multiply, 14)
		assert.equal(42, product)
		assert.same({ 14 }, seen_there)
		assert.same({}, seen)
	end)

	it("sends functions back", function()
		local counter = run(function()
			local n = 0
			return function()
				n = n + 1
				return n
			end
		end)
		assert.same({ 1, 2 }, { counter(), counter() })
	end)

	it("runs in another Lua state, with modules of its own", function()
		run(function()
			_G.only_there = true
		end)
		assert.is_nil(rawget(_G, "only_there"))
		local pid = run(function()
			return io.open("/proc/thread-self/comm"):read("*l")
		end)
		assert.matches("^ml%-job%-%d$", pid)
		local log = require("moonloop.log")
		assert.equal("function", run(function()
			return type(log.info)
		end))
	end)

	it("lets the loop go on", function()
		local ticks, gap, last = 0, 0, time.now()
		local ticker = moonloop.spawn(function()
			while true do
				moonloop.sleep(0.002)
				local now = time.now()
				ticks, gap, last = ticks + 1, math.max(gap, now - last), now
			end
		end)
		assert.is_true(run(function()
			local stop = os.clock() + 0.5
			repeat
			until os.clock() > stop
			return true
		end))
		ticker:cancel()
		assert.is_true(ticks > 20, ticks .. " ticks")
		assert.is_true(gap < 0.4, "a gap of " .. gap)
	end)

	it("runs as many at a time as there are threads", function()
		local began = time.now()
		join_all(keep_busy(0.2))
		local took = time.now() - began
		assert.is_true(took >= 0.2 and took < 0.39, "took " .. took)
	end)

	it("may be called inside a coroutine of the application", function()
		local results = {}
		for value in coroutine.wrap(function()
			for i = 1, 3 do
				coroutine.yield((run(function(x)
					return x * x
				end, i)))
			end
		end) do
			results[#results + 1] = value
		end
		assert.same({ 1, 4, 9 }, results)
	end)
end)

describe("thread.run: errors", function()
	it("has the thread's message, its frames, and ours", function()
		local line = here() + 2
		local function fail()
			error("broken")
		end
		local ok, text = xpcall(run, debug.traceback, function()
			fail()
		end)
		assert.is_false(ok)
		local place = THIS_FILE .. ":" .. line
		local at = place:gsub("%p", "%%%0")
		assert.matches("^" .. at .. ": broken\n\tstack traceback %(in the thread%):\n"
			.. "\t\t" .. at .. ": in function 'fail'\n"
			.. "\t\t[^\n]*thread_spec[^\n]*\nstack traceback:\n", text)
		assert.matches("thread_spec.lua:%d+: in function <", (text:match("\nstack traceback:\n(.*)")))
	end)

	it("raises a table as it is", function()
		local ok, err = pcall(run, function()
			error({ code = 404, { "x" } })
		end)
		assert.is_false(ok)
		assert.same({ code = 404, { "x" } }, err)
	end)

	it("raises the text of what cannot cross", function()
		local _, err = pcall(run, function()
			error(setmetatable({}, {
				__tostring = function()
					return "an object"
				end,
			}))
		end)
		assert.matches("^an object\n\tstack traceback %(in the thread%):\n", err)
	end)

	it("names what cannot cross, at the caller's line", function()
		local conn = newproxy(true)
		local fn = plain(function()
			return conn
		end)
		local line = here() + 2
		local _, err = pcall(function()
			local result = thread.run(fn)
			return result
		end)
		assert.equal(('%s:%d: thread.run: upvalue "conn" cannot cross to a thread: it is a userdata')
			:format(THIS_FILE, line), err)
		_, err = pcall(run, print, 1, { x = { y = coroutine.create(print) } })
		assert.matches('thread.run: argument 2, field "x.y" cannot cross to a thread: it is a coroutine$', err)
	end)

	it("names a result that cannot cross, at the caller's line", function()
		local line = here() + 2
		local _, err = pcall(function()
			local result = thread.run(plain(function()
				return 1, io.stdout
			end))
			return result
		end)
		assert.equal(("%s:%d: thread.run: result 2 cannot cross from a thread: it is a userdata")
			:format(THIS_FILE, line), err)
	end)

	it("wants a function", function()
		local line = here() + 2
		local _, err = pcall(function()
			local result = thread.run("os.exit")
			return result
		end)
		assert.equal(("%s:%d: thread.run: expected a function, got a string"):format(THIS_FILE, line), err)
	end)

	it("cannot wait inside a thread, and says so", function()
		local _, err = pcall(run, function()
			return require("moonloop.thread").run(print)
		end)
		assert.matches("thread.run cannot be used inside a pool thread", err)
		for _, waits in ipairs({ moonloop.sleep, thread.run }) do
			_, err = pcall(run, function(...)
				waits(...)
			end, waits == moonloop.sleep and 0 or print)
			assert.matches("in a pool thread", (err:gsub("inside", "in")))
		end
	end)

	it("goes on after an endless recursion and a failing module", function()
		local function deeper()
			return 1 + deeper()
		end
		local _, err = pcall(run, deeper)
		assert.matches("stack overflow", err)
		for _ = 1, 2 do
			_, err = pcall(run, function()
				return require("moonloop.no_such_module")
			end)
			assert.matches("module 'moonloop.no_such_module' not found", err)
		end
		assert.equal(1, run(function()
			return 1
		end))
	end)
end)

describe("thread.run: queue and cancellation", function()
	it("answers queue_full, and serves what was taken", function()
		local busy = keep_busy(0.3)
		local full, ran, tasks = 0, 0, {}
		for i = 1, 5000 do
			tasks[i] = moonloop.spawn(function()
				local ok, code, detail = run(tostring, 1)
				if ok == nil then
					assert(code == "queue_full" and type(detail) == "string")
					full = full + 1
				else
					ran = ran + 1
				end
			end)
		end
		join_all(tasks)
		join_all(busy)
		assert.is_true(full > 0 and ran > 0, ran .. " ran, " .. full .. " refused")
		assert.equal(5000, full + ran)
		assert.equal(0, worker.info().thread_queue)
		assert.equal("1", run(tostring, 1))
	end)

	it("drops a waiting job when its task is cancelled", function()
		local path = os.tmpname()
		os.remove(path)
		local busy = keep_busy(0.2)
		local waiting = spawn_run(function()
			io.open(path, "w"):close()
		end)
		moonloop.sleep(0.01)
		assert.equal(1, worker.info().thread_queue)
		waiting:cancel()
		local ok, err = pcall(waiting.join, waiting)
		assert.is_false(ok)
		assert.is_true(task.is_cancelled(err))
		assert.equal(0, worker.info().thread_queue)
		join_all(busy)
		run(function() end)
		assert.is_false(exists(path))
	end)

	it("does not wait for a running job when its task is cancelled", function()
		local running = spawn_run(pause, 0.2)
		moonloop.sleep(0.05)
		local began = time.now()
		running:cancel()
		local ok, err = pcall(running.join, running)
		assert.is_false(ok)
		assert.is_true(task.is_cancelled(err))
		assert.is_true(time.now() - began < 0.1)
		moonloop.sleep(0.2)
	end)

	it("waits on under a shield", function()
		local result
		local shielded = moonloop.spawn(function()
			result = task.shield(run, function()
				return "done"
			end)
			moonloop.sleep(0)
		end)
		moonloop.sleep(0)
		shielded:cancel()
		local ok, err = pcall(shielded.join, shielded)
		assert.is_false(ok)
		assert.is_true(task.is_cancelled(err))
		assert.equal("done", result)
	end)

	it("does not start in a task that is cancelled already", function()
		local ran = {}
		local late = moonloop.spawn(function()
			pcall(moonloop.sleep, 10)
			ran[1] = pcall(run, pause, 0)
		end)
		moonloop.sleep(0)
		late:cancel()
		late:join()
		assert.same({ false }, ran)
	end)
end)
