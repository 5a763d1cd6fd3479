--- Scenarios of support_cancel.lua: what of moonloop.sync and moonloop.queue waits.

local assert = require("luassert")
local queue = require("moonloop.queue")
local sync = require("moonloop.sync")
local task = require("moonloop.task")

local scenarios = {}

local function nobody(...)
	for _, line in ipairs({ ... }) do
		assert.is_false(line.first)
		assert.is_false(line.last)
	end
end

scenarios["Event:wait"] = function()
	local e = sync.event()
	return {
		gives = { true },
		timeout = true,
		run = function(timeout)
			return e:wait(timeout)
		end,
		release = function()
			e:set()
		end,
		check = function()
			nobody(e.line_)
		end,
	}
end

-- A lock that another task holds until it is released.
-- @param object the lock
-- @param hold its method that calls a function with the lock
-- @param take calls fn() with the lock: true, or nil and "timeout"
-- @param is_free whether nobody has it
local function locks(new, hold, take, is_free, timeout)
	return function()
		local object, enough = new(), sync.event()
		local holder = task.spawn(object[hold], object, enough.wait, enough)
		task.sleep(0)
		return {
			gives = { true },
			timeout = timeout,
			run = function(seconds)
				return take(object, seconds)
			end,
			release = function()
				enough:set()
			end,
			check = function()
				enough:set()
				holder:join()
				nobody(object.line_)
				assert.is_true(is_free(object))
			end,
		}
	end
end

-- Takes by one method, gives back by another.
local function pair(take, give)
	return function(object, timeout)
		local ok, code = object[take](object, timeout)
		if ok then
			object[give](object)
		end
		return ok, code
	end
end

-- Waits inside, too.
local function inside(with)
	return function(object)
		return object[with](object, function(...)
			task.sleep(0)
			return ...
		end, true)
	end
end

local function one_permit()
	return sync.semaphore(1)
end

local function mutex_is_free(m)
	return not m:is_locked()
end

local function semaphore_is_free(s)
	return s:available() == 1
end

local function rwlock_is_free(l)
	return l:with_write(function()
		return l.readers_ == 0
	end)
end

scenarios["Mutex:lock"] = locks(sync.mutex, "with", pair("lock", "unlock"), mutex_is_free, true)
scenarios["Mutex:with"] = locks(sync.mutex, "with", inside("with"), mutex_is_free)
scenarios["Semaphore:acquire"] = locks(one_permit, "with", pair("acquire", "release"),
	semaphore_is_free, true)
scenarios["Semaphore:with"] = locks(one_permit, "with", inside("with"), semaphore_is_free)
scenarios["Rwlock:read_lock"] = locks(sync.rwlock, "with_write", pair("read_lock", "read_unlock"),
	rwlock_is_free, true)
scenarios["Rwlock:write_lock"] = locks(sync.rwlock, "with_read", pair("write_lock", "write_unlock"),
	rwlock_is_free, true)
scenarios["Rwlock:with_read"] = locks(sync.rwlock, "with_write", inside("with_read"), rwlock_is_free)
scenarios["Rwlock:with_write"] = locks(sync.rwlock, "with_read", inside("with_write"), rwlock_is_free)

-- A reader queues behind the writer that is stopped: it must get in.
scenarios["Rwlock:write_lock, before a reader"] = function()
	local l, enough = sync.rwlock(), sync.event()
	local holder, reader = task.spawn(l.with_read, l, enough.wait, enough), nil
	task.sleep(0)
	return {
		gives = { true },
		timeout = true,
		run = function(timeout)
			reader = task.spawn(function()
				task.sleep(0)
				l:with_read(task.sleep, 0)
			end):detach()
			return pair("write_lock", "write_unlock")(l, timeout)
		end,
		release = function()
			enough:set()
		end,
		check = function(ended)
			if not ended then
				reader:join()
			end
			enough:set()
			holder:join()
			reader:join()
			nobody(l.line_)
		end,
	}
end

-- What was put is either got or still there.
scenarios["Queue:get"] = function()
	local q, put, got = queue.new(1), 0, 0
	return {
		gives = { "item" },
		timeout = true,
		run = function(timeout)
			local item, code = q:get(timeout)
			got = item and 1 or 0
			return item, code
		end,
		release = function()
			put = q:try_put("item") and 1 or put
		end,
		check = function()
			nobody(q.getters_, q.putters_)
			assert.equal(put - got, q:count())
		end,
	}
end

local function puts(capacity)
	return function()
		local q, filled, put, got = queue.new(capacity), 0, 0, 0
		while q:try_put("filler") do
			filled = filled + 1
		end
		return {
			gives = { true },
			timeout = true,
			run = function(timeout)
				local ok, code = q:put("item", timeout)
				put = ok and 1 or 0
				return ok, code
			end,
			release = function()
				got = q:try_get() and 1 or got
			end,
			check = function()
				nobody(q.getters_, q.putters_)
				assert.equal(filled + put - got, q:count())
			end,
		}
	end
end

scenarios["Queue:put"] = puts(1)
scenarios["Queue:put, hand to hand"] = puts(0)

scenarios["Queue:each"] = function()
	local q, turn = queue.new(1), 0
	return {
		gives = { 3 },
		run = function()
			local sum = 0
			for n in q:each() do
				sum = sum + n
			end
			return sum
		end,
		release = function()
			turn = turn + 1
			if turn < 3 then
				q:try_put(turn)
			else
				q:close()
			end
		end,
		check = function()
			nobody(q.getters_, q.putters_)
		end,
	}
end

scenarios["queue.select"] = function()
	local a, b, c = queue.new(1), queue.new(0), queue.new(1)
	return {
		gives = { 1, "item" },
		timeout = true,
		run = function(timeout)
			return queue.select({ a, { b, 1 }, c, b }, timeout)
		end,
		release = function()
			a:try_put("item")
		end,
		check = function()
			nobody(a.getters_, a.putters_, b.getters_, b.putters_, c.getters_, c.putters_)
			assert.same({ nil, "empty" }, { b:try_get() })
			assert.equal(0, a:count())
		end,
	}
end

return scenarios
