--- JSON for the reports of moonloop dev, whatever is in them: strings of any bytes, any number.

local encode = require("moonloop.json").encode
local json_array, null = require("moonloop.json").array, require("moonloop.json").null

local json = {}

local OPTIONS = { sort = true, html = true }

-- Length of the UTF-8 character that begins with byte `a`; nil: none does.
local function width(a)
	return a < 0x80 and 1 or a >= 0xC2 and a < 0xE0 and 2 or a >= 0xE0 and a < 0xF0 and 3
		or a >= 0xF0 and a < 0xF5 and 4 or nil
end

-- Overlong forms, surrogates, beyond U+10FFFF.
local function is_allowed(a, b)
	return not (a == 0xE0 and b < 0xA0 or a == 0xED and b > 0x9F or a == 0xF0 and b < 0x90
		or a == 0xF4 and b > 0x8F)
end

local function char_at(text, i)
	local a, b = text:byte(i, i + 1)
	local n = width(a)
	if n == 1 then
		return 1
	end
	local tail = n and text:sub(i + 1, i + n - 1) or ""
	if n and #tail == n - 1 and not tail:find("[^\128-\191]") and is_allowed(a, b) then
		return n
	end
end

--- Valid UTF-8: each byte that belongs to no character becomes U+FFFD.
function json.utf8(text)
	if not text:find("[\128-\255]") then
		return text
	end
	local out, i = {}, 1
	while i <= #text do
		local n = char_at(text, i)
		out[#out + 1] = n and text:sub(i, i + n - 1) or "\239\191\189"
		i = i + (n or 1)
	end
	return table.concat(out)
end

-- A copy that JSON can say.
local function plain(value)
	local kind = type(value)
	if kind == "string" then
		return json.utf8(value)
	elseif kind == "number" then
		return value - value == 0 and value or null
	elseif kind ~= "table" then
		return value
	end
	local copy = {}
	if #value > 0 or next(value) == nil then
		for i = 1, #value do
			copy[i] = plain(value[i])
		end
		return json_array(copy)
	end
	for key, item in pairs(value) do
		copy[json.utf8(key)] = plain(item)
	end
	return copy
end

--- Fit for a <script> element. Keys of objects are strings and come sorted; an empty table is an array;
-- what is no number is null.
function json.encode(value)
	return (encode(plain(value), OPTIONS):gsub("\127", "\\u007f"))
end

return json
