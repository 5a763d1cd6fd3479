---@meta moonloop.sync

---@class moonloop.Event
local Event = {}
function Event:set() end
function Event:clear() end
---@return boolean
function Event:is_set() end
---Suspends until it is set.
---@param timeout? number seconds
---@return true? ok
---@return "timeout"? code
function Event:wait(timeout) end

---@class moonloop.Mutex
local Mutex = {}
---Suspends until it is the caller's.
---@param timeout? number seconds
---@return true? ok
---@return "timeout"? code
function Mutex:lock(timeout) end
---@return boolean
function Mutex:try_lock() end
function Mutex:unlock() end
---@return boolean
function Mutex:is_locked() end
---@param fn fun(...): ...
---@param ... any
---@return any ...
function Mutex:with(fn, ...) end

---@class moonloop.Semaphore
local Semaphore = {}
---Suspends until there is a permit.
---@param timeout? number seconds
---@return true? ok
---@return "timeout"? code
function Semaphore:acquire(timeout) end
---@return boolean
function Semaphore:try_acquire() end
function Semaphore:release() end
---@return integer
function Semaphore:available() end
---@param fn fun(...): ...
---@param ... any
---@return any ...
function Semaphore:with(fn, ...) end

---@class moonloop.Rwlock
local Rwlock = {}
---@param timeout? number seconds
---@return true? ok
---@return "timeout"? code
function Rwlock:read_lock(timeout) end
---@param timeout? number seconds
---@return true? ok
---@return "timeout"? code
function Rwlock:write_lock(timeout) end
function Rwlock:read_unlock() end
function Rwlock:write_unlock() end
---@param fn fun(...): ...
---@param ... any
---@return any ...
function Rwlock:with_read(fn, ...) end
---@param fn fun(...): ...
---@param ... any
---@return any ...
function Rwlock:with_write(fn, ...) end

local sync = {}
---@return moonloop.Event
function sync.event() end
---@return moonloop.Mutex
function sync.mutex() end
---@param permits integer
---@return moonloop.Semaphore
function sync.semaphore(permits) end
---@return moonloop.Rwlock
function sync.rwlock() end

return sync
