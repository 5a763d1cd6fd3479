---@meta moonloop.time

local time = {}

---@return number seconds of a clock that never jumps
function time.now() end

---@return number seconds since 1970
function time.unix() end

---Suspends.
---@param seconds number
function time.sleep(seconds) end

return time
