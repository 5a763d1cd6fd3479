--- moonloop: what most handlers need, in one table.
--
--     local moonloop = require "moonloop"
--     moonloop.sleep(0.1)

local task = require("moonloop.task")

return {
	--- "0.1.0"
	version = require("moonloop.core.native").version,
	--- sleep(seconds): Suspends. See moonloop.task.sleep.
	sleep = task.sleep,
	--- spawn(fn, ...): starts fn(...) as a task and returns it. See moonloop.task.spawn.
	spawn = task.spawn,
	--- watch(path): names a file or a directory that the application was made from, such as templates:
	-- `moonloop dev` and `--reload` load it anew when something there changes.
	watch = require("moonloop.core.sources").watch,
}
