--- Tasks: spawn, join, cancel, the ends of tasks. The public face is moonloop.task.
-- Hot: a task is one table (core/state.lua), and its joiner is kept as a number.

local verbs = require("moonloop.core.native")
local native = require("moonloop.core.ffi")
local errors = require("moonloop.core.errors")
local log = require("moonloop.log")
local scope = require("moonloop.core.scope")
local state = require("moonloop.core.state")
local waits = require("moonloop.core.wait")

local C = native.C
local CANCELLED, Scope, note, blame = errors.CANCELLED, errors.Scope, errors.note, errors.blame
local self_id, raw_spawn, wake = verbs.self, verbs.spawn, verbs.wake
local begin, nap = waits.begin, waits.nap
local getmetatable, select, type, unpack, xpcall = getmetatable, select, type, unpack, xpcall

local ID, FN, N, VALUE, PARENT = state.ID, state.FN, state.N, state.VALUE, state.PARENT
local STATUS, WAITING, SCOPE, NEXT = state.STATUS, state.WAITING, state.SCOPE, state.NEXT
local CHILD, GROUP, LOCALS, NOTED = state.CHILD, state.GROUP, state.LOCALS, state.NOTED
local LIVE, DONE, FAILED = state.LIVE, state.DONE, state.FAILED
local states, Task, task_meta = state.of, state.methods, state.meta

local task = {
	self = self_id,
	park = waits.park,
	wait = waits.wait,
	wait_on = waits.wait_on,
	wake_all = waits.wake_all,
	sleep = waits.sleep,
}

--- Failed tasks, by their states, whose error a join has raised.
task.joined = setmetatable({}, { __mode = "k" })

--- Called with the traceback of an error that ended a task when nobody waited for its end.
-- @param logged whether it is in the log already
function task.unheard(traceback, logged, _id)
	if not logged then
		log.error("task.error", { traceback = traceback })
	end
end

-- Handles.

local function is_task(value)
	return type(value) == "table" and getmetatable(value) == task_meta
end
task.is_task = is_task

local function check_handle(self, name)
	if not is_task(self) then
		blame(("%s: expected a task, got a %s; call it as task:%s()"):format(name, type(self), name))
	end
end

-- Enters the running task into the list of who waits for an end.
local function enlist(s, id)
	local list = s[WAITING]
	if not list then
		s[WAITING] = id
	elseif type(list) == "table" then
		list[#list + 1] = id
	else
		s[WAITING] = { list, id }
	end
end

local function delist(s, id)
	local list = s[WAITING]
	if list == id then
		s[WAITING] = false
	elseif type(list) == "table" then
		for i = 1, #list do
			if list[i] == id then
				table.remove(list, i)
				return
			end
		end
	end
end

local function wake_joiners(s)
	local list = s[WAITING]
	s[WAITING] = false
	if type(list) == "table" then
		for i = 1, #list do
			wake(list[i])
		end
	elseif list then
		wake(list)
	end
end

-- What its function returned; raises its error.
local function outcome(s)
	local n = s[N]
	if s[STATUS] == FAILED then
		task.joined[s] = true
		errors.renote(s[NOTED] or nil)
		error(s[VALUE], 0)
	elseif n == 0 then
		return
	elseif n == 1 then
		return s[VALUE]
	end
	return unpack(s[VALUE], 1, n)
end
task.outcome = outcome

--- Suspends until the task ended.
-- @param timeout in seconds, or nil
-- @return what its function returned; raises its error, or the cancelled object if it was cancelled;
-- nil, "timeout"
function Task:join(timeout)
	check_handle(self, "join")
	if self[STATUS] == LIVE then
		local id = self_id()
		if self[ID] == id then
			blame("join: a task cannot wait for its own end")
		end
		local due, stop = timeout and waits.due("join", timeout), begin()
		enlist(self, id)
		while stop == 0 and self[STATUS] == LIVE do
			stop = nap(due)
		end
		if self[STATUS] == LIVE then
			delist(self, id)
			return waits.stop(stop)
		end
	end
	return outcome(self)
end
waits.names[Task.join] = "join"

-- Index of the first that ended, or nil.
local function ended_of(tasks, all)
	local done
	for i = 1, #tasks do
		local status = tasks[i][STATUS]
		if status ~= LIVE and (not all or status == FAILED) then
			return i
		elseif status == LIVE and all then
			done = false
		end
	end
	return done == nil and all and 0 or nil
end

--- Suspends until one of the tasks ended; `all`: until all did, or one failed.
-- @return its index (0: all are well); nil and why it must stop
function task.wait_for(name, tasks, all, timeout)
	local due = waits.due(name, timeout)
	local index = ended_of(tasks, all)
	if index then
		return index
	end
	local id, stop = self_id(), begin()
	for i = 1, #tasks do
		if tasks[i][STATUS] == LIVE then
			if tasks[i][ID] == id then
				blame(name .. ": a task cannot wait for its own end")
			end
		end
	end
	for i = 1, #tasks do
		if tasks[i][STATUS] == LIVE then
			enlist(tasks[i], id)
		end
	end
	while stop == 0 and not index do
		stop = nap(due)
		index = ended_of(tasks, all)
	end
	for i = 1, #tasks do
		delist(tasks[i], id)
	end
	return index, stop
end

--- Asks the task to stop: its current wait, or its next one, raises the cancelled object.
function Task:cancel()
	check_handle(self, "cancel")
	if self[STATUS] == LIVE then
		C.ml_task_cancel(self[ID])
	end
end

--- Makes the task one that outlives its parent, its group and the deadlines around it.
function Task:detach()
	check_handle(self, "detach")
	if self[STATUS] == LIVE then
		if self[GROUP] then
			self[GROUP]:leave_(self)
		end
		state.orphan(self)
		scope.leave(self)
	end
	return self
end

--- Whether it runs no more.
function Task:ended()
	check_handle(self, "ended")
	return self[STATUS] ~= LIVE
end

-- Starts.

local function copy(locals)
	local to = {}
	for k, v in pairs(locals) do
		to[k] = v
	end
	return to
end

local function start(name, from, inner, fn, n, ...)
	if type(fn) ~= "function" then
		blame(("%s: expected a function, got %s"):format(name, type(fn)))
	elseif self_id() == 0 then
		blame(name .. ": a pool thread has no tasks")
	end
	local id = raw_spawn(inner and inner.due)
	if id == 0 then
		blame(name .. ": too many tasks")
	end
	local value = ...
	if n > 1 then
		value = { ... }
	end
	local locals = from and from[LOCALS]
	return state.new(id, fn, n, value, inner, locals and copy(locals))
end

--- Starts fn(...) as a task of its own. It is cancelled when the task that started it ends.
-- @return a task: task:join(), task:cancel()
function task.spawn(fn, ...)
	local parent = states[self_id()]
	local s = start("spawn", parent, parent and parent[SCOPE], fn, select("#", ...), ...)
	state.adopt(parent or state.current(), s)
	return s
end

--- As spawn, for the task of the state `owner`, which need not be the running one, and in that scope.
function task.spawn_for(owner, inner, fn, ...)
	local s = start("spawn", states[self_id()], inner, fn, select("#", ...), ...)
	state.adopt(owner, s)
	return s
end

--- Starts fn(...) as a task that outlives the request which started it. At a reload, and at the end of
-- the worker, it is given the drain time-out, then cancelled.
function task.background(fn, ...)
	return start("background", states[self_id()], false, fn, select("#", ...), ...)
end

local function unshield(ok, ...)
	C.ml_task_shield(-1)
	if not ok then
		error((...), 0)
	end
	return ...
end

--- Calls fn(...) with cancellation and deadlines held off: its waits do not raise. The first wait after
-- it does.
function task.shield(fn, ...)
	if type(fn) ~= "function" then
		blame("shield: expected a function, got " .. type(fn))
	end
	C.ml_task_shield(1)
	return unshield(xpcall(fn, note, ...))
end

--- Sets how much CPU time the running task may use, from its beginning on; 0: any.
-- @param seconds a number >= 0
function task.cpu_budget(seconds)
	if type(seconds) ~= "number" or seconds < 0 or seconds ~= seconds then
		blame("cpu_budget: seconds must be a number >= 0, got " .. tostring(seconds))
	elseif self_id() == 0 then
		blame("cpu_budget: a pool thread has no tasks, and no guard")
	end
	verbs.cpu_budget(seconds)
end

--- Whether an error is what stops a task: the cancelled object, or the end of its group.
function task.is_cancelled(err)
	return err == CANCELLED or getmetatable(err) == Scope and err.fired
end

-- Ends.

--- Cancels what the task spawned and did not join. Called for every task at its end.
function task.ended(id)
	errors.forget(id)
	local s = states[id]
	if s == nil then
		return
	end
	states[id] = nil
	local child = s[CHILD]
	s[CHILD] = false
	while child do
		local following = child[NEXT]
		child[PARENT], child[state.PREV], child[NEXT] = false, false, false
		C.ml_task_cancel(child[ID])
		child = following
	end
end

local function settle(s, ok, ...)
	s[FN] = false
	if ok then
		local n = select("#", ...)
		local value = ...
		if n > 1 then
			value = { ... }
		end
		s[STATUS], s[N], s[VALUE] = DONE, n, value
	else
		local err = ...
		s[STATUS], s[VALUE], s[NOTED] = FAILED, err, errors.noted(err) or false
	end
	return ok
end

local function call(s)
	local n = s[N]
	if n == 0 then
		return settle(s, xpcall(s[FN], note))
	elseif n == 1 then
		return settle(s, xpcall(s[FN], note, s[VALUE]))
	end
	return settle(s, xpcall(s[FN], note, unpack(s[VALUE], 1, n)))
end

--- Runs a spawned task to its end; task_main only.
-- @return false and the error when it failed and nobody waits to hear of it
function task.run_spawned(id)
	local s = states[id]
	local ok = call(s)
	if s[PARENT] then
		state.orphan(s)
	end
	local heard = s[WAITING]
	if heard then
		wake_joiners(s)
	end
	local group = s[GROUP]
	if group then
		heard = true
		group:ended_(s)
	end
	if ok or heard then
		return true
	end
	local err = s[VALUE]
	if err == CANCELLED or getmetatable(err) == Scope then
		return true
	end
	return false, err
end

return task
