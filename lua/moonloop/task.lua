--- Tasks: pieces of work that run side by side on the event loop.
--
--     local task = require "moonloop.task"
--     local a = task.spawn(fetch, "one")
--     local b = task.spawn(fetch, "two")
--     print(a:join(), b:join())

local combine = require("moonloop.core.combine")
local core = require("moonloop.core.task")
local group = require("moonloop.core.group")
local scope = require("moonloop.core.scope")

return {
	--- Starts fn(...) as a task; it is cancelled when the task that started it ends.
	-- @return a task with :join(timeout) (Suspends. fn's results; raises its error), :cancel(), :detach(),
	-- :ended(), :name(text)
	spawn = core.spawn,
	--- Starts fn(...) as a task that outlives the request.
	background = core.background,
	--- Calls fn(group, ...); Suspends until all tasks that it started by group:spawn ended.
	group = group.group,
	--- Suspends until the first of an array of tasks ended: its index and results.
	first = combine.first,
	--- Suspends until all of an array of tasks ended: the first result of each.
	all = combine.all,
	--- Calls fn(...) with a deadline in seconds: nil, "timeout" when a wait in it went past that.
	timeout = scope.timeout,
	--- Calls fn(...) with cancellation and deadlines held off until it returned.
	shield = core.shield,
	--- Whether a caught error is the cancellation (then pass it on: error(err, 0)).
	is_cancelled = core.is_cancelled,
	--- Whether a caught error is the end of a deadline (then pass it on).
	is_timeout = scope.is_timeout,
	--- Calls fn(...) once, after a number of seconds.
	after = combine.after,
	--- Calls fn(...) every so many seconds.
	every = combine.every,
	--- The running task's name.
	name = combine.name,
	--- A table that belongs to the running task; its children begin with a copy.
	locals = combine.locals,
	--- What all tasks of the worker do.
	tree = require("moonloop.core.tree"),
	--- Suspends for a number of seconds.
	sleep = core.sleep,
}
