--- JSON (RFC 8259).
--
--     local json = require "moonloop.json"
--     local value = json.decode('{"a": [1, null]}')
--     assert(value.a[2] == json.null)
--     print(json.encode { list = json.array {}, map = {} })  --> {"list":[],"map":{}}

local errors = require("moonloop.core.errors")
local native = require("moonloop.core.native")
local ffi = require("moonloop.core.ffi").ffi

local read, write = native.json_read, native.json_write
local type, tonumber = type, tonumber

-- enum json_flags
local SORTED, HTML = 1, 2

local json = {
	--- JSON's null: an element or member that is there. It counts as true.
	null = native.null,
}

--- The metatable of arrays: what was decoded from [...] has it, and json.array sets it.
local array_mt = { __name = "moonloop.json.array" }
json.array_mt = array_mt

--- Marks a table as an array, so that it is written as [] when it is empty.
-- @return the table
function json.array(t)
	if t ~= nil and type(t) ~= "table" then
		errors.blame("json.array: expected a table, got a " .. type(t))
	end
	return setmetatable(t or {}, array_mt)
end

--- Whether a table came from [...], or was marked by json.array.
function json.is_array(t)
	return type(t) == "table" and getmetatable(t) == array_mt
end

-- 64-bit integers.

local INT64 = ffi.typeof("int64_t")
local UINT64 = ffi.typeof("uint64_t")
local EXACT = 2 ^ 53

local function less(a, b)
	return #a < #b or #a == #b and a <= b
end

-- Sixteen digits or more → a number where that is exact, else cdata, else (too many) a number.
local function widen(text)
	local number = tonumber(text)
	if number > -EXACT and number < EXACT then
		return number
	end
	local minus = text:sub(1, 1) == "-"
	local digits = minus and text:sub(2) or text
	if less(digits, minus and "9223372036854775808" or "9223372036854775807") then
		local value = INT64(0)
		for i = 1, #digits do
			local digit = INT64(digits:byte(i) - 48)
			value = value * 10 + (minus and -digit or digit)
		end
		return value
	elseif not minus and less(digits, "18446744073709551615") then
		local value = UINT64(0)
		for i = 1, #digits do
			value = value * 10 + UINT64(digits:byte(i) - 48)
		end
		return value
	end
	return number
end

local function digits_of(value)
	if ffi.istype(INT64, value) or ffi.istype(UINT64, value) then
		return (tostring(value):gsub("U?LL$", ""))
	end
end

-- Options.

local DEPTH_MAX = 1000 -- JSON_DEPTH_MAX of server/bindings/lua_json.h

local function check(name, options, known)
	if type(options) ~= "table" then
		errors.blame(("json.%s: options must be a table, got a %s"):format(name, type(options)))
	end
	for key, value in pairs(options) do
		local good = known[key]
		if not good then
			errors.blame(("json.%s: unknown option %s"):format(name, tostring(key)))
		elseif not good(value) then
			errors.blame(("json.%s: %s cannot be %s"):format(name, key,
				type(value) == "string" and ("%q"):format(value) or tostring(value)))
		end
	end
end

local function is_boolean(value)
	return type(value) == "boolean"
end

local DECODE = {
	max_depth = function(n)
		return type(n) == "number" and n >= 1 and n <= DEPTH_MAX and n % 1 == 0
	end,
	duplicates = function(what)
		return what == "last" or what == "error"
	end,
}

local ENCODE = {
	sort = is_boolean,
	html = is_boolean,
	indent = function(text)
		return type(text) == "string" and not text:find("[^ \t]")
	end,
}

-- "line 3, column 14 (byte 52)"
local function place(text, byte)
	local line, from = 1, 1
	for at in text:sub(1, byte - 1):gmatch("()\n") do
		line, from = line + 1, at + 1
	end
	return ("line %d, column %d (byte %d)"):format(line, byte - from + 1, byte)
end

--- Reads a text. Integers of more than 53 bits become int64_t or uint64_t; null is json.null.
-- @param options {max_depth = 128 (to 1000), duplicates = "last" or "error"}, or nil
-- @return the value; nil, "invalid", what is wrong and where
function json.decode(text, options)
	if type(text) ~= "string" then
		errors.blame("json.decode: expected a string, got a " .. type(text))
	end
	local max_depth, duplicates
	if options then
		check("decode", options, DECODE)
		max_depth, duplicates = options.max_depth, options.duplicates == "error"
	end
	local value, byte, what = read(text, array_mt, max_depth, duplicates, widen)
	if value == nil then
		return nil, "invalid", what .. " at " .. place(text, byte)
	end
	return value
end

--- Writes a value. A table with elements 1 to n is an array, any other an object; an empty one is an
-- object unless json.array marked it.
-- @param options {sort = true: members in order, numbers as ever: RFC 8785; indent = "  ": on many
-- lines; html = true: fit for a <script> element}, or nil
-- @return the text
-- @raise at the caller's line what cannot be written, and where it is: functions, NaN, cycles, keys
-- that are no strings, strings that are no UTF-8
function json.encode(value, options)
	local flags, indent
	if options then
		check("encode", options, ENCODE)
		flags = (options.sort and SORTED or 0) + (options.html and HTML or 0)
		indent = options.indent
	end
	local text, pointer, what = write(value, array_mt, flags, indent, digits_of)
	if not text then
		errors.blame(("json.encode: %s%s cannot be written"):format(what,
			pointer ~= "" and " at " .. pointer or ""))
	end
	return text
end

return json
