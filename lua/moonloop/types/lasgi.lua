---@meta moonloop.lasgi

local lasgi = {}

---Raise it on a scope type that the application does not know.
---@type any
lasgi.unsupported = nil

---@param scope table
---@param changes table becomes the new scope
---@return table
function lasgi.derive(scope, changes) end

return lasgi
