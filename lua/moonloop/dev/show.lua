--- Values as text for a person who looks at an error. Nothing of the application runs for it: no
-- metamethod is called. What is named like a secret is masked.

local show = {}

local STRING_MAX = 160 -- bytes of a string that are shown
local ITEMS_MAX = 12 -- of a table
local MASK = "•••"

local SECRETS = { "password", "passwd", "passphrase", "pwd", "secret", "token", "authorization", "cookie",
	"apikey", "privatekey", "credential", "session", "signature", "bearer", "csrf" }

--- Whether a thing of that name should not be shown.
function show.is_secret(name)
	if type(name) ~= "string" then
		return false
	end
	name = name:lower():gsub("[^%a]", "")
	for _, word in ipairs(SECRETS) do
		if name:find(word, 1, true) then
			return true
		end
	end
	return false
end

-- Not in the middle of a UTF-8 character.
local function cut(text, max)
	if #text <= max then
		return text, ""
	end
	local n = max
	while n > max - 3 and text:byte(n + 1) >= 0x80 and text:byte(n + 1) < 0xC0 do
		n = n - 1
	end
	return text:sub(1, n), (" … (%d bytes)"):format(#text)
end

local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }

local function escape(c)
	return ESCAPES[c] or ("\\%d"):format(c:byte())
end

-- The part behind the word in "Bearer abc": in whatever variable it is.
local function mask_credentials(text)
	return (text:gsub("^(%a+) .+$", function(scheme)
		local known = { bearer = true, basic = true, digest = true }
		return known[scheme:lower()] and scheme .. " " .. MASK or nil
	end))
end

--- A string in quotes, cut when it is long.
function show.string(text)
	local head, rest = cut(mask_credentials(text), STRING_MAX)
	return '"' .. head:gsub('[%c"\\\127]', escape) .. '"' .. rest
end

local function show_function(fn)
	local info = debug.getinfo(fn, "S")
	if info.what == "C" then
		return "function (C)"
	end
	return ("function %s:%d"):format(info.short_src, info.linedefined)
end

local function show_key(key)
	if type(key) == "string" and key:find("^[%a_][%w_]*$") then
		return key
	end
	return "[" .. (type(key) == "string" and show.string(key) or show.value(key, nil, true)) .. "]"
end

-- {"authorization", "…"}: a field of a request or a response.
local function is_secret_pair(t)
	return #t == 2 and show.is_secret(rawget(t, 1))
end

local function by_key(a, b)
	local ka, kb = type(a), type(b)
	if ka ~= kb then
		return ka < kb
	end
	return (ka == "string" or ka == "number") and a < b
end

local function list_keys(t)
	local keys, n = {}, #t
	for key in next, t do
		local in_array = type(key) == "number" and key >= 1 and key <= n and key % 1 == 0
		if not in_array and key ~= "exchange_" then
			keys[#keys + 1] = key
		end
	end
	table.sort(keys, by_key)
	return keys
end

local function show_table(t, inner)
	local meta = debug.getmetatable(t)
	local name = type(meta) == "table" and rawget(meta, "__name")
	local prefix = type(name) == "string" and name .. " " or ""
	if inner or next(t) == nil then
		return prefix .. (next(t) == nil and "{}" or "{…}")
	end
	local out, secret, keys = {}, is_secret_pair(t), list_keys(t)
	for i = 1, #t do
		out[#out + 1] = i == 2 and secret and MASK or show.value(rawget(t, i), nil, true)
		if #out == ITEMS_MAX then
			break
		end
	end
	for i = 1, math.min(#keys, ITEMS_MAX - #out) do
		out[#out + 1] = show_key(keys[i]) .. " = " .. show.value(rawget(t, keys[i]), keys[i], true)
	end
	local more = #t + #keys - #out
	if more > 0 then
		out[#out + 1] = ("… %d more"):format(more)
	end
	return prefix .. "{ " .. table.concat(out, ", ") .. " }"
end

--- One line for a value.
-- @param name of the variable or the field that holds it, or nil
-- @param inner inside of a table: tables in there are not opened
function show.value(value, name, inner)
	local kind = type(value)
	if value ~= nil and kind ~= "boolean" and kind ~= "function" and show.is_secret(name) then
		return MASK
	elseif kind == "string" then
		return show.string(value)
	elseif kind == "number" then
		return ("%.14g"):format(value)
	elseif kind == "table" then
		return show_table(value, inner)
	elseif kind == "function" then
		return show_function(value)
	elseif kind == "userdata" or kind == "cdata" or kind == "thread" then
		return kind
	end
	return tostring(value)
end

--- A header's value.
function show.header(name, value)
	return show.is_secret(name) and MASK or (cut(mask_credentials(value), 1000))
end

--- A query string whose secrets are masked.
function show.query(query)
	return (query:gsub("([^&=]+)=([^&]*)", function(name)
		return show.is_secret(name) and name .. "=" .. MASK or nil
	end))
end

return show
