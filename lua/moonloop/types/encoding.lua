---@meta moonloop.encoding

local encoding = {}

---@param bytes string
---@return string
function encoding.to_base64(bytes) end
---@param text string
---@return string? bytes
---@return "invalid"? code
function encoding.from_base64(text) end
---@param bytes string
---@return string
function encoding.to_base64url(bytes) end
---@param text string
---@return string? bytes
---@return "invalid"? code
function encoding.from_base64url(text) end
---@param bytes string
---@return string
function encoding.to_hex(bytes) end
---@param text string
---@return string? bytes
---@return "invalid"? code
function encoding.from_hex(text) end

return encoding
