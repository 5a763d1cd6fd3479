---@meta moonloop.fs

local fs = {}

---Suspends.
---@param path string
---@return string? bytes
---@return string? code
---@return string? detail
function fs.read(path) end

---Suspends.
---@param path string
---@param data string
---@return true? ok
---@return string? code
---@return string? detail
function fs.write(path, data) end

return fs
