--- Lets a wait pass through coroutines that the application made itself.
-- A task waits by yielding the wait marker to the scheduler. Inside a user's own coroutine that
-- yield would end up at the user's `resume`; so `resume` and `wrap` hand the marker upward and go on
-- with the inner coroutine when the task is woken. `yield` outside of any user coroutine would reach
-- the scheduler: it is an error.

local blame = require("moonloop.core.errors").blame

local raw_resume, raw_yield = coroutine.resume, coroutine.yield
local raw_create, raw_running = coroutine.create, coroutine.running
local raw_isyieldable = coroutine.isyieldable

local WAIT = { __name = "moonloop.wait" }
local DONE = { __name = "moonloop.done" }

-- Coroutines that the application made; the others are tasks (or the main state).
local made = setmetatable({}, { __mode = "k" })

local function pass(co, ok, first, ...)
	if first == WAIT then
		raw_yield(WAIT)
		return pass(co, raw_resume(co))
	end
	return ok, first, ...
end

local function check(name, value, expected)
	if type(value) ~= expected then
		blame(("bad argument #1 to '%s' (%s expected, got %s)")
			:format(name, expected == "thread" and "coroutine" or expected, type(value)))
	end
end

local function resume(co, ...)
	check("resume", co, "thread")
	return pass(co, raw_resume(co, ...))
end

local function create(fn)
	check("create", fn, "function")
	local co = raw_create(fn)
	made[co] = true
	return co
end

local function unwrap(ok, ...)
	if not ok then
		error((...), 0)
	end
	return ...
end

local function wrap(fn)
	check("wrap", fn, "function")
	local co = create(fn)
	return function(...)
		return unwrap(resume(co, ...))
	end
end

local function yield(...)
	local co = raw_running()
	if co == nil or not made[co] then
		blame("coroutine.yield outside of a coroutine: a handler waits with moonloop's functions")
	end
	return raw_yield(...)
end

local function isyieldable()
	return made[raw_running()] ~= nil and raw_isyieldable()
end

coroutine.resume, coroutine.wrap = resume, wrap
coroutine.create, coroutine.yield = create, yield
coroutine.isyieldable = isyieldable

return {
	WAIT = WAIT,
	DONE = DONE,
	--- On the stack of a task while a coroutine of its own waits.
	pass = pass,
	--- Whether a wait can leave from here: no C function that called back is in between.
	can_park = raw_isyieldable,
	--- Suspends. Yields the wait marker; returns when the task was woken, for whatever reason.
	park = function()
		return raw_yield(WAIT)
	end,
	--- Ends the run of a task; task_main only. Returns the next task's kind, id and argument.
	done = function(failed)
		return raw_yield(DONE, failed)
	end,
}
