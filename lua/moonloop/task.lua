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
	--- spawn(fn, ...): starts fn(...) as a task; it is cancelled when the task that started it ends.
	-- @return a task with :join(timeout) (Suspends. fn's results; raises its error, or the cancellation if
	-- it was cancelled), :cancel() (its current wait, or its next one, raises the cancellation),
	-- :detach(), :ended(), :name(text)
	-- @raise when there are too many tasks, and in a pool thread
	spawn = core.spawn,
	--- background(fn, ...): starts fn(...) as a task that outlives the request and is not cancelled
	-- with it. At a reload, and at the end of the worker, it has the drain time-out.
	-- @return a task, as spawn; an error that nobody joined is logged
	background = core.background,
	--- shield(fn, ...): calls fn(...) here, cancellation and deadlines held off until it returned; the
	-- first wait after that raises it.
	-- @return fn's results; raises its error
	shield = core.shield,
	--- cpu_budget(seconds): sets the CPU time that the running task may use in all; 0: any. Replaces
	-- --cpu-budget.
	cpu_budget = core.cpu_budget,
	--- is_cancelled(err): whether an error that pcall caught is the cancellation.
	is_cancelled = core.is_cancelled,
	--- group(fn, ...): calls fn(group, ...); Suspends until all tasks that it started by group:spawn ended.
	group = group.group,
	--- first(tasks, timeout): Suspends until one of an array of tasks ended.
	-- @return its index and its results
	first = combine.first,
	--- all(tasks, timeout): Suspends until all of an array of tasks ended.
	-- @return the first result of each
	all = combine.all,
	--- timeout(seconds, fn, ...): calls fn(...) with a deadline; every wait past it raises.
	-- @return fn's results; nil, "timeout"
	timeout = scope.timeout,
	--- is_timeout(err): whether a caught error is the end of a deadline (then pass it on).
	is_timeout = scope.is_timeout,
	--- after(seconds, fn, ...): calls fn(...) once, then.
	after = combine.after,
	--- every(seconds, fn, ...): calls fn(...) every so many seconds.
	every = combine.every,
	--- name(text): names the running task.
	name = combine.name,
	--- locals(): a table that belongs to the running task; its children begin with a copy.
	locals = combine.locals,
	--- tree(): what all tasks of the worker do.
	tree = require("moonloop.core.tree"),
	--- sleep(seconds): Suspends for that long; fractions count.
	-- @raise the cancellation; at the caller's line when it is no number >= 0
	sleep = core.sleep,
}
