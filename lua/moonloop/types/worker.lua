---@meta moonloop.worker

---@class moonloop.WorkerJobs
---@field busy integer threads
---@field waiting integer jobs
---@field done integer jobs
---@field wait number seconds that these had waited for a thread, in all
---@field wait_max number the longest of these waits

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
---@field jobs moonloop.WorkerJobs

local worker = {}

---@return moonloop.WorkerInfo
function worker.info() end

return worker
