---@meta moonloop

local moonloop = {}

---@type string
moonloop.version = ""

---Suspends.
---@param seconds number
function moonloop.sleep(seconds) end

---Starts fn(...) as a task.
---@param fn fun(...): ...
---@param ... any
---@return moonloop.Task
function moonloop.spawn(fn, ...) end

return moonloop
