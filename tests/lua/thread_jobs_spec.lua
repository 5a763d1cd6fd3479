-- thread.run_with, thread.spawn, and what a job does in its thread: partial results, cancellation,
-- deadlines, priorities, the thread's Lua state.

local moonloop = require("moonloop")
local queue = require("moonloop.queue")
local support = require("support")
local sync = require("moonloop.sync")
local task = require("moonloop.task")
local thread = require("moonloop.thread")
local time = require("moonloop.time")
local waits = require("moonloop.core.wait")
local worker = require("moonloop.worker")
local plain = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "plain_env.lua")

local PATIENCE = 20

local count = plain(function(n)
	for i = 1, n do
		thread.yield(i, i % 2 == 0 and "even" or nil)
	end
	return "counted", n
end)

local forever = plain(function()
	local i = 0
	while true do
		i = i + 1
	end
end)

local nothing = plain(function() end)

local function wait_until(what, fn)
	local until_ = time.now() + PATIENCE
	while not fn() do
		assert.is_true(time.now() < until_, what)
		moonloop.sleep(0.002)
	end
end

-- No job is left, waiting or running.
local function settle()
	wait_until("the pool is idle", function()
		local jobs = worker.info().jobs
		return jobs.busy == 0 and jobs.waiting == 0
	end)
end

local function wait_busy(n)
	wait_until("jobs run", function()
		return worker.info().jobs.busy >= n
	end)
end

-- Holds all threads until they are stopped.
local function hold_all()
	local held = {}
	for i = 1, worker.info().threads do
		held[i] = thread.spawn(forever)
	end
	wait_busy(worker.info().threads)
	return function()
		for _, job in ipairs(held) do
			job:cancel()
		end
		settle()
	end
end

local function collect(job)
	local got = {}
	for i, word in job:results() do
		got[#got + 1] = i .. (word or "")
	end
	return got
end

local function assert_counted(n, got)
	assert.equal(n, #got)
	for i = 1, n do
		assert.equal(i .. (i % 2 == 0 and "even" or ""), got[i])
	end
end

describe("thread.run_with", function()
	it("runs as thread.run does", function()
		assert.same({ "a,b", nil }, { thread.run_with({}, table.concat, { "a", "b" }, ",") })
		assert.same({ 1, nil, 3 }, { thread.run_with({ priority = "low", timeout = 60 }, plain(function(...)
			return ...
		end), 1, nil, 3) })
		local err = support.raises(thread.run_with, {}, plain(function()
			error("broken")
		end))
		assert.matches("broken\n\tstack traceback %(in the thread%)", err)
	end)

	it("hands on what the function yields, in order, before its results", function()
		local got = {}
		assert.same({ "counted", 500 }, { thread.run_with({
			on_progress = function(i, word)
				got[#got + 1] = i .. (word or "")
			end,
		}, count, 500) })
		assert_counted(500, got)
		settle()
	end)

	it("waits for a listener that waits", function()
		local at, last = time.now(), 0
		thread.run_with({
			on_progress = function(i)
				last = i
				moonloop.sleep(0.0005)
			end,
		}, count, 100)
		assert.equal(100, last)
		assert.is_true(time.now() - at >= 0.05)
	end)

	it("ends the job when the listener raises", function()
		local err = support.raises(thread.run_with, {
			on_progress = function(i)
				error("enough at " .. i, 0)
			end,
		}, count, 1e9)
		assert.equal("enough at 1", err)
		settle()
	end)

	it("throws away what nobody listens to", function()
		assert.equal("counted", (thread.run(count, 1000)))
	end)

	it("carries large parts, one at a time", function()
		local sizes = {}
		thread.run_with({
			on_progress = function(text)
				sizes[#sizes + 1] = #text
			end,
		}, plain(function()
			for i = 1, 5 do
				thread.yield(("x"):rep(i * 2 ^ 20))
			end
		end))
		assert.same({ 2 ^ 20, 2 ^ 21, 3 * 2 ^ 20, 2 ^ 22, 5 * 2 ^ 20 }, sizes)
	end)

	it("stops what is too late", function()
		local result, code, detail = thread.run_with({ timeout = 0.02 }, forever)
		assert.same({ nil, "timeout", "the job was not done within 0.02 s" }, { result, code, detail })
		settle()
		local release = hold_all()
		assert.equal("timeout", select(2, thread.run_with({ timeout = 0 }, nothing)))
		assert.equal("timeout", select(2, thread.run_with({ timeout = 0.01 }, nothing)))
		assert.equal(0, worker.info().jobs.waiting)
		release()
	end)

	it("refuses misuse at the caller's line", function()
		local function says(text, ...)
			local args = { n = select("#", ...), ... }
			local line = support.line(2)
			local err = support.raises(function()
				local result = thread.run_with(unpack(args, 1, args.n))
				return result
			end)
			assert.equal(line:gsub(":%d+: $", ""), (err:gsub(":%d+: .*$", "")))
			support.contains("thread.run_with: " .. text, err)
		end
		says("options must be a table, got a function", nothing)
		says('there is no option "prority"', { prority = "low" }, nothing)
		says('priority must be "high", "normal" or "low", got urgent', { priority = "urgent" }, nothing)
		says("timeout must be a number of seconds >= 0, got -1", { timeout = -1 }, nothing)
		says("on_progress must be a function, got a string", { on_progress = "x" }, nothing)
		says("expected a function, got a nil", {})
		support.contains("thread.spawn: on_progress is for thread.run_with",
			support.raises(thread.spawn, { on_progress = print }, nothing))
	end)
end)

describe("thread.spawn", function()
	it("goes on, and join has the results", function()
		local function args(...)
			return select("#", ...), ...
		end
		plain(args)
		assert.same({ 3, nil, 2, nil }, { thread.spawn(args, nil, 2, nil):join() })
		assert.same({ 1, 7 }, { thread.spawn({ priority = "high" }, args, 7):join() })
		assert.same({ 0 }, { thread.spawn(nil, args):join() })
		local job = thread.spawn(args)
		assert.is_false(job:ended())
		job:join()
		assert.is_true(job:ended())
		assert.same({ 0 }, { job:join() })
	end)

	it("is read with a loop", function()
		local job = thread.spawn(count, 300)
		assert_counted(300, collect(job))
		assert.same({ "counted", 300 }, { job:join() })
		assert.same({}, collect(job))
	end)

	it("keeps what was yielded until it is read", function()
		local job = thread.spawn(count, 50)
		wait_until("it ended", function()
			return job:ended()
		end)
		assert_counted(50, collect(job))
	end)

	it("holds the job back when nobody reads", function()
		local job = thread.spawn(count, 1000)
		moonloop.sleep(0.03)
		assert.is_false(job:ended())
		assert.equal(1, worker.info().jobs.busy)
		assert_counted(1000, collect(job))
	end)

	it("throws away what nobody reads when it is joined", function()
		assert.same({ "counted", 1000 }, { thread.spawn(count, 1000):join() })
		local job = thread.spawn(count, 1000)
		for i in job:results() do
			if i == 3 then
				break
			end
		end
		assert.same({ "counted", 1000 }, { job:join() })
		local other = thread.spawn(count, 1000)
		task.spawn(function()
			other:results()()
		end):join()
		assert.same({ "counted", 1000 }, { other:join() })
	end)

	it("raises the function's error in loop and join", function()
		local job = thread.spawn(plain(function()
			thread.yield(1)
			error("broken")
		end))
		local got = {}
		local err = support.raises(function()
			for i in job:results() do
				got[#got + 1] = i
			end
		end)
		assert.matches("broken", err)
		assert.same({ 1 }, got)
		assert.matches("broken", support.raises(job.join, job))
	end)

	it("is cancelled by its handle", function()
		local job = thread.spawn(forever)
		wait_busy(1)
		job:cancel()
		assert.is_true(task.is_cancelled(support.raises(job.join, job)))
		assert.is_true(task.is_cancelled(support.raises(collect, job)))
		settle()
	end)

	it("is cancelled with the task that started it", function()
		task.spawn(function()
			thread.spawn(forever)
			wait_busy(1)
		end):join()
		settle()
	end)

	it("has a deadline of its own", function()
		local job = thread.spawn({ timeout = 0.02 }, forever)
		assert.same({ nil, "timeout" }, { job:join(0) })
		assert.same({ nil, "timeout", "the job was not done within 0.02 s" }, { job:join() })
		assert.same({}, collect(job))
		settle()
	end)

	it("says in join that it was refused", function()
		local release = hold_all()
		local jobs, refused = {}, 0
		for i = 1, 1100 do
			jobs[i] = thread.spawn({ priority = "low" }, nothing)
		end
		moonloop.sleep(0)
		for i = 1, #jobs do
			if jobs[i]:ended() then
				local _, code = jobs[i]:join()
				refused = refused + (code == "queue_full" and 1 or 0)
			else
				jobs[i]:cancel()
			end
		end
		release()
		assert.is_true(refused >= 1100 - 1024, refused)
	end)
end)

describe("a job that is cancelled", function()
	local PLACES = {
		["in a compiled loop"] = forever,
		["below pcall"] = function()
			while true do
				pcall(function()
					local i = 0
					while true do
						i = i + 1
					end
				end)
			end
		end,
		["in a coroutine"] = function()
			coroutine.wrap(function()
				while true do
					require("math").floor(1)
				end
			end)()
		end,
		["in the kernel"] = function()
			local ffi = require("ffi")
			ffi.cdef("int usleep(unsigned int);")
			while true do
				ffi.C.usleep(900000)
			end
		end,
		["at thread.yield"] = function()
			while true do
				thread.yield("x")
			end
		end,
	}
	for place, fn in pairs(PLACES) do
		it("is stopped " .. place, function()
			for _ = 1, 3 do
				local job = thread.spawn(plain(fn))
				wait_busy(1)
				moonloop.sleep(0.005)
				job:cancel()
				settle()
				assert.equal("1", thread.run(tostring, 1))
			end
		end)
	end

	it("may ask, and clean up", function()
		local path = os.tmpname()
		local job = thread.spawn(plain(function(name)
			while not thread.cancelled() do
				require("math").floor(1)
			end
			os.remove(name)
		end), path)
		wait_busy(1)
		job:cancel()
		settle()
		os.remove(path)
	end)

	it("leaves its thread a new Lua state", function()
		local release = hold_all()
		release()
		local seen = {}
		for i = 1, worker.info().threads do
			seen[i] = thread.run(plain(function()
				return rawget(_G, "kept_by_a_job") == nil
			end))
		end
		assert.same({ true, true, true, true }, seen)
	end)
end)

describe("a deadline around", function()
	for name, call in pairs({
		run = function()
			return thread.run(forever)
		end,
		run_with = function()
			return thread.run_with({ timeout = 60, on_progress = function() end }, forever)
		end,
		join = function()
			return thread.spawn(forever):join()
		end,
		results = function()
			return collect(thread.spawn(forever))
		end,
	}) do
		it(name .. " stops the job", function()
			assert.same({ nil, "timeout" }, { task.timeout(0.02, function()
				return task.group(function()
					call()
				end)
			end) })
			settle()
		end)

		it(name .. " and a cancelled task leave nothing behind", function()
			local before = worker.info().tasks
			local t = task.spawn(call)
			wait_busy(1)
			t:cancel()
			assert.is_true(task.is_cancelled(support.raises(t.join, t)))
			settle()
			wait_until("its tasks are gone", function()
				return worker.info().tasks == before
			end)
		end)
	end
end)

describe("in a pool thread", function()
	it("thread.yield and thread.cancelled know where they are", function()
		support.contains("thread.yield: this is no pool thread", support.raises(thread.yield, 1))
		assert.is_false(thread.cancelled())
		assert.is_false(thread.run(plain(function()
			return thread.cancelled()
		end)))
		local nothing_first = plain(function()
			thread.yield(nil, 1)
		end)
		support.contains("thread.yield: the first value must not be nil",
			support.raises(thread.run, nothing_first))
		support.contains("thread.yield: result 1 cannot cross", support.raises(thread.run_with,
			{ on_progress = function() end }, plain(function()
				thread.yield(io.stdout)
			end)))
	end)

	it("fs and log work", function()
		local path = os.tmpname()
		assert.equal("by a thread", thread.run(plain(function(name)
			local fs = require("moonloop.fs")
			assert(fs.write(name, "by a thread"))
			require("moonloop.log").debug("thread.spec", { path = name })
			return fs.read(name)
		end), path))
		os.remove(path)
	end)

	it("every function that waits says that it cannot", function()
		local there = {
			["sleep"] = function()
				require("moonloop").sleep(0)
			end,
			["job:join"] = function()
				require("moonloop.thread").spawn(print)
			end,
			["thread.run"] = function()
				require("moonloop.thread").run(print)
			end,
			["thread.run_with"] = function()
				require("moonloop.thread").run_with({}, print)
			end,
			["join"] = function()
				require("moonloop").spawn(print):join()
			end,
			["group"] = function()
				require("moonloop.task").group(function() end)
			end,
			["first"] = function()
				local state = require("moonloop.core.state")
				require("moonloop.task").first({ state.new(1, print, 0, false, false, false) })
			end,
			["all"] = function()
				local state = require("moonloop.core.state")
				require("moonloop.task").all({ state.new(1, print, 0, false, false, false) })
			end,
			["event:wait"] = function()
				require("moonloop.sync").event():wait()
			end,
			["semaphore:acquire"] = function()
				local semaphore = require("moonloop.sync").semaphore(1)
				semaphore:acquire()
				semaphore:acquire()
			end,
			["mutex:lock"] = function()
				local mutex = require("moonloop.sync").mutex()
				mutex.owner_ = 1
				mutex:lock()
			end,
			["rwlock"] = function()
				local lock = require("moonloop.sync").rwlock()
				lock:read_lock()
				lock:write_lock()
			end,
			["queue:get"] = function()
				require("moonloop.queue").new(1):get()
			end,
			["queue:put"] = function()
				require("moonloop.queue").new(0):put(1)
			end,
			["select"] = function()
				require("moonloop.queue").select({ require("moonloop.queue").new(1) })
			end,
			["socket.connect"] = function()
				require("moonloop.socket").connect("127.0.0.1:1")
			end,
			["dns.resolve"] = function()
				require("moonloop.dns").resolve("localhost")
			end,
			["dns.srv"] = function()
				require("moonloop.dns").srv("localhost")
			end,
			["dns.txt"] = function()
				require("moonloop.dns").txt("localhost")
			end,
			["dns.mx"] = function()
				require("moonloop.dns").mx("localhost")
			end,
			["process.run"] = function()
				require("moonloop.process").run({ "true" })
			end,
			["process.spawn"] = function()
				require("moonloop.process").spawn({ "true" })
			end,
		}
		-- Of requests, jobs and sockets, which cannot get there; what of files and modules waits on the loop
		-- is done at once there.
		local elsewhere = { receive = true, send = true, ["thread.spawn"] = true, ["job:results"] = true,
			require = true, coroutine = true, ["tempdir:close"] = true, ["pool:connect"] = true }
		local function is_elsewhere(name)
			local kind = name:match("^(%w+)[.:]")
			return elsewhere[name] or kind == "fs" or kind == "file" or name:find("^%w+:") and not there[name]
				and (kind == "socket" or kind == "listener" or kind == "udp" or kind == "process" or kind == "pipe"
				or kind == "watcher")
		end
		assert(sync and queue)
		for _, name in pairs(waits.names) do
			if not is_elsewhere(name) then
				local fn = there[name]
				assert.is_truthy(fn, "what about " .. name .. "?")
				support.contains("pool thread", support.raises(thread.run, plain(fn)))
			end
		end
	end)
end)

describe("the pool", function()
	it("takes the higher priority first, and never forgets the lower", function()
		local release = hold_all()
		local before = worker.info().jobs
		local order, all = {}, {}
		for _, priority in ipairs({ "low", "normal", "high" }) do
			for i = 1, 30 do
				all[#all + 1] = task.spawn(function()
					thread.run_with({ priority = priority }, nothing)
					order[#order + 1] = { priority, i }
				end)
			end
		end
		moonloop.sleep(0.005)
		assert.equal(90, worker.info().jobs.waiting)
		release()
		for _, t in ipairs(all) do
			t:join()
		end
		local at = { high = 0, normal = 0, low = 0 }
		for i, what in ipairs(order) do
			at[what[1]] = at[what[1]] + i
		end
		assert.is_true(at.high < at.normal and at.normal < at.low)
		local after = worker.info().jobs
		assert.is_true(after.done >= before.done + 90)
		assert.is_true(after.wait > before.wait)
		assert.is_true(after.wait_max >= 0.004 and after.wait_max <= after.wait)
		assert.equal(0, after.busy)
		assert.equal(0, after.waiting)
	end)
end)
