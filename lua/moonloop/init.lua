--- moonloop: what most handlers need, in one table.
--
--     local moonloop = require "moonloop"
--     moonloop.sleep(0.1)

local task = require("moonloop.task")

return {
	version = require("moonloop.core.native").version,
	--- Suspends for a number of seconds; fractions count.
	sleep = task.sleep,
	--- Starts fn(...) as a task; see moonloop.task.spawn.
	spawn = task.spawn,
}
