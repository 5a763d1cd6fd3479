--- Tasks: pieces of work that run side by side on the event loop.
--
--     local task = require "moonloop.task"
--     local a = task.spawn(fetch, "one")
--     local b = task.spawn(fetch, "two")
--     print(a:join(), b:join())

local core = require("moonloop.core.task")

return {
	--- spawn(fn, ...): starts fn(...) as a task; it is cancelled when the task that started it ends.
	-- @return a task with :join() (Suspends. fn's results; raises its error, or the cancellation if
	-- it was cancelled) and :cancel() (its current wait, or its next one, raises the cancellation)
	-- @raise when there are too many tasks, and in a pool thread
	spawn = core.spawn,
	--- background(fn, ...): starts fn(...) as a task that outlives the request and is not cancelled
	-- with it. At the end of the worker it has the drain time-out.
	-- @return a task, as spawn; an error that nobody joined is logged
	background = core.background,
	--- shield(fn, ...): calls fn(...) here, cancellation held off until it returned; the first wait
	-- after that raises it.
	-- @return fn's results; raises its error
	shield = core.shield,
	--- cpu_budget(seconds): sets the CPU time that the running task may use in all; 0: any. Replaces
	-- --cpu-budget.
	cpu_budget = core.cpu_budget,
	--- is_cancelled(err): whether an error that pcall caught is the cancellation.
	is_cancelled = core.is_cancelled,
	--- sleep(seconds): Suspends for that long; fractions count.
	-- @raise the cancellation; at the caller's line when it is no number >= 0
	sleep = core.sleep,
}
