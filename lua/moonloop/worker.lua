--- The process that runs this code.

local native = require("moonloop.core.ffi")
local version = require("moonloop.core.native").version

local out = native.ffi.new("ml_worker")

return {
	--- info(): what this worker is doing now.
	-- @return a table: pid, index (0..), generation (of the code that asks, from 1), version, uptime
	-- (s), connections (open), requests (so far), tasks (alive), lua_bytes (Lua heap), threads (of
	-- the pool), thread_queue (jobs that wait), jobs: {busy (threads), waiting, done (so far), wait
	-- (seconds that these had waited for a thread, in all), wait_max (the longest of them)}
	-- @raise in a pool thread
	info = function()
		if native.C.ml_task_self() == 0 then
			error("worker.info cannot be used inside a pool thread", 2)
		end
		native.C.ml_worker_info(out)
		return {
			pid = out.pid,
			index = out.index,
			generation = out.generation,
			version = version,
			uptime = out.uptime,
			connections = out.connections,
			requests = out.requests,
			tasks = out.tasks,
			lua_bytes = collectgarbage("count") * 1024,
			threads = out.threads,
			thread_queue = out.thread_queue,
			jobs = {
				busy = out.jobs_running,
				waiting = out.thread_queue,
				done = out.jobs,
				wait = out.job_wait,
				wait_max = out.job_wait_max,
			},
		}
	end,
}
