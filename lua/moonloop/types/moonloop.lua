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

---Names a file or a directory that the application was made from: `moonloop dev` and `--reload` load it
---anew when something there changes.
---@param path string
function moonloop.watch(path) end

return moonloop
