-- Stops a task at every wait of the library: by cancelling it, by a deadline, by its own timeout. What
-- it waited in must be as if it never came, and go on working.

local queue = require("moonloop.queue")
local state = require("moonloop.core.state")
local sync = require("moonloop.sync")
local task = require("moonloop.task")

local sleep, spawn = task.sleep, task.spawn

local function nobody(...)
	for _, line in ipairs({ ... }) do
		assert.is_false(line.first)
		assert.is_false(line.last)
	end
end

local function nobody_joins(...)
	for _, t in ipairs({ ... }) do
		local list = t[state.WAITING]
		assert.is_true(not list or #list == 0)
		assert.is_false(t:ended())
		t:cancel()
	end
end

-- Each makes {fn(timeout), what must hold afterwards}.
local WAITS = {
	["sleep"] = function()
		return function()
			sleep(60)
		end, function() end, "no timeout"
	end,
	["join"] = function()
		local t = spawn(sleep, 60)
		return function(timeout)
			return t:join(timeout)
		end, function()
			nobody_joins(t)
		end
	end,
	["first"] = function()
		local a, b = spawn(sleep, 60), spawn(sleep, 60)
		return function(timeout)
			return task.first({ a, b }, timeout)
		end, function()
			nobody_joins(a, b)
		end
	end,
	["all"] = function()
		local a, b, c = spawn(sleep, 60), spawn(sleep, 60), spawn(sleep, 0)
		return function(timeout)
			return task.all({ a, b, c, a }, timeout)
		end, function()
			nobody_joins(a, b)
		end
	end,
	["group"] = function()
		local inner = {}
		return function()
			task.group(function(g)
				inner[1], inner[2] = g:spawn(sleep, 60), g:spawn(sleep, 60)
			end)
		end, function()
			assert.is_true(inner[1]:ended() and inner[2]:ended())
		end, "no timeout"
	end,
	["timeout"] = function()
		return function()
			return task.timeout(60, task.timeout, 50, sleep, 40)
		end, function() end, "no timeout"
	end,
	["event:wait"] = function()
		local e = sync.event()
		return function(timeout)
			return e:wait(timeout)
		end, function()
			nobody(e.line_)
			e:set()
		end
	end,
	["mutex:lock"] = function()
		local m, enough = sync.mutex(), sync.event()
		local holder = spawn(m.with, m, enough.wait, enough)
		sleep(0)
		return function(timeout)
			return m:lock(timeout)
		end, function()
			nobody(m.line_)
			enough:set()
			holder:join()
			assert.is_false(m:is_locked())
		end
	end,
	["mutex:with"] = function()
		local m = sync.mutex()
		return function()
			m:with(sleep, 60)
		end, function()
			assert.is_false(m:is_locked())
		end, "no timeout"
	end,
	["semaphore:acquire"] = function()
		local s = sync.semaphore(1)
		s:acquire()
		return function(timeout)
			return s:acquire(timeout)
		end, function()
			nobody(s.line_)
			s:release()
			assert.equal(1, s:available())
		end
	end,
	["rwlock:read_lock"] = function()
		local l = sync.rwlock()
		l:write_lock()
		return function(timeout)
			return l:read_lock(timeout)
		end, function()
			nobody(l.line_)
			l:write_unlock()
			l:with_write(sleep, 0)
		end
	end,
	["rwlock:write_lock"] = function()
		local l = sync.rwlock()
		l:read_lock()
		return function(timeout)
			return l:write_lock(timeout)
		end, function()
			nobody(l.line_)
			l:read_unlock()
			l:with_write(sleep, 0)
		end
	end,
	["queue:get"] = function()
		local q = queue.new(1)
		return function(timeout)
			return q:get(timeout)
		end, function()
			nobody(q.getters_, q.putters_)
			q:put(1)
			assert.equal(1, q:get())
		end
	end,
	["queue:put"] = function()
		local q = queue.new(1)
		q:put(1)
		return function(timeout)
			return q:put(2, timeout)
		end, function()
			nobody(q.getters_, q.putters_)
			assert.equal(1, q:get())
			assert.equal(0, q:count())
		end
	end,
	["queue.select"] = function()
		local a, b = queue.new(1), queue.new(0)
		return function(timeout)
			return queue.select({ a, { b, 1 }, b }, timeout)
		end, function()
			nobody(a.getters_, a.putters_, b.getters_, b.putters_)
			assert.same({ nil, "empty" }, { b:try_get() })
		end
	end,
}

-- What else Lua keeps of tasks.
local function states()
	local n = 0
	for _ in pairs(state.of) do
		n = n + 1
	end
	return n
end

describe("a task that waits", function()
	for name, make in pairs(WAITS) do
		it("in " .. name .. " can be cancelled", function()
			local fn, check = make()
			local t = spawn(fn)
			sleep(0.002)
			t:cancel()
			local ok, err = pcall(t.join, t)
			assert.is_false(ok)
			assert.is_true(task.is_cancelled(err))
			check()
		end)

		it("in " .. name .. " can be cancelled before it begins", function()
			local fn, check = make()
			sleep(0.001)
			local t = spawn(fn)
			t:cancel()
			local ok, err = pcall(t.join, t)
			assert.is_false(ok)
			assert.is_true(task.is_cancelled(err))
			check()
		end)

		it("in " .. name .. " is stopped by a deadline", function()
			local fn, check = make()
			assert.same({ nil, "timeout" }, { task.timeout(0.003, fn) })
			sleep(0.001) -- the deadline is gone with it
			check()
		end)

		it("in " .. name .. " has its own timeout", function()
			local fn, check, none = make()
			if not none then
				assert.same({ nil, "timeout" }, { fn(0.003) })
				assert.same({ nil, "timeout" }, { fn(0) })
				check()
			end
		end)
	end

	it("leaves no state behind", function()
		sleep(0.01)
		local before = states()
		for _, make in pairs(WAITS) do
			local fn, check = make()
			local t = spawn(fn)
			sleep(0.001)
			t:cancel()
			pcall(t.join, t)
			check()
		end
		sleep(0.01)
		assert.equal(before, states())
	end)
end)
