---@meta moonloop.thread

local thread = {}

---Suspends while fn(...) runs on a thread of the pool.
---@param fn fun(...): ...
---@param ... any
---@return any ... its results; nil, "queue_full"|"shutdown", detail
function thread.run(fn, ...) end

return thread
