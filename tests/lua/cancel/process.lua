--- Scenarios of support_cancel.lua: moonloop.process. That no child is left is counted for all of them.

local assert = require("luassert")
local native = require("moonloop.core.ffi")
local process = require("moonloop.process")
local task = require("moonloop.task")

local MEGABYTE = ("x"):rep(2 ^ 20)

local scenarios = {}

-- The process ends with it, not when it is collected.
scenarios["process.run"] = function()
	local streams = native.C.stream_live()
	return {
		gives = { "in" },
		run = function()
			return process.run({ "cat" }, { input = "in", timeout = 60 }).stdout
		end,
		check = function()
			assert.is_true(native.C.stream_live() <= streams)
		end,
	}
end

scenarios["process.spawn"] = function()
	return {
		gives = { true },
		run = function()
			return process.spawn({ "sleep", "60" }, { stdin = "pipe" }):close()
		end,
	}
end

-- Something that waits for `cat`, which ends at the end of its input.
local function of_cat(gives, timeout, fn, release, check)
	return function()
		local cat, turn = assert(process.spawn({ "cat" }, { stdin = "pipe" })), 0
		return {
			gives = { gives },
			timeout = timeout,
			run = function(seconds)
				return fn(cat, seconds)
			end,
			release = function()
				turn = turn + 1
				release(cat, turn)
			end,
			check = function(ended)
				if check then
					check(cat, ended)
				end
				cat:close()
			end,
		}
	end
end

-- Cancelled, it kills.
scenarios["Process:wait"] = of_cat(0, true, function(cat, timeout)
	local status, code = cat:wait(timeout)
	return status and status.status, code
end, function(cat)
	cat.stdin:close()
end, function(cat)
	assert.is_false(cat.waits_)
end)

scenarios["Pipe:read"] = of_cat("two words", nil, function(cat)
	return cat.stdout:read(3) .. cat.stdout:read("line") .. cat.stdout:read("all")
end, function(cat, turn)
	if turn == 1 then
		cat.stdin:write("two wor")
	elseif turn == 2 then
		cat.stdin:write("ds\n")
		cat.stdin:close()
	end
end, function(cat)
	assert.is_false(cat.stdout.busy_)
end)

scenarios["Pipe:lines"] = of_cat("one,two", nil, function(cat)
	local lines = {}
	for line in cat.stdout:lines() do
		lines[#lines + 1] = line
	end
	return table.concat(lines, ",")
end, function(cat, turn)
	if turn == 1 then
		cat.stdin:write("one\ntw")
	elseif turn == 2 then
		cat.stdin:write("o")
		cat.stdin:close()
	end
end, function(cat)
	assert.is_false(cat.stdout.busy_)
end)

scenarios["Pipe:write"] = of_cat(true, nil, function(cat)
	return cat.stdin:write(MEGABYTE)
end, function(cat, turn)
	if turn == 1 then
		task.spawn(cat.stdout.read, cat.stdout, "all"):detach()
	end
end, function(cat)
	assert.is_false(cat.stdin.busy_)
end)

return scenarios
