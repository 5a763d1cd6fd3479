--- Tasks: waiting, cancellation, spawn and join. The public face is moonloop.task.
-- Only this file (through core/coroutine.lua) yields to the scheduler. A wait is always: ask C,
-- park, ask again; a wake-up carries no data and may be spurious.

local native = require("moonloop.core.ffi")
local c_functions = require("moonloop.core.native")
local co = require("moonloop.core.coroutine")
local errors = require("moonloop.core.errors")

local C = native.C
local raw_park, can_park, CANCELLED = co.park, co.can_park, errors.CANCELLED
local blame = errors.blame

local task = {}

--- Handles of spawned tasks that have not ended, by task id.
local live = {}
--- Task id → set of the handles that it spawned and that still run.
local children = {}
--- Waiting lists: any object → array of task ids.
local waiting = setmetatable({}, { __mode = "k" })

--- The running task's id.
function task.self()
	return C.ml_task_self()
end

-- The C function that called back and cannot be suspended: the outermost of the stack's C functions
-- but those that LuaJIT can suspend.
local function c_caller()
	local found
	for level = 3, 200 do
		local info = debug.getinfo(level, "Snf")
		if info == nil then
			break
		elseif info.what == "C" and info.func ~= pcall and info.func ~= xpcall then
			found = info
		end
	end
	for _, library in ipairs({ "table", "string" }) do
		for name, fn in pairs(_G[library]) do
			if found and fn == found.func then
				return library .. "." .. name
			end
		end
	end
	return found and found.name or "a C function"
end

local function park()
	if C.ml_task_self() == 0 then
		blame("this function waits, and no task runs here that could: in a pool thread use blocking calls")
	elseif not can_park() then
		blame(("a wait inside of a function that %s calls back: C cannot be suspended"):format(c_caller()))
	end
	raw_park()
end

--- Suspends until the task is woken; does not look at cancellation.
task.park = park

--- Suspends until the task is woken (maybe for nothing: ask again).
-- @raise the cancelled object when the task was cancelled and is not shielded
local function wait()
	if C.ml_task_must_stop() ~= 0 then
		error(CANCELLED, 0)
	end
	park()
	if C.ml_task_must_stop() ~= 0 then
		error(CANCELLED, 0)
	end
end
task.wait = wait

-- Takes a task out that something else has woken.
local function stop_waiting_on(object, id)
	local list = waiting[object]
	for i = 1, list and #list or 0 do
		if list[i] == id then
			table.remove(list, i)
			break
		end
	end
	if list and #list == 0 then
		waiting[object] = nil
	end
end

--- Suspends until task.wake_all(object), or something else wakes the task.
function task.wait_on(object)
	if C.ml_task_must_stop() ~= 0 then
		error(CANCELLED, 0)
	end
	local id = C.ml_task_self()
	local list = waiting[object]
	if list == nil then
		list = {}
		waiting[object] = list
	end
	list[#list + 1] = id
	park()
	stop_waiting_on(object, id)
	if C.ml_task_must_stop() ~= 0 then
		error(CANCELLED, 0)
	end
end

--- Wakes whoever waits on the object.
function task.wake_all(object)
	local list = waiting[object]
	if list == nil then
		return
	end
	waiting[object] = nil
	for i = 1, #list do
		C.ml_task_wake(list[i])
	end
end

--- Suspends for a time.
-- @param seconds a number >= 0; fractions count
function task.sleep(seconds)
	if type(seconds) ~= "number" or seconds < 0 or seconds ~= seconds then
		blame("sleep: seconds must be a number >= 0, got " .. tostring(seconds))
	end
	local due = C.ml_now() + seconds
	repeat
		C.ml_task_alarm(math.max(due - C.ml_now(), 0))
		wait()
	until C.ml_now() >= due
end

-- Handles.

local Task = { __name = "moonloop.task" }
Task.__index = Task

local function pack(...)
	return { n = select("#", ...), ... }
end

local function check_handle(self, name)
	if type(self) ~= "table" or getmetatable(self) ~= Task then
		blame(("%s: expected a task, got a %s; call it as task:%s()"):format(name, type(self), name))
	end
end

--- Suspends until the task ended.
-- @return what its function returned; raises its error, or the cancelled object if it was cancelled
function Task:join()
	check_handle(self, "join")
	if self.id_ == C.ml_task_self() then
		blame("join: a task cannot wait for its own end")
	end
	while not self.ended_ do
		task.wait_on(self)
	end
	if self.failed_ then
		errors.renote(self.noted_)
		error(self.error_, 0)
	end
	return unpack(self.results_, 1, self.results_.n)
end

--- Asks the task to stop: its current wait, or its next one, raises the cancelled object.
function Task:cancel()
	check_handle(self, "cancel")
	if not self.ended_ then
		C.ml_task_cancel(self.id_)
	end
end

local function new_handle(name, fn, parent, ...)
	if type(fn) ~= "function" then
		blame(("%s: expected a function, got %s"):format(name, type(fn)))
	elseif C.ml_task_self() == 0 then
		blame(name .. ": a pool thread has no tasks")
	end
	local id = C.ml_task_spawn()
	if id == 0 then
		blame(name .. ": too many tasks")
	end
	local handle = setmetatable({
		id_ = id,
		fn_ = fn,
		args_ = pack(...),
		parent_ = parent, -- task id, or nil: outlives the task that started it
		ended_ = false,
		failed_ = false,
		results_ = nil,
		error_ = nil,
		noted_ = nil, -- the traceback of error_
	}, Task)
	live[id] = handle
	return handle
end

--- Starts fn(...) as a task of its own. It is cancelled when the task that started it ends.
-- @return a task: task:join(), task:cancel()
function task.spawn(fn, ...)
	local parent = C.ml_task_self()
	local handle = new_handle("spawn", fn, parent, ...)
	local set = children[parent]
	if set == nil then
		set = {}
		children[parent] = set
	end
	set[handle] = true
	return handle
end

--- Starts fn(...) as a task that outlives the request which started it. At the end of the worker
-- it is given the drain time-out, then cancelled.
function task.background(fn, ...)
	return new_handle("background", fn, nil, ...)
end

local function unshield(ok, ...)
	C.ml_task_shield(-1)
	if not ok then
		error((...), 0)
	end
	return ...
end

--- Calls fn(...) with cancellation held off: its waits do not raise. The first wait after it does.
function task.shield(fn, ...)
	if type(fn) ~= "function" then
		blame("shield: expected a function, got " .. type(fn))
	end
	C.ml_task_shield(1)
	return unshield(xpcall(fn, errors.note, ...))
end

--- Sets how much CPU time the running task may use, from its beginning on; 0: any.
-- @param seconds a number >= 0
function task.cpu_budget(seconds)
	if type(seconds) ~= "number" or seconds < 0 or seconds ~= seconds then
		blame("cpu_budget: seconds must be a number >= 0, got " .. tostring(seconds))
	elseif C.ml_task_self() == 0 then
		blame("cpu_budget: a pool thread has no tasks, and no guard")
	end
	c_functions.cpu_budget(seconds)
end

--- Whether an error is the cancelled object.
function task.is_cancelled(err)
	return err == CANCELLED
end

-- The ends of tasks.

--- Cancels what the task spawned and did not join. Called for every task at its end.
function task.ended(id)
	errors.forget(id)
	local set = children[id]
	if set == nil then
		return
	end
	children[id] = nil
	for child in pairs(set) do
		child:cancel()
	end
end

local function settle(handle, ok, ...)
	handle.ended_ = true
	if ok then
		handle.results_ = pack(...)
	else
		handle.failed_ = true
		handle.error_ = ...
		handle.noted_ = errors.noted(handle.error_)
	end
	return ok
end

--- Runs a spawned task to its end; task_main only.
-- @return false and the error when it failed and nobody waits to hear of it
function task.run_spawned(id)
	local handle = live[id]
	local args = handle.args_
	local ok = settle(handle, xpcall(handle.fn_, errors.note, unpack(args, 1, args.n)))
	live[id] = nil
	handle.fn_, handle.args_ = nil, nil
	local set = handle.parent_ and children[handle.parent_]
	if set then
		set[handle] = nil
		if next(set) == nil then
			children[handle.parent_] = nil
		end
	end
	local heard = waiting[handle] ~= nil
	task.wake_all(handle)
	if ok or heard or handle.error_ == CANCELLED then
		return true
	end
	return false, handle.error_
end

return task
