-- What cancellation means to a task; that every function can be cancelled is in cancel_everywhere_spec.lua.

local moonloop = require("moonloop")
local support = require("support")
local task = require("moonloop.task")

local raises = support.raises
local sleep, spawn = moonloop.sleep, moonloop.spawn

local function forever()
	sleep(60)
end

describe("cancel", function()
	it("before the first run stops the first wait", function()
		local ran = false
		local t = spawn(function()
			ran = true
			forever()
		end)
		t:cancel()
		assert.is_true(task.is_cancelled(raises(t.join, t)))
		assert.is_true(ran)
	end)

	it("does nothing to a task that ended", function()
		local t = spawn(function()
			return 1
		end)
		t:join()
		t:cancel()
		assert.equal(1, t:join())
	end)

	it("does not reach a task that never waits again", function()
		local t
		t = spawn(function()
			t:cancel()
			return "done"
		end)
		assert.equal("done", t:join())
	end)
end)

describe("a cancelled task", function()
	it("sees it by pcall, and every later wait raises again", function()
		local seen = {}
		local t = spawn(function()
			for i = 1, 3 do
				local ok, err = pcall(forever)
				seen[i] = not ok and task.is_cancelled(err)
			end
			return "tidied"
		end)
		sleep(0)
		t:cancel()
		assert.equal("tidied", t:join())
		assert.same({ true, true, true }, seen)
	end)

	it("raises an object that reads well", function()
		local t = spawn(forever)
		t:cancel()
		assert.equal("cancelled", tostring(raises(t.join, t)))
	end)

	it("may still spawn; the child is cancelled with it", function()
		local child
		local t = spawn(function()
			pcall(forever)
			child = spawn(forever)
		end)
		sleep(0)
		t:cancel()
		t:join()
		assert.is_true(task.is_cancelled(raises(child.join, child)))
	end)
end)

describe("is_cancelled", function()
	it("knows nothing else", function()
		assert.is_false(task.is_cancelled("cancelled"))
		assert.is_false(task.is_cancelled(nil))
		assert.is_false(task.is_cancelled({}))
	end)
end)

describe("shield", function()
	it("gives arguments and results through", function()
		local got = { n = select("#", task.shield(function(...)
			return ...
		end, nil, 2, nil)), task.shield(function(...)
			return ...
		end, nil, 2, nil) }
		assert.same({ n = 3, nil, 2, nil }, got)
	end)

	it("holds the cancellation off until its end; the first wait after it raises", function()
		local log = {}
		local t = spawn(function()
			task.shield(function()
				sleep(0.01)
				sleep(0.01)
				log[#log + 1] = "saved"
			end)
			log[#log + 1] = "after"
			forever()
			log[#log + 1] = "never"
		end)
		sleep(0.002)
		t:cancel()
		assert.is_true(task.is_cancelled(raises(t.join, t)))
		assert.same({ "saved", "after" }, log)
	end)

	it("nests", function()
		local t = spawn(function()
			task.shield(function()
				task.shield(sleep, 0.001)
				sleep(0.001) -- still shielded
			end)
			return pcall(forever)
		end)
		sleep(0)
		t:cancel()
		local ok, err = t:join()
		assert.is_false(ok)
		assert.is_true(task.is_cancelled(err))
	end)

	it("ends when its function fails, with the function's line", function()
		local t = spawn(function()
			pcall(task.shield, error, "x")
			return pcall(forever)
		end)
		sleep(0)
		t:cancel()
		assert.is_false((t:join()))
		local where = support.line(2)
		local err = raises(task.shield, function()
			error("not saved")
		end)
		assert.equal(where .. "not saved", err)
	end)

	it("does not cover the tasks that are spawned inside", function()
		local t = spawn(function()
			return task.shield(function()
				local child = spawn(forever)
				child:cancel()
				return pcall(child.join, child)
			end)
		end)
		local ok, err = t:join()
		assert.is_false(ok)
		assert.is_true(task.is_cancelled(err))
	end)
end)
