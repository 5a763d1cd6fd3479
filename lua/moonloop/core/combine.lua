--- Waiting for several tasks, timers, names and locals: what tasks can do beyond spawn and join.

local native = require("moonloop.core.ffi")
local verbs = require("moonloop.core.native")
local errors = require("moonloop.core.errors")
local log = require("moonloop.log")
local state = require("moonloop.core.state")
local task = require("moonloop.core.task")
local waits = require("moonloop.core.wait")

local C = native.C
local blame = errors.blame
local STATUS, LIVE, LOCALS, NAME = state.STATUS, state.LIVE, state.LOCALS, state.NAME

local combine = {}

local function check_tasks(name, tasks)
	if type(tasks) ~= "table" or task.is_task(tasks) then
		blame(("%s: expected an array of tasks, got a %s"):format(name, type(tasks)))
	end
	for i = 1, #tasks do
		if not task.is_task(tasks[i]) then
			blame(("%s: [%d] must be a task, got a %s"):format(name, i, type(tasks[i])))
		end
	end
end

local function cancel_rest(tasks)
	for i = 1, #tasks do
		if tasks[i][STATUS] == LIVE then
			tasks[i]:cancel()
		end
	end
end

--- Suspends until one of the tasks ended. The others go on, unless `cancel = true` stands beside them.
-- @param tasks {task, task, ..., cancel = bool}
-- @param timeout in seconds, or nil
-- @return its index and results; raises its error; nil, "timeout"
function combine.first(tasks, timeout)
	check_tasks("first", tasks)
	if #tasks == 0 then
		blame("first: no task to wait for")
	end
	local index, stop = task.wait_for("first", tasks, false, timeout)
	if tasks.cancel then
		cancel_rest(tasks)
	end
	if not index then
		return waits.stop(stop)
	end
	return index, task.outcome(tasks[index])
end
waits.names[combine.first] = "first"

local function value(s)
	return (task.outcome(s))
end

--- Suspends until all of the tasks ended, or one failed. The others go on then, unless `cancel = true`
-- stands beside them.
-- @param tasks {task, task, ..., cancel = bool}
-- @param timeout in seconds, or nil
-- @return the first result of each, in order; raises the error of the one that failed; nil, "timeout"
function combine.all(tasks, timeout)
	check_tasks("all", tasks)
	local index, stop = task.wait_for("all", tasks, true, timeout)
	if tasks.cancel then
		cancel_rest(tasks)
	end
	if not index then
		return waits.stop(stop)
	elseif index > 0 then
		return task.outcome(tasks[index]) -- which raises
	end
	local results = {}
	for i = 1, #tasks do
		results[i] = value(tasks[i])
	end
	return unpack(results, 1, #tasks)
end
waits.names[combine.all] = "all"

-- Timers: tasks that sleep.

local function check_timer(name, seconds, fn, zero)
	if type(seconds) ~= "number" or not (seconds > 0 or zero and seconds == 0) or seconds == math.huge then
		blame(("%s: seconds must be a number %s 0, got %s"):format(name, zero and ">=" or ">", tostring(seconds)))
	elseif type(fn) ~= "function" then
		blame(("%s: expected a function, got %s"):format(name, type(fn)))
	end
end

local function run_after(seconds, fn, ...)
	task.sleep(seconds)
	return fn(...)
end

--- Calls fn(...) once, in that time, in a task of its own: task:stop() before, or the end of the task
-- that called this, calls it off.
-- @return a task
function combine.after(seconds, fn, ...)
	check_timer("after", seconds, fn, true)
	return task.spawn(run_after, seconds, fn, ...)
end

local function protected(fn, ...)
	local ok, err = xpcall(fn, errors.note, ...)
	if not ok then
		if C.ml_task_must_stop() ~= 0 then
			error(err, 0)
		end
		log.error("task.error", { traceback = errors.text(err) })
	end
end

local function run_every(seconds, overlap, fn, ...)
	local began, tick = C.ml_now(), 0
	while true do
		tick = math.max(tick + 1, math.ceil((C.ml_now() - began) / seconds))
		task.sleep(math.max(began + tick * seconds - C.ml_now(), 0))
		if overlap then
			task.spawn(protected, fn, ...)
		else
			protected(fn, ...)
		end
	end
end

--- Calls fn(...) every so often until it is stopped, or the task that called this ends. The times are
-- counted from the start, so they do not drift. While fn still runs, its next times are left out. An
-- error of fn is logged, and the timer goes on.
-- @param seconds a number > 0; {seconds, overlap = true}: fn is called even while it still runs
-- @return a task
function combine.every(seconds, fn, ...)
	local overlap = false
	if type(seconds) == "table" then
		seconds, overlap = seconds[1], seconds.overlap
	end
	check_timer("every", seconds, fn, false)
	return task.spawn(run_every, seconds, overlap, fn, ...)
end

--- For timers: as cancel.
state.methods.stop = state.methods.cancel

-- Names and locals.

local function own(name)
	if verbs.self() == 0 then
		blame(name .. ": a pool thread has no tasks")
	end
	return state.current()
end

local function set_name(name, s, text)
	if text ~= nil then
		if type(text) ~= "string" then
			blame(("%s: a name is a string, got a %s"):format(name, type(text)))
		end
		s[NAME] = text
	end
	return s[NAME] or nil
end

--- The running task's name; sets it if a text is given.
function combine.name(text)
	return set_name("name", own("name"), text)
end

--- A task's name; sets it if a text is given.
-- @return the name, or the task when it was set
function state.methods:name(text)
	if not task.is_task(self) then
		blame(("name: expected a task, got a %s; call it as task:name()"):format(type(self)))
	end
	local name = set_name("name", self, text)
	return text ~= nil and self or name
end

--- A table of the running task's own. What it spawns begins with a copy.
function combine.locals()
	local s = own("locals")
	if not s[LOCALS] then
		s[LOCALS] = {}
	end
	return s[LOCALS]
end

return combine
