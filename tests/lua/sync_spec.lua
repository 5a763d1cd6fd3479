local support = require("support")
local sync = require("moonloop.sync")
local task = require("moonloop.task")

local raises, contains = support.raises, support.contains
local sleep, spawn = task.sleep, task.spawn

-- Five tasks that do fn(i) in order of their start; what they appended.
local function five(fn)
	local order, tasks = {}, {}
	for i = 1, 5 do
		tasks[i] = spawn(function()
			fn(i, order)
		end)
	end
	task.all(tasks)
	return order
end

describe("event", function()
	it("lets all go on who wait, and who comes later", function()
		local e, n = sync.event(), 0
		for _ = 1, 3 do
			spawn(function()
				assert(e:wait())
				n = n + 1
			end)
		end
		sleep(0.002)
		assert.equal(0, n)
		e:set()
		sleep(0)
		assert.equal(3, n)
		assert.is_true(e:wait())
		assert.is_true(e:is_set())
		e:clear()
		assert.same({ nil, "timeout" }, { e:wait(0) })
	end)
end)

describe("mutex", function()
	it("is had by one at a time, first come, first served", function()
		local m, inside = sync.mutex(), 0
		local order = five(function(i, order)
			m:lock()
			inside = inside + 1
			assert.equal(1, inside)
			sleep(0.001)
			inside = inside - 1
			order[#order + 1] = i
			m:unlock()
		end)
		assert.same({ 1, 2, 3, 4, 5 }, order)
		assert.is_false(m:is_locked())
	end)

	it("cannot be overtaken between unlock and the next one's turn", function()
		local m, order = sync.mutex(), {}
		m:lock()
		local t = spawn(function()
			m:lock()
			order[#order + 1] = "waited"
			m:unlock()
		end)
		sleep(0)
		m:unlock()
		assert.is_false(m:try_lock())
		t:join()
		assert.is_true(m:try_lock())
		m:unlock()
	end)

	it("is given back by with, whatever happens", function()
		local m = sync.mutex()
		assert.same({ 1, 2 }, { m:with(function(...)
			return ...
		end, 1, 2) })
		assert.equal("x", raises(m.with, m, error, "x"))
		assert.is_false(m:is_locked())
	end)

	it("refuses misuse", function()
		local m = sync.mutex()
		contains("unlock: it is not locked", raises(m.unlock, m))
		m:lock()
		contains("lock: this task has it already", raises(m.lock, m))
		local t = spawn(function()
			m:unlock()
		end)
		contains("unlock: another task has it", raises(t.join, t))
		m:unlock()
		local where = support.line(2)
		local err = raises(function()
			m:lock("1")
		end)
		assert.equal(where .. "lock: timeout must be a number of seconds >= 0, got 1", err)
		contains("expected a moonloop.sync.mutex, got a nil", raises(m.lock))
	end)
end)

describe("semaphore", function()
	it("has so many permits", function()
		local s, inside, most = sync.semaphore(2), 0, 0
		local order = five(function(i, order)
			s:with(function()
				inside = inside + 1
				most = math.max(most, inside)
				sleep(0.001)
				inside = inside - 1
				order[#order + 1] = i
			end)
		end)
		assert.equal(2, most)
		assert.equal(5, #order)
		assert.equal(2, s:available())
	end)

	it("loses no permit to who is cancelled as it is given", function()
		local s = sync.semaphore(1)
		s:acquire()
		local t = spawn(function()
			s:acquire()
			s:release()
		end)
		sleep(0)
		s:release()
		t:cancel() -- it has the permit, but did not run yet
		t:join()
		assert.equal(1, s:available())
	end)

	it("refuses misuse", function()
		contains("permits must be an integer >= 1, got 0", raises(sync.semaphore, 0))
		contains("permits must be an integer >= 1, got nan", raises(sync.semaphore, 0 / 0))
		local s = sync.semaphore(1)
		contains("release: no permit is out", raises(s.release, s))
	end)
end)

describe("rwlock", function()
	it("is for many readers or one writer, in order", function()
		local l, log = sync.rwlock(), {}
		local function reader(name)
			return spawn(function()
				l:read_lock()
				log[#log + 1] = name
				sleep(0.002)
				l:read_unlock()
			end)
		end
		local tasks = { reader("a"), reader("b") }
		tasks[3] = spawn(function()
			l:with_write(function()
				log[#log + 1] = "write"
				sleep(0.002)
				log[#log + 1] = "wrote"
			end)
		end)
		tasks[4], tasks[5] = reader("c"), reader("d")
		task.all(tasks)
		assert.same({ "a", "b", "write", "wrote", "c", "d" }, log)
	end)

	it("lets readers in when the writer before them gives up", function()
		local l = sync.rwlock()
		l:read_lock()
		local writer = spawn(l.write_lock, l, 0.005)
		sleep(0)
		local reader = spawn(l.with_read, l, function()
			return "read"
		end)
		assert.same({ nil, "timeout" }, { writer:join() })
		assert.equal("read", reader:join())
		l:read_unlock()
		l:write_lock()
		l:write_unlock()
	end)

	it("refuses misuse", function()
		local l = sync.rwlock()
		contains("no reader has it", raises(l.read_unlock, l))
		contains("no writer has it", raises(l.write_unlock, l))
	end)
end)
