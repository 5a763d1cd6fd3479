--- Scopes: a stretch of a task's work that can be stopped as a whole, by its deadline or by its group.
-- A scope stops the task's waits by raising itself, until whoever opened it catches it. It is a table:
-- due (on the clock of ml_now; math.huge: never), outer, owner (task id), fired. Children of the task
-- begin in its innermost scope, and so inherit the deadline.

local native = require("moonloop.core.ffi")
local verbs = require("moonloop.core.native")
local errors = require("moonloop.core.errors")
local state = require("moonloop.core.state")

local C = native.C
local ID, SCOPE, STATUS, LIVE = state.ID, state.SCOPE, state.STATUS, state.LIVE
local CANCELLED, Scope = errors.CANCELLED, errors.Scope

-- enum task_stop
local STOP_CANCELLED = 1

-- The clock of the tick, which C compares with, lies behind ml_now by less than it takes to get here.
local CLOCK_GRAIN = 1e-5

local scope = {}

local function fired(s, id)
	return s.fired and s.owner == id
end

-- C stops the waits from then on.
local function set_limit(own)
	local s = own[SCOPE]
	local limit = s and s.due or math.huge
	while s do
		if fired(s, own[ID]) then
			limit = 0
		end
		s = s.outer
	end
	C.ml_task_limit(own[ID], limit)
end

--- Opens one in the running task. Whoever does closes it, whatever happens.
-- @param own the task's state
-- @param due on the clock of ml_now
function scope.open(own, due)
	local outer = own[SCOPE]
	local s = setmetatable({
		due = outer and math.min(outer.due, due) or due,
		outer = outer,
		owner = own[ID],
		fired = false,
	}, Scope)
	own[SCOPE] = s
	set_limit(own)
	return s
end

function scope.close(own, s)
	own[SCOPE] = s.outer
	set_limit(own)
end

--- Stops the owner's work in it now.
function scope.fire(s)
	local own = state.of[s.owner]
	if own and own[STATUS] == LIVE and not s.fired then
		s.fired = true
		set_limit(own)
	end
end

--- Takes a task out of the scopes that it inherited.
function scope.leave(own)
	own[SCOPE] = false
	set_limit(own)
end

--- Raises what stops the running task: the cancelled object, or the outermost scope that is over.
-- @param why enum task_stop
function scope.stopped_by(why)
	local own = why ~= STOP_CANCELLED and state.of[verbs.self()]
	if not own then
		error(CANCELLED, 0)
	end
	local now = C.ml_now() + CLOCK_GRAIN
	local found, s = own[SCOPE], own[SCOPE]
	while s do
		if s.due <= now or fired(s, own[ID]) then
			found = s
		end
		s = s.outer
	end
	error(found or CANCELLED, 0)
end

local function finish(own, s, ok, ...)
	scope.close(own, s)
	if ok then
		return ...
	elseif (...) == s then
		return nil, "timeout"
	end
	error((...), 0)
end

--- Calls fn(...) with a deadline: once it passed, every wait in there raises, until fn is left. What
-- fn spawns inherits it; a deadline around it that is earlier counts.
-- @param seconds from now, >= 0
-- @return what fn returned; nil, "timeout"
function scope.timeout(seconds, fn, ...)
	if type(seconds) ~= "number" or seconds < 0 or seconds ~= seconds then
		errors.blame("timeout: seconds must be a number >= 0, got " .. tostring(seconds))
	elseif type(fn) ~= "function" then
		errors.blame("timeout: expected a function, got " .. type(fn))
	elseif verbs.self() == 0 then
		errors.blame("timeout: a pool thread has no tasks")
	end
	local own = state.current()
	local s = scope.open(own, C.ml_now() + seconds)
	return finish(own, s, xpcall(fn, errors.note, ...))
end

--- Whether an error is the end of a deadline.
function scope.is_timeout(err)
	return getmetatable(err) == Scope and not err.fired
end

return scope
