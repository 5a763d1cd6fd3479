local moonloop = require("moonloop")
local support = require("support")
local task = require("moonloop.task")
local time = require("moonloop.time")

local begins, contains, line, raises = support.begins, support.contains, support.line, support.raises
local sleep, spawn = moonloop.sleep, moonloop.spawn

local function forever()
	sleep(60)
end

describe("spawn and join", function()
	it("runs beside its parent and gives its results", function()
		local order = {}
		local t = spawn(function(a, b)
			order[#order + 1] = "child"
			return a + b
		end, 1, 2)
		order[#order + 1] = "parent"
		assert.equal(3, t:join())
		assert.same({ "parent", "child" }, order)
	end)

	it("keeps nil arguments and results", function()
		local t = spawn(function(...)
			return select("#", ...), nil, ...
		end, nil, 2, nil)
		local got = { n = select("#", t:join()), t:join() }
		assert.same({ n = 5, 3, nil, nil, 2, nil }, got)
		assert.equal(0, select("#", spawn(function() end):join()))
	end)

	it("can be joined again, and by several", function()
		local t = spawn(function()
			sleep(0.01)
			return "one"
		end)
		local others = {}
		for i = 1, 3 do
			others[i] = spawn(function()
				return t:join()
			end)
		end
		for i = 1, 3 do
			assert.equal("one", others[i]:join())
		end
		assert.equal("one", t:join())
		assert.equal("one", t:join())
	end)

	it("hands an error to whoever joins, with the line where it was raised", function()
		local where = line(2)
		local t = spawn(function()
			error("lost contact")
		end)
		assert.equal(where .. "lost contact", raises(t.join, t))
		assert.equal(where .. "lost contact", raises(t.join, t))
	end)

	it("hands an error object over as it is", function()
		local object = { code = 7 }
		local t = spawn(error, object)
		assert.equal(object, raises(t.join, t))
	end)

	it("runs many", function()
		local tasks = {}
		for i = 1, 2000 do
			tasks[i] = spawn(function()
				sleep(0.001 * (i % 5))
				return i
			end)
		end
		local sum = 0
		for i = 1, 2000 do
			sum = sum + tasks[i]:join()
		end
		assert.equal(2000 * 2001 / 2, sum)
	end)

	it("nests", function()
		local function down(n)
			return n == 0 and 0 or 1 + spawn(down, n - 1):join()
		end
		assert.equal(50, down(50))
	end)
end)

describe("sleep(0)", function()
	it("lets the others run", function()
		local ran = false
		local t = spawn(function()
			ran = true
		end)
		sleep(0)
		assert.is_true(ran)
		t:join()
	end)

	it("can be called very often", function()
		for _ = 1, 1000 do
			sleep(0)
		end
	end)
end)

describe("a wrong argument", function()
	local function at_line(what, fn)
		local first = debug.getinfo(fn, "S")
		begins(("%s:%d: %s"):format(first.short_src, first.linedefined + 1, what), raises(fn))
	end

	it("is refused by sleep", function()
		at_line("sleep: seconds must be a number >= 0, got -1", function()
			sleep(-1)
		end)
		at_line("sleep: seconds must be a number >= 0, got nil", function()
			sleep()
		end)
		at_line("sleep: seconds must be a number >= 0, got nan", function()
			sleep(0 / 0)
		end)
		at_line("sleep: seconds must be a number >= 0, got 1", function()
			sleep("1")
		end)
	end)

	it("is refused by spawn, background and shield", function()
		at_line("spawn: expected a function, got nil", function()
			spawn(nil)
		end)
		at_line("background: expected a function, got table", function()
			task.background({})
		end)
		at_line("shield: expected a function, got number", function()
			task.shield(1)
		end)
	end)

	it("is refused by join and cancel, called with a dot", function()
		local t = spawn(function() end)
		at_line("join: expected a task, got a nil; call it as task:join()", function()
			t.join()
		end)
		at_line("cancel: expected a task, got a table; call it as task:cancel()", function()
			t.cancel({})
		end)
		t:join()
	end)

	it("is a task that joins itself", function()
		local t
		t = spawn(function()
			t:join()
		end)
		contains("join: a task cannot wait for its own end", raises(t.join, t))
	end)
end)

describe("background", function()
	it("outlives the task that started it", function()
		local done = false
		local inner
		spawn(function()
			inner = task.background(function()
				sleep(0.01)
				done = true
			end)
		end):join()
		inner:join()
		assert.is_true(done)
	end)
end)

describe("the end of a parent", function()
	it("cancels the children that still run", function()
		local child, state
		spawn(function()
			child = spawn(function()
				local ok, err = pcall(forever)
				state = not ok and task.is_cancelled(err)
			end)
			sleep(0.005)
		end):join()
		child:join()
		assert.is_true(state)
	end)

	it("cancels them when it fails, too, and their children", function()
		local grandchild
		local parent = spawn(function()
			spawn(function()
				grandchild = spawn(forever)
				forever()
			end)
			sleep(0.005)
			error("gone", 0)
		end)
		assert.equal("gone", raises(parent.join, parent))
		assert.is_true(task.is_cancelled(raises(grandchild.join, grandchild)))
	end)
end)

describe("waits", function()
	it("are as long as asked while others wake up", function()
		local noise = spawn(function()
			while true do
				sleep(0)
			end
		end)
		local began = time.now()
		sleep(0.03)
		assert.is_true(time.now() - began >= 0.03)
		noise:cancel()
		pcall(noise.join, noise)
	end)

	it("inside of a function that C calls back name that function", function()
		local t = { 3, 1, 2 }
		local where = line(2)
		local err = raises(table.sort, t, function(a, b)
			sleep(0)
			return a < b
		end)
		begins(where .. "a wait inside of a function that table.sort calls back", err)
		err = raises(function()
			return (("x"):gsub("x", function()
				sleep(0)
			end))
		end)
		contains("a wait inside of a function that string.gsub calls back", err)
	end)
end)
