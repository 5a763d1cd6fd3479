--- Path patterns: "/users/{id:int}", "/{year:int}/{slug}.html", "/files/{rest:path}".
-- A pattern is an array of segments, what stands between two slashes: {literal = "users"}, or
-- {name =, type =, convert =, rank =, prefix =, suffix =}; "/users/" ends with the literal "".

local path = {}

local UUID = "^" .. ("%x"):rep(8) .. ("%-" .. ("%x"):rep(4)):rep(3) .. "%-" .. ("%x"):rep(12) .. "$"

-- Digits that a double holds exactly.
local INT_DIGITS = 15

-- convert: text → value, nil: it does not match. rank: the lower is tried first.
local TYPES = {
	int = {
		rank = 1,
		convert = function(text)
			local digits = text:match("^-?(%d+)$")
			return digits and #digits <= INT_DIGITS and tonumber(text) or nil
		end,
	},
	float = {
		rank = 2,
		convert = function(text)
			return text:find("^-?%d+%.?%d*$") and tonumber(text) or nil
		end,
	},
	uuid = {
		rank = 1,
		convert = function(text)
			return text:find(UUID) and text:lower() or nil
		end,
	},
	str = {
		rank = 3,
		convert = function(text)
			return text ~= "" and text or nil
		end,
	},
	path = {
		rank = 4,
		convert = function(text)
			return text
		end,
	},
}
path.types = TYPES

local function parse_segment(text)
	if not text:find("[{}]") then
		return { literal = text }
	end
	local prefix, inside, suffix = text:match("^([^{}]*){([^{}]*)}([^{}]*)$")
	if not inside then
		return nil, ("%q: one {name} or {name:type} is allowed between two slashes"):format(text)
	end
	local name, kind = inside:match("^([%a_][%w_]*):?([%w_]*)$")
	if not name then
		return nil, ("{%s}: expected {name} or {name:type}"):format(inside)
	end
	kind = kind == "" and "str" or kind
	local known = TYPES[kind]
	if not known then
		return nil, ("{%s}: unknown type %s; there are str, int, float, uuid and path"):format(inside, kind)
	end
	return {
		name = name,
		type = kind,
		convert = known.convert,
		rank = known.rank - (prefix .. suffix ~= "" and 0.5 or 0), -- the more exact one first
		prefix = prefix,
		suffix = suffix,
	}
end

--- @param text begins with a slash
-- @return an array of segments; nil and what is wrong
function path.parse(text)
	if type(text) ~= "string" or text:sub(1, 1) ~= "/" then
		return nil, ("a path is a string that begins with a slash, got %s"):format(tostring(text))
	end
	local segments, names = {}, {}
	for part in (text:sub(2) .. "/"):gmatch("([^/]*)/") do
		local last = segments[#segments]
		local segment, why = parse_segment(part)
		if not segment then
			return nil, why
		elseif last and last.type == "path" then
			return nil, ("{%s:path} takes the rest of the path, nothing can follow it"):format(last.name)
		elseif segment.type == "path" and segment.prefix .. segment.suffix ~= "" then
			return nil, ("{%s:path} stands alone behind its slash"):format(segment.name)
		elseif segment.name and names[segment.name] then
			return nil, ("the name %s stands in it twice"):format(segment.name)
		end
		names[segment.name or false] = true
		segments[#segments + 1] = segment
	end
	return segments
end

--- Percent-encodes what a segment cannot hold as it is (RFC 3986 3.3).
-- @param keep what else stays, for a set of a Lua pattern: "/"
local function escape(text, keep)
	return (text:gsub("[^%w%-._~!$&'()*+,;=:@" .. keep .. "]", function(c)
		return ("%%%02X"):format(c:byte())
	end))
end

path.escape = escape

--- The path that a pattern means with those values.
-- @return a string, percent-encoded; nil and what is wrong
function path.build(segments, values)
	local parts = {}
	for i, segment in ipairs(segments) do
		if segment.literal then
			parts[i] = escape(segment.literal, "")
		else
			local value = values[segment.name]
			local text = value ~= nil and tostring(value) or nil
			if text == nil or segment.convert(text) == nil then
				return nil, ("%s: %s is no %s"):format(segment.name, tostring(value), segment.type)
			elseif segment.type ~= "path" and text:find("/", 1, true) then
				return nil, ("%s: %q has a slash"):format(segment.name, text)
			end
			parts[i] = escape(segment.prefix, "") .. escape(text, segment.type == "path" and "/" or "")
				.. escape(segment.suffix, "")
		end
	end
	return "/" .. table.concat(parts, "/")
end

return path
