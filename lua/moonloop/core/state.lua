--- What Lua knows of a task: a spawned one's handle, or a note made on demand for any other.
-- Hot: an array, as it is half the size of a table with names, and made in one allocation. Only
-- files of core read it, by the places below. A request that never asks for anything has none.

local native = require("moonloop.core.native")

local self_id = native.self

local state = {
	ID = 1, -- of the task
	FN = 2, -- function to run; false at the end
	N = 3, -- number of arguments; at the end, of results
	VALUE = 4, -- the only argument or result, or a table of them; or the error
	PARENT = 5, -- the state of the task that it belongs to, or false
	STATUS = 6, -- one of the three below
	WAITING = 7, -- who waits for its end: false, a task id, or an array of them
	SCOPE = 8, -- innermost scope (core/scope.lua), or false
	PREV = 9, -- neighbours among the parent's children
	NEXT = 10,
	CHILD = 11, -- the first of its own, or false
	GROUP = 12, -- that it counts in, or false
	LOCALS = 13,
	NAME = 14,
	NOTED = 15, -- the traceback of its error

	LIVE = 0,
	DONE = 1,
	FAILED = 2,
}

local PARENT, PREV, NEXT, CHILD = state.PARENT, state.PREV, state.NEXT, state.CHILD

--- The handle's methods: core/task.lua, core/group.lua.
state.methods = {}
state.meta = { __name = "moonloop.task", __index = state.methods }

--- Task id → state, of tasks that have not ended.
local states = {}
state.of = states

local meta = state.meta
local setmetatable = setmetatable

--- Makes the state of a task.
function state.new(id, fn, n, value, scope, locals)
	local s = setmetatable({ id, fn, n, value, false, 0, false, scope, false, false, false, false, locals,
		false, false }, meta)
	states[id] = s
	return s
end

--- The running task's state; makes it if there is none.
function state.current()
	local id = self_id()
	return states[id] or state.new(id, false, 0, false, false, false)
end

--- Makes it a child: it is cancelled when the parent ends.
function state.adopt(parent, s)
	local first = parent[CHILD]
	s[PARENT], s[NEXT] = parent, first
	if first then
		first[PREV] = s
	end
	parent[CHILD] = s
end

--- Undoes adopt.
function state.orphan(s)
	local parent, before, after = s[PARENT], s[PREV], s[NEXT]
	if not parent then
		return
	end
	if before then
		before[NEXT] = after
	else
		parent[CHILD] = after
	end
	if after then
		after[PREV] = before
	end
	s[PARENT], s[PREV], s[NEXT] = false, false, false
end

return state
