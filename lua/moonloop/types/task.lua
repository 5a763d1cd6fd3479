---@meta moonloop.task

---A piece of work that runs beside others.
---@class moonloop.Task
local Task = {}

---Suspends until the task ended; raises its error.
---@param timeout? number seconds
---@return any ... what its function returned; nil, "timeout"
function Task:join(timeout) end

---Its current wait, or its next one, raises the cancellation.
function Task:cancel() end

---For timers: as cancel.
function Task:stop() end

---Makes it outlive its parent, its group and the deadlines around it.
---@return moonloop.Task self
function Task:detach() end

---@return boolean ended whether it runs no more
function Task:ended() end

---@param text? string
---@return string|moonloop.Task|nil name the name; the task when it was set
function Task:name(text) end

---@class moonloop.Group
local Group = {}

---Starts fn(...) as a task of the group.
---@param fn fun(...): ...
---@param ... any
---@return moonloop.Task
function Group:spawn(fn, ...) end

---Cancels the tasks that run in it.
function Group:cancel() end

---@return integer n of its tasks that have not ended
function Group:count() end

---@class moonloop.TaskNode
---@field id number
---@field name? string
---@field kind "request"|"task"|"background"|"service"|"boot"|"notice"|"shutdown"
---@field state "starting"|"runnable"|"running"|"waiting"
---@field since number on the clock of time.now
---@field waits_for? string "sleep", "join", "queue:get", …
---@field at? string "file:line"
---@field children moonloop.TaskNode[]

---@class moonloop.TaskList: { [integer]: moonloop.Task }
---@field cancel? boolean cancel the others

local task = {}

---Starts fn(...) as a task; it is cancelled when the task that started it ends.
---@param fn fun(...): ...
---@param ... any
---@return moonloop.Task
function task.spawn(fn, ...) end

---Starts fn(...) as a task that outlives the request.
---@param fn fun(...): ...
---@param ... any
---@return moonloop.Task
function task.background(fn, ...) end

---Suspends until the tasks that fn started by group:spawn ended; the first error cancels the rest.
---@param fn fun(group: moonloop.Group, ...): ...
---@param ... any
---@return any ... what fn returned
function task.group(fn, ...) end

---Suspends until the first of the tasks ended.
---@param tasks moonloop.TaskList
---@param timeout? number seconds
---@return integer? index
---@return any ... its results; "timeout"
function task.first(tasks, timeout) end

---Suspends until all of the tasks ended, or one failed.
---@param tasks moonloop.TaskList
---@param timeout? number seconds
---@return any ... the first result of each; nil, "timeout"
function task.all(tasks, timeout) end

---Calls fn(...) with a deadline, which its children inherit.
---@param seconds number
---@param fn fun(...): ...
---@param ... any
---@return any ... what fn returned; nil, "timeout"
function task.timeout(seconds, fn, ...) end

---Calls fn(...) with cancellation and deadlines held off.
---@param fn fun(...): ...
---@param ... any
---@return any ... what fn returned
function task.shield(fn, ...) end

---Sets the CPU time that the running task may use in all; replaces --cpu-budget.
---@param seconds number 0: any
function task.cpu_budget(seconds) end

---@param err any
---@return boolean
function task.is_cancelled(err) end

---@param err any
---@return boolean
function task.is_timeout(err) end

---Calls fn(...) once.
---@param seconds number
---@param fn fun(...)
---@param ... any
---@return moonloop.Task
function task.after(seconds, fn, ...) end

---Calls fn(...) every so often.
---@param seconds number|{ [1]: number, overlap: boolean }
---@param fn fun(...)
---@param ... any
---@return moonloop.Task
function task.every(seconds, fn, ...) end

---The running task's name.
---@param text? string
---@return string?
function task.name(text) end

---A table of the running task; what it spawns begins with a copy.
---@return table
function task.locals() end

---@return moonloop.TaskNode[] roots
function task.tree() end

---Suspends.
---@param seconds number
function task.sleep(seconds) end

return task
