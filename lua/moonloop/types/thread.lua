---@meta moonloop.thread

---@class moonloop.ThreadOptions
---@field priority? "high"|"normal"|"low" who is taken first of those that wait; "normal"
---@field timeout? number seconds, after which the job is stopped

---@class moonloop.RunOptions: moonloop.ThreadOptions
---@field on_progress? fun(...) called with what the function gives to thread.yield

---A function that a thread runs, or will.
---@class moonloop.Job
local Job = {}

---Suspends until it ended; raises its error. Partial results that nobody reads are thrown away.
---@param timeout? number seconds
---@return any ... its results; nil, "timeout"|"queue_full"|"shutdown", detail
function Job:join(timeout) end

---For a `for` loop over what the function gives to thread.yield. Each turn suspends.
---@return fun(): ...
function Job:results() end

---Stops it.
function Job:cancel() end

---@return boolean ended whether it is over
function Job:ended() end

local thread = {}

---Suspends while fn(...) runs on a thread of the pool.
---@param fn fun(...): ...
---@param ... any
---@return any ... its results; nil, "queue_full"|"shutdown", detail
function thread.run(fn, ...) end

---As run, with options.
---@param options moonloop.RunOptions
---@param fn fun(...): ...
---@param ... any
---@return any ... its results; nil, "timeout"|"queue_full"|"shutdown", detail
function thread.run_with(options, fn, ...) end

---Starts fn(...) on a thread of the pool. It is cancelled when the task that started it ends.
---@param options moonloop.ThreadOptions may be left out
---@param ... any fn and its arguments
---@return moonloop.Job
---@overload fun(fn: fun(...): ..., ...: any): moonloop.Job
function thread.spawn(options, ...) end

---Inside the function: a partial result. Waits when 64 of them, or 1 MiB, were not taken yet.
---@param first any not nil
---@param ... any
function thread.yield(first, ...) end

---Inside the function: whether it is to end; elsewhere, whether the task is.
---@return boolean
function thread.cancelled() end

return thread
