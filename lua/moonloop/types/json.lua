---@meta moonloop.json

---@class moonloop.json.DecodeOptions
---@field max_depth? integer 1 to 1000; 128
---@field duplicates? "last"|"error"

---@class moonloop.json.EncodeOptions
---@field sort? boolean members in the order of RFC 8785
---@field indent? string white space of one level
---@field html? boolean fit for a `<script>` element

local json = {}

---JSON's null. It counts as true.
---@type lightuserdata
json.null = nil

---The metatable of what was decoded from `[...]`, and of what json.array marked.
---@type table
json.array_mt = nil

---@generic T: table
---@param t? T
---@return T t
function json.array(t) end

---@param t any
---@return boolean
function json.is_array(t) end

---@param text string
---@param options? moonloop.json.DecodeOptions
---@return any value
---@return "invalid"? code
---@return string? detail
function json.decode(text, options) end

---Raises what cannot be written, and where it is.
---@param value any
---@param options? moonloop.json.EncodeOptions
---@return string text
function json.encode(value, options) end

return json
