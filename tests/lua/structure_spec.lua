-- Deadlines, groups, several tasks at once, timers, names, locals, the tree.

local support = require("support")
local task = require("moonloop.task")
local time = require("moonloop.time")

local raises, contains = support.raises, support.contains
local sleep, spawn = task.sleep, task.spawn

local function forever()
	sleep(60)
end

describe("timeout", function()
	it("gives the results through, and errors", function()
		local got = { n = select("#", task.timeout(1, function(...)
			return ...
		end, nil, 2, nil)) }
		assert.equal(3, got.n)
		assert.equal("x", raises(task.timeout, 1, error, "x"))
	end)

	it("stops what is inside, also what it spawned there", function()
		local child
		assert.same({ nil, "timeout" }, { task.timeout(0.005, function()
			child = spawn(forever)
			local ok, err = pcall(forever)
			assert.is_true(not ok and task.is_timeout(err) and not task.is_cancelled(err))
			assert.equal("timed out", tostring(err))
			sleep(0) -- raises again
		end) })
		assert.is_true(task.is_timeout(raises(child.join, child)))
		sleep(0.001)
	end)

	it("nests: the earlier one counts", function()
		local began = time.now()
		assert.same({ nil, "timeout" }, { task.timeout(0.005, function()
			task.timeout(60, forever)
			error("never")
		end) })
		assert.same({ "went on", nil, "timeout" }, { task.timeout(60, function()
			return "went on", task.timeout(0.005, forever)
		end) })
		assert.is_true(time.now() - began < 1)
	end)

	it("is held off by shield, and does not stop background tasks", function()
		local log = {}
		local later
		assert.same({ nil, "timeout" }, { task.timeout(0.005, function()
			later = task.background(sleep, 0.02)
			task.shield(function()
				sleep(0.01)
				log[1] = "saved"
			end)
			sleep(0)
			log[2] = "never"
		end) })
		assert.same({ "saved" }, log)
		later:join()
	end)

	it("refuses misuse", function()
		contains("timeout: seconds must be a number >= 0, got nil", raises(task.timeout))
		contains("timeout: expected a function, got nil", raises(task.timeout, 1))
	end)
end)

describe("group", function()
	it("waits for its tasks and gives the function's results", function()
		local n = 0
		local a, b = task.group(function(g, by)
			for _ = 1, 3 do
				g:spawn(function()
					sleep(0.002)
					n = n + by
				end)
			end
			return "a", g:count()
		end, 2)
		assert.same({ "a", 3, 6 }, { a, b, n })
	end)

	it("is stopped by the first error: tasks and its function", function()
		local other, after
		local where = support.line(5)
		local err = raises(task.group, function(g)
			other = g:spawn(forever)
			g:spawn(function()
				sleep(0.001)
				error("broken")
			end)
			forever()
			after = true
		end)
		assert.equal(where .. "broken", err)
		assert.is_true(other:ended())
		assert.is_nil(after)
	end)

	it("cancels its tasks when its function fails, and waits for their ends", function()
		local tidied = false
		assert.equal("no", raises(task.group, function(g)
			g:spawn(function()
				pcall(forever)
				task.shield(sleep, 0.005)
				tidied = true
			end)
			sleep(0)
			error("no", 0)
		end))
		assert.is_true(tidied)
	end)

	it("does not fail for a task that was cancelled, and lets go who is detached", function()
		local free
		assert.equal("well", task.group(function(g)
			g:spawn(forever):cancel()
			free = g:spawn(sleep, 0.01):detach()
			return "well"
		end))
		assert.is_false(free:ended())
		free:join()
	end)

	it("nests, and an outer deadline goes through", function()
		local inner
		assert.same({ nil, "timeout" }, { task.timeout(0.005, task.group, function(g)
			g:spawn(task.group, function(g2)
				inner = g2:spawn(forever)
			end)
		end) })
		assert.is_true(inner:ended())
	end)

	it("can be cancelled from inside, and takes no more when it is over", function()
		local kept = task.group(function(g)
			g:spawn(forever)
			g:spawn(forever)
			g:cancel()
			return g
		end)
		assert.equal(0, kept:count())
		contains("spawn: the group is over", raises(kept.spawn, kept, forever))
	end)
end)

describe("first and all", function()
	it("give the first one's index and results, and leave the others alone", function()
		local slow = spawn(forever)
		assert.same({ 2, "a", "b" }, { task.first({ slow, spawn(function()
			return "a", "b"
		end) }) })
		assert.is_false(slow:ended())
		assert.same({ 2 }, { task.first({ slow, spawn(sleep, 0), cancel = true }) })
		assert.is_true(task.is_cancelled(raises(slow.join, slow)))
	end)

	it("give all results in order, nil too", function()
		local a, b, c = task.all({ spawn(function()
			sleep(0.002)
			return 1, "cut"
		end), spawn(sleep, 0), spawn(function()
			return 3
		end) })
		assert.same({ 1, nil, 3 }, { a, b, c })
		assert.equal(0, select("#", task.all({})))
	end)

	it("raise an error at once", function()
		local slow = spawn(forever)
		assert.equal("x", raises(task.all, { slow, spawn(error, "x"), cancel = true }))
		assert.equal("x", raises(task.first, { spawn(forever), spawn(error, "x"), cancel = true }))
	end)

	it("refuse misuse", function()
		contains("first: no task to wait for", raises(task.first, {}))
		contains("all: [1] must be a task, got a number", raises(task.all, { 1 }))
		contains("first: expected an array of tasks, got a nil", raises(task.first))
	end)
end)

describe("timers", function()
	it("call once, unless stopped", function()
		local n = 0
		local function count(by)
			n = n + by
		end
		local a, b = task.after(0.002, count, 1), task.after(0.002, count, 10)
		b:stop()
		a:join()
		sleep(0.005)
		assert.equal(1, n)
	end)

	it("call again and again without drift or overlap, and outlast errors", function()
		local began, times, running = time.now(), {}, 0
		local t = task.every(0.01, function()
			assert(running == 0)
			running = running + 1
			times[#times + 1] = time.now() - began
			sleep(#times == 2 and 0.015 or 0.004)
			running = running - 1
		end)
		sleep(0.075)
		t:stop()
		assert.is_true(#times >= 2 and #times <= 7)
		local before = 0 -- no two in one period counted from the start, however late one is
		for i = 1, #times do
			local period = math.floor(times[i] / 0.01)
			assert.is_true(period > before)
			before = period
		end
	end)

	it("overlap when asked", function()
		local running, most = 0, 0
		local t = task.every({ 0.002, overlap = true }, function()
			running = running + 1
			most = math.max(most, running)
			sleep(0.02)
			running = running - 1
		end)
		sleep(0.03)
		t:stop()
		assert.is_true(most > 1)
	end)

	it("stop with their owner", function()
		local n = 0
		spawn(function()
			task.every(0.001, function()
				n = n + 1
			end)
			sleep(0.005)
		end):join()
		sleep(0.002)
		local before = n
		sleep(0.005)
		assert.equal(before, n)
	end)
end)

describe("names, locals and the tree", function()
	it("inherit locals by copy", function()
		task.locals().id = 7
		local t = spawn(function()
			local mine = task.locals()
			local seen = mine.id
			mine.id = 8
			return seen, spawn(function()
				return task.locals().id
			end):join()
		end)
		assert.same({ 7, 8 }, { t:join() })
		assert.equal(7, task.locals().id)
		task.locals().id = nil
	end)

	it("show who waits for what, and where", function()
		local top = spawn(function()
			task.name("top")
			spawn(forever):name("leaf"):join()
		end)
		local before = time.now()
		sleep(0.005)
		local function find(nodes, name)
			for _, node in ipairs(nodes) do
				local found = node.name == name and node or find(node.children, name)
				if found then
					return found
				end
			end
		end
		local node = find(task.tree(), "top")
		assert.same({ "join", "waiting" }, { node.waits_for, node.state })
		contains("structure_spec.lua:", node.at)
		assert.is_true(node.since >= before - 0.1 and node.since <= time.now())
		assert.same({ "leaf", "sleep" }, { node.children[1].name, node.children[1].waits_for })
		top:cancel()
	end)

	it("keep the traceback of the whole chain of joins", function()
		local errors = require("moonloop.core.errors")
		local function deep()
			error("deep down")
		end
		local function middle()
			spawn(deep):join()
		end
		local _, err = xpcall(function()
			spawn(middle):join()
		end, errors.note)
		local text = errors.text(err)
		contains("deep down", text)
		local _, joins = text:gsub("joined by another task", "")
		assert.equal(2, joins)
	end)
end)
