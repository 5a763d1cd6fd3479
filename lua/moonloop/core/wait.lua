--- Waiting: the only file that (through core/coroutine.lua) yields to the scheduler.
-- A wait is always: ask, park, ask again; a wake-up carries no data and may be spurious.

local native = require("moonloop.core.ffi")
local verbs = require("moonloop.core.native")
local co = require("moonloop.core.coroutine")
local errors = require("moonloop.core.errors")
local scope = require("moonloop.core.scope")

local C = native.C
local raw_park, can_park = co.park, co.can_park
local blame, stopped_by = errors.blame, scope.stopped_by
local self_id, must_stop, wake = verbs.self, verbs.stop, verbs.wake
local type, tostring = type, tostring

-- enum task_stop, and one of this file
local GOES_ON, TIMEOUT = 0, 3

local wait = {
	--- Function → the name that task.tree() shows for who waits in it.
	names = setmetatable({}, { __mode = "k" }),
	--- What wait.nap returns when the time is over.
	TIMEOUT = TIMEOUT,
}

--- Waiting lists: any object → array of task ids.
local waiting = setmetatable({}, { __mode = "k" })

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

local function check()
	if self_id() == 0 then
		blame("this function waits, and no task runs here that could: in a pool thread use blocking calls")
	elseif not can_park() then
		blame(("a wait inside of a function that %s calls back: C cannot be suspended"):format(c_caller()))
	end
end

--- Before the first entry into a waiting list: raises where nothing can wait.
-- @return why the task must stop; 0: it may wait
function wait.begin()
	check()
	return must_stop()
end

--- Suspends until the task is woken; does not look at cancellation.
function wait.park()
	check()
	raw_park()
end

--- Suspends until the task is woken or the time is over. To be called in a loop:
--
--     local due, stop = wait.due("lock", timeout), wait.begin()
--     (enter a list) while stop == 0 and not granted do stop = wait.nap(due) end (leave the list)
--
-- What was granted counts, even if the task has to stop as well: so nothing gets lost.
-- @param due on the clock of ml_now, or nil
-- @return why the task must stop, or 0; for wait.stop
function wait.nap(due)
	if due == nil then
		raw_park()
		return must_stop()
	end
	local left = due - C.ml_now()
	if left <= 0 then
		return TIMEOUT
	end
	C.ml_task_alarm(left)
	raw_park()
	C.ml_task_alarm(-1)
	return must_stop()
end

--- What a function returns, or raises, whose wait ended early.
function wait.stop(why)
	if why == TIMEOUT then
		return nil, "timeout"
	end
	stopped_by(why)
end

--- The point in time that a timeout means.
-- @param name of the function, for the error
function wait.due(name, timeout)
	if timeout == nil then
		return nil
	elseif type(timeout) ~= "number" or timeout < 0 or timeout ~= timeout then
		blame(("%s: timeout must be a number of seconds >= 0, got %s"):format(name, tostring(timeout)))
	end
	return C.ml_now() + timeout
end

--- Suspends until the task is woken (maybe for nothing: ask again).
-- @raise the cancelled object, or the scope whose deadline passed, unless the task is shielded
function wait.wait()
	local stop = C.ml_task_must_stop()
	if stop ~= GOES_ON then
		stopped_by(stop)
	end
	check()
	raw_park()
	stop = C.ml_task_must_stop()
	if stop ~= GOES_ON then
		stopped_by(stop)
	end
end

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

--- Suspends until wake_all(object), or something else wakes the task.
function wait.wait_on(object)
	local stop = wait.begin()
	if stop ~= GOES_ON then
		stopped_by(stop)
	end
	local id = self_id()
	local list = waiting[object]
	if list == nil then
		list = {}
		waiting[object] = list
	end
	list[#list + 1] = id
	raw_park()
	stop_waiting_on(object, id)
	stop = must_stop()
	if stop ~= GOES_ON then
		stopped_by(stop)
	end
end

--- Wakes whoever waits on the object.
function wait.wake_all(object)
	local list = waiting[object]
	if list == nil then
		return
	end
	waiting[object] = nil
	for i = 1, #list do
		wake(list[i])
	end
end

--- Suspends for a time.
-- @param seconds a number >= 0; fractions count
function wait.sleep(seconds)
	if type(seconds) ~= "number" or seconds < 0 or seconds ~= seconds then
		blame("sleep: seconds must be a number >= 0, got " .. tostring(seconds))
	end
	local stop, due = wait.begin(), C.ml_now() + seconds
	local left = seconds
	while stop == GOES_ON do
		C.ml_task_alarm(left)
		raw_park()
		stop = must_stop()
		left = due - C.ml_now()
		if stop == GOES_ON and left <= 0 then
			return
		end
	end
	C.ml_task_alarm(-1)
	stopped_by(stop)
end
wait.names[wait.sleep] = "sleep"
wait.names[co.pass] = "coroutine"

return wait
