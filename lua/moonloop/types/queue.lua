---@meta moonloop.queue

---@class moonloop.Queue
local Queue = {}

---Suspends until there is room.
---@param item any not nil
---@param timeout? number seconds
---@return true? ok
---@return "timeout"|"closed"|nil code
function Queue:put(item, timeout) end

---Suspends until there is an item.
---@param timeout? number seconds
---@return any item
---@return "timeout"|"closed"|nil code
function Queue:get(timeout) end

---@param item any not nil
---@return true? ok
---@return "full"|"closed"|nil code
function Queue:try_put(item) end

---@return any item
---@return "empty"|"closed"|nil code
function Queue:try_get() end

---For loops: items until it is closed and empty.
---@return fun(queue: moonloop.Queue): any
---@return moonloop.Queue
function Queue:each() end

function Queue:close() end
---@return boolean
function Queue:is_closed() end
---@return integer
function Queue:count() end

local queue = {}

---@param capacity integer >= 0
---@return moonloop.Queue
function queue.new(capacity) end

---Suspends until one of several queues can go on, and does only that.
---@param cases (moonloop.Queue|{ [1]: moonloop.Queue, [2]: any })[]
---@param timeout? number seconds
---@return integer? index
---@return any item true for a put; "timeout"
---@return "closed"? code
function queue.select(cases, timeout) end

return queue
