--- JSON for the reports of moonloop dev: strings of any bytes, numbers, booleans, arrays, objects.

local json = {}

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

-- Also what would end a <script>, and what JavaScript takes for line ends.
local function escape(c)
	return ESCAPES[c] or ("\\u%04x"):format(c:byte())
end

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

local function encode_string(text)
	text = json.utf8(text):gsub('[%c"\\<>&\127]', escape)
	return '"' .. text:gsub("\226\128([\168\169])", function(c)
		return c == "\168" and "\\u2028" or "\\u2029"
	end) .. '"'
end

local function encode_table(value)
	local out = {}
	if #value > 0 or next(value) == nil then
		for i = 1, #value do
			out[i] = json.encode(value[i])
		end
		return "[" .. table.concat(out, ",") .. "]"
	end
	local keys = {}
	for key in pairs(value) do
		keys[#keys + 1] = key
	end
	table.sort(keys)
	for i, key in ipairs(keys) do
		out[i] = encode_string(key) .. ":" .. json.encode(value[key])
	end
	return "{" .. table.concat(out, ",") .. "}"
end

--- Keys of objects are strings and come sorted; an empty table is an array.
function json.encode(value)
	local kind = type(value)
	if kind == "table" then
		return encode_table(value)
	elseif kind == "string" then
		return encode_string(value)
	elseif kind == "number" then
		return value == value and math.abs(value) ~= math.huge and ("%.14g"):format(value) or "null"
	end
	return tostring(value)
end

return json
