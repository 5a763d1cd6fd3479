--- Lua values as text for people: tables with sorted keys, cycles and depth bounded.

local pretty = {}

local WIDTH = 76 -- what stays on one line
local DEPTH = 5 -- of tables in tables
local ENTRIES = 100 -- shown of one table
local STRING_MAX = 2000 -- bytes shown of a string inside of a table

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return
	then true until while]]):gmatch("%S+") do
	KEYWORDS[word] = true
end

local ESCAPES = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" }

local function quote(text, max)
	local cut = max and #text > max
	text = (cut and text:sub(1, max) or text):gsub('[%c"\\\127]', function(char)
		return ESCAPES[char] or ("\\%03d"):format(char:byte())
	end)
	return '"' .. text .. '"' .. (cut and "…" or "")
end

-- Numbers before strings before the rest.
local RANKS = { number = 1, string = 2 }

local function before(a, b)
	local rank_a, rank_b = RANKS[type(a)] or 3, RANKS[type(b)] or 3
	if rank_a ~= rank_b then
		return rank_a < rank_b
	elseif rank_a == 3 then
		return tostring(a) < tostring(b)
	end
	return a < b
end

local function sorted_keys(t)
	local keys = {}
	for key in next, t do
		keys[#keys + 1] = key
	end
	table.sort(keys, before)
	return keys
end

local show

local function show_key(key, path, depth)
	if type(key) == "string" and key:find("^[%a_][%w_]*$") and not KEYWORDS[key] then
		return key
	end
	return "[" .. show(key, path, depth, "") .. "]"
end

local function join(head, parts, indent)
	local line = head .. "{ " .. table.concat(parts, ", ") .. " }"
	if #line + #indent <= WIDTH and not line:find("\n", 1, true) then
		return line
	end
	local inner = indent .. "  "
	return head .. "{\n" .. inner .. table.concat(parts, ",\n" .. inner) .. ",\n" .. indent .. "}"
end

local function show_table(t, path, depth, indent)
	local name = (debug.getmetatable(t) or {}).__name
	local head = type(name) == "string" and name .. " " or ""
	if path[t] then
		return head .. "{<itself>}"
	elseif next(t) == nil then
		return head .. "{}"
	elseif depth >= DEPTH then
		return head .. "{…}"
	end
	path[t] = true
	local parts, keys = {}, sorted_keys(t)
	for i = 1, math.min(#keys, ENTRIES) do
		local key = keys[i]
		local value = show(rawget(t, key), path, depth + 1, indent .. "  ")
		parts[i] = key == i and value or show_key(key, path, depth + 1) .. " = " .. value
	end
	if #keys > ENTRIES then
		parts[#parts + 1] = ("… %d more"):format(#keys - ENTRIES)
	end
	path[t] = nil
	return join(head, parts, indent)
end

local function show_function(fn)
	local info = debug.getinfo(fn, "S")
	return info.what == "C" and tostring(fn) or ("function <%s:%d>"):format(info.short_src, info.linedefined)
end

local function describe(value)
	local ok, text = pcall(tostring, value)
	return ok and text or "(a " .. type(value) .. " whose __tostring fails)"
end

function show(value, path, depth, indent)
	local kind = type(value)
	if kind == "string" then
		return quote(value, depth > 0 and STRING_MAX or nil)
	elseif kind == "table" and not (debug.getmetatable(value) or {}).__tostring then
		return show_table(value, path, depth, indent)
	elseif kind == "function" then
		return show_function(value)
	end
	return describe(value)
end

--- @return a text, maybe of several lines
function pretty.show(value)
	return show(value, {}, 0, "")
end

return pretty
