--- Tasks: pieces of work that run side by side on the event loop.
--
--     local task = require "moonloop.task"
--     local a = task.spawn(fetch, "one")
--     local b = task.spawn(fetch, "two")
--     print(a:join(), b:join())

local core = require("moonloop.core.task")

return {
	--- Starts fn(...) as a task; it is cancelled when the task that started it ends.
	-- @return a task with :join() (Suspends. fn's results; raises its error) and :cancel()
	spawn = core.spawn,
	--- Starts fn(...) as a task that outlives the request.
	background = core.background,
	--- Calls fn(...) with cancellation held off until it returned.
	shield = core.shield,
	--- Sets the CPU time that the running task may use in all; 0: any. Replaces --cpu-budget.
	cpu_budget = core.cpu_budget,
	--- Whether a caught error is the cancellation (then pass it on: error(err, 0)).
	is_cancelled = core.is_cancelled,
	--- Suspends for a number of seconds.
	sleep = core.sleep,
}
