--- Scenarios of support_cancel.lua: what of moonloop.thread waits. That no job is left is counted for all
-- of them.

local plain = require("plain_env")
local thread = require("moonloop.thread")

local scenarios = {}

-- It yields, and returns what it got.
local work = plain(function(n)
	require("moonloop.thread").yield("part")
	return n + 1
end)

scenarios["thread.run_with"] = function()
	return {
		gives = { 42 },
		run = function()
			return thread.run_with({ on_progress = function() end }, work, 41)
		end,
	}
end

local function of_job(gives, timeout, fn)
	return function()
		local job = thread.spawn(work, 41)
		return {
			gives = { gives },
			timeout = timeout,
			run = function(seconds)
				return fn(job, seconds)
			end,
			check = function()
				job:cancel()
				pcall(job.join, job)
			end,
		}
	end
end

scenarios["Job:join"] = of_job(42, false, function(job)
	return job:join()
end)

scenarios["Job:results"] = of_job("part", false, function(job)
	local got
	for part in job:results() do
		got = part
	end
	return got
end)

return scenarios
