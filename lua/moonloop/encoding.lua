--- Bytes as text: base64, base64url (RFC 4648), hexadecimal digits.
--
--     local encoding = require "moonloop.encoding"
--     encoding.to_base64url("\251\255")  --> "-_8"
--     encoding.from_hex("6d6f6f6e")      --> "moon"
--
-- Readers take one spelling only: no white space, nothing of the other alphabet, no stray bits.
-- Padding may be left out. What they do not take is nil, "invalid".

local errors = require("moonloop.core.errors")
local native = require("moonloop.core.native").encoding

local to_base64, from_base64 = native.to_base64, native.from_base64

local encoding = {}

local function check(name, text)
	if type(text) ~= "string" then
		errors.blame(("encoding.%s: expected a string, got a %s"):format(name, type(text)))
	end
end

local function read(bytes)
	if bytes == nil then
		return nil, "invalid"
	end
	return bytes
end

--- With padding, and + and /.
function encoding.to_base64(bytes)
	check("to_base64", bytes)
	return to_base64(bytes, false, true)
end

--- @return bytes; nil, "invalid"
function encoding.from_base64(text)
	check("from_base64", text)
	return read(from_base64(text, false))
end

--- Without padding, - and _ in place of + and /: fit for URLs, cookies and file names.
function encoding.to_base64url(bytes)
	check("to_base64url", bytes)
	return to_base64(bytes, true, false)
end

--- @return bytes; nil, "invalid"
function encoding.from_base64url(text)
	check("from_base64url", text)
	return read(from_base64(text, true))
end

--- Two lower-case digits for each byte.
function encoding.to_hex(bytes)
	check("to_hex", bytes)
	return native.to_hex(bytes)
end

--- Digits of either case.
-- @return bytes; nil, "invalid"
function encoding.from_hex(text)
	check("from_hex", text)
	return read(native.from_hex(text))
end

return encoding
