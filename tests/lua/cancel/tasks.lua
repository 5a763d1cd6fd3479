--- Scenarios of support_cancel.lua: tasks, threads, modules.

local assert = require("luassert")
local moonloop = require("moonloop")
local plain = require("plain_env")
local state = require("moonloop.core.state")
local sync = require("moonloop.sync")
local task = require("moonloop.task")
local thread = require("moonloop.thread")
local time = require("moonloop.time")

local scenarios = {}

local function sleeps(sleep)
	return function()
		return {
			gives = { "slept" },
			run = function()
				sleep(0.001)
				return "slept"
			end,
		}
	end
end

scenarios["task.sleep"] = sleeps(task.sleep)
scenarios["moonloop.sleep"] = sleeps(moonloop.sleep)
scenarios["time.sleep"] = sleeps(time.sleep)

scenarios["task.sleep, in a coroutine in a coroutine"] = sleeps(function(seconds)
	coroutine.wrap(function()
		coroutine.wrap(task.sleep)(seconds)
	end)()
end)

scenarios["task.sleep, below deadlines"] = sleeps(function(seconds)
	task.timeout(60, task.timeout, 50, task.sleep, seconds)
end)

-- A task that goes on to its end as if nobody had waited for it.
local function companion(done)
	return task.spawn(function()
		done:wait()
		return "well", 2
	end)
end

local function is_left_alone(t, done)
	local list = t[state.WAITING]
	assert.is_true(not list or #list == 0)
	done:set()
	assert.same({ "well", 2 }, { t:join() })
end

scenarios["Task:join"] = function()
	local done = sync.event()
	local t = companion(done)
	return {
		gives = { "well", 2 },
		timeout = true,
		run = function(timeout)
			return t:join(timeout)
		end,
		release = function()
			done:set()
		end,
		check = function()
			is_left_alone(t, done)
		end,
	}
end

-- Both wait for two tasks, one of which ends by itself.
local function of_several(wait_for, gives)
	return function()
		local done, never = sync.event(), sync.event()
		local a, b = companion(done), companion(never)
		return {
			gives = gives,
			timeout = true,
			run = function(timeout)
				return wait_for({ a, b }, timeout)
			end,
			release = function()
				done:set()
				if wait_for == task.all then
					never:set()
				end
			end,
			check = function()
				is_left_alone(a, done)
				is_left_alone(b, never)
			end,
		}
	end
end

scenarios["task.first"] = of_several(task.first, { 1, "well", 2 })
scenarios["task.all"] = of_several(task.all, { "well", "well" })

scenarios["task.group"] = function()
	local done, inner, turn = sync.event(), {}, 0
	return {
		gives = { "well" },
		run = function()
			return task.group(function(group)
				inner[1] = group:spawn(done.wait, done)
				inner[2] = group:spawn(done.wait, done)
				task.sleep(0)
				return "well"
			end)
		end,
		release = function()
			turn = turn + 1
			if turn > 1 then -- it waits for its tasks by now
				done:set()
			end
		end,
		check = function()
			assert.is_true((not inner[1] or inner[1]:ended()) and (not inner[2] or inner[2]:ended()))
			assert.is_false(done.line_.first)
		end,
	}
end

scenarios["thread.run"] = function()
	return {
		gives = { "worked" },
		run = function()
			return thread.run(plain(function()
				local until_ = os.clock() + 0.002
				repeat until os.clock() > until_ -- luacheck: ignore 542
				return "worked"
			end))
		end,
	}
end

-- Another task loads the module; then this one does.
local function requires(by_another)
	return function()
		local name, done, loader = "cancel_" .. tostring({}), sync.event(), nil
		package.preload[name] = function()
			done:wait()
			return "module"
		end
		if by_another then
			loader = task.spawn(require, name)
			task.sleep(0)
		end
		return {
			gives = { "module" },
			run = function()
				return require(name)
			end,
			release = function()
				done:set()
			end,
			check = function()
				done:set()
				assert.equal("module", require(name))
				if loader then
					loader:join()
				end
				package.loaded[name], package.preload[name] = nil, nil
			end,
		}
	end
end

scenarios["require"] = requires(true)
scenarios["require, as who loads it"] = requires(false)

return scenarios
