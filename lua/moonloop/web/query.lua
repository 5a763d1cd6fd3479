--- application/x-www-form-urlencoded, as in query strings and forms (WHATWG URL 5).

local keys = require("moonloop.core.keys")

local find, gsub, sub, char = string.find, string.gsub, string.sub, string.char

local query = {}

local function from_hex(digits)
	return char(tonumber(digits, 16))
end

--- Decodes one name or value. What is no escape stays as it is.
function query.decode(text)
	if not find(text, "[+%%]") then
		return text
	end
	return (gsub(gsub(text, "+", " "), "%%(%x%x)", from_hex))
end

--- @param text "a=1&b=2"
-- @param max pairs at most
-- @return an array of {name, value}; nil when there are more
function query.pairs(text, max)
	local list, from, n = {}, 1, 0
	while from <= #text do
		local stop = find(text, "&", from, true) or #text + 1
		if stop > from then
			if n == max then
				return nil
			end
			local equals = find(text, "=", from, true)
			local named = equals and equals < stop
			n = n + 1
			list[n] = {
				query.decode(sub(text, from, (named and equals or stop) - 1)),
				named and query.decode(sub(text, equals + 1, stop - 1)) or "",
			}
		end
		from = stop + 1
	end
	return list
end

--- A table of the pairs: name → value, of several the last one.
function query.map(list)
	local map = {}
	for i = 1, #list do
		map[list[i][1]] = list[i][2]
	end
	return map
end

--- All values of a name, in order.
function query.all(list, name)
	local values = {}
	for i = 1, #list do
		if list[i][1] == name then
			values[#values + 1] = list[i][2]
		end
	end
	return values
end

local function escape(text)
	return (gsub(gsub(tostring(text), "[^%w%-._~ ]", function(c)
		return ("%%%02X"):format(c:byte())
	end), " ", "+"))
end

--- @param values a table, name → string, number, boolean, or an array of them
-- @return "a=1&b=2", names in order
function query.encode(values)
	local parts = {}
	for _, name in ipairs(keys(values)) do
		local value = values[name]
		for _, one in ipairs(type(value) == "table" and value or { value }) do
			parts[#parts + 1] = escape(name) .. "=" .. escape(one)
		end
	end
	return table.concat(parts, "&")
end

return query
