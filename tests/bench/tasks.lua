--- What a task costs: `moonloop check tests/bench/tasks.lua` prints it as JSON, for alone.py.

local lasgi = require("moonloop.lasgi")
local task = require("moonloop.task")
local thread = require("moonloop.thread")
local time = require("moonloop.time")

local JOINS, ROUNDS = 300000, 5
local JOBS, JOB_ROUNDS = 20000, 10
local SLEEPERS = 100000

local function nothing() end

-- Bytes of the process that are its own.
local function memory()
	for line in io.lines("/proc/self/status") do
		local kib = line:match("^RssAnon:%s+(%d+)")
		if kib then
			return tonumber(kib) * 1024
		end
	end
end

-- Seconds, of the best round.
local function spawn_and_join()
	local best = math.huge
	for _ = 1, ROUNDS do
		local began = time.now()
		for _ = 1, JOINS do
			task.spawn(nothing):join()
		end
		best = math.min(best, (time.now() - began) / JOINS)
	end
	return best
end

-- One after the other, with an idle pool; and the CPU time of both threads.
local function run_in_thread()
	local best, cpu = math.huge, math.huge
	for _ = 1, JOB_ROUNDS do
		local began, cpu_began = time.now(), os.clock()
		for _ = 1, JOBS do
			thread.run(nothing)
		end
		best = math.min(best, (time.now() - began) / JOBS)
		cpu = math.min(cpu, (os.clock() - cpu_began) / JOBS)
	end
	return best * 1e6, cpu * 1e6
end

-- CPU time of a second without jobs, soon after many.
local function idle()
	run_in_thread()
	local began = os.clock()
	task.sleep(1)
	return (os.clock() - began) * 1e3
end

local function bytes_per_sleeper()
	collectgarbage()
	collectgarbage()
	local before = memory()
	return task.group(function(group)
		for _ = 1, SLEEPERS do
			group:spawn(task.sleep, 600)
		end
		task.sleep(0.5)
		local bytes = (memory() - before) / SLEEPERS
		group:cancel()
		return bytes
	end)
end

return function(scope, receive, send)
	if scope.type ~= "lifespan" then
		error(lasgi.unsupported)
	end
	receive()
	local join_us = spawn_and_join() * 1e6
	local job_us, job_cpu_us = run_in_thread()
	local idle_ms, bytes = idle(), bytes_per_sleeper()
	io.stdout:write(('{"spawn_join_us": %.4f, "sleeper_bytes": %.1f, "sleepers": %d, ')
		:format(join_us, bytes, SLEEPERS))
	io.stdout:write(('"thread_run_us": %.4f, "thread_run_cpu_us": %.4f, "idle_ms": %.4f}\n')
		:format(job_us, job_cpu_us, idle_ms))
	io.stdout:flush()
	send({ type = "lifespan.startup.complete" })
	receive()
	send({ type = "lifespan.shutdown.complete" })
end
