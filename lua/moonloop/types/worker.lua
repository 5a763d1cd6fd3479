---@meta moonloop.worker

---@class moonloop.WorkerInfo
---@field pid integer
---@field index integer
---@field generation integer
---@field version string
---@field uptime number seconds
---@field connections integer
---@field requests integer
---@field tasks integer
---@field lua_bytes number
---@field threads integer
---@field thread_queue integer

local worker = {}

---@return moonloop.WorkerInfo
function worker.info() end

return worker
