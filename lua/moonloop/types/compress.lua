---@meta moonloop.compress

---@alias moonloop.compress.Format "gzip"|"br"|"zstd"|"deflate"|"deflate-raw"

---@class moonloop.Encoder
local Encoder = {}

---@param data string
---@return string bytes
function Encoder:write(data) end
---@return string bytes
function Encoder:flush() end
---@param data? string
---@return string bytes
function Encoder:finish(data) end
function Encoder:close() end

---@class moonloop.Decoder
---@field format moonloop.compress.Format
---@field size integer bytes of data so far
---@field ended boolean the data is complete
local Decoder = {}

---@param bytes string
---@return string? data
---@return "invalid"|"too_large"|nil code
---@return string? detail
function Decoder:write(bytes) end
---@return true? ok
---@return "invalid"|nil code
---@return string? detail
function Decoder:finish() end
function Decoder:close() end

local compress = {}

---format → {lowest level, highest, default}
---@type table<moonloop.compress.Format, integer[]>
compress.levels = nil

---@param data string
---@param format moonloop.compress.Format
---@param options? {level?: integer}
---@return string bytes
function compress.encode(data, format, options) end

---@param bytes string
---@param format moonloop.compress.Format
---@param options? {max?: number}
---@return string? data
---@return "invalid"|"too_large"|nil code
---@return string? detail
function compress.decode(bytes, format, options) end

---@param format moonloop.compress.Format
---@param options? {level?: integer}
---@return moonloop.Encoder
function compress.encoder(format, options) end

---@param format moonloop.compress.Format
---@param options? {max?: number}
---@return moonloop.Decoder
function compress.decoder(format, options) end

return compress
