---@meta moonloop.log

local log = {}

---@param event string a fixed word
---@param fields? table<string, any>
function log.debug(event, fields) end

---@param event string a fixed word
---@param fields? table<string, any>
function log.info(event, fields) end

---@param event string a fixed word
---@param fields? table<string, any>
function log.warn(event, fields) end

---@param event string a fixed word
---@param fields? table<string, any>
function log.error(event, fields) end

return log
