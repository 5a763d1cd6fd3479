--- Options of middleware: checked when it is made, at the line that makes it.

local blame = require("moonloop.core.errors").blame
local keys = require("moonloop.core.keys")

local options = {}

local function is_one_of(kinds, value)
	for kind in kinds:gmatch("[^|]+") do
		if kind == type(value) or kind == "count" and type(value) == "number" and value >= 1 and value % 1 == 0
			or kind == "seconds" and type(value) == "number" and value > 0 and value < 2 ^ 31 then
			return true
		end
	end
	return false
end

local WORDS = { count = "an integer >= 1", seconds = "a number of seconds > 0" }

--- @param name of the constructor: "web.session"
-- @param given the options, or nil
-- @param known name → the type it has to be of, or several: "string|table"; "count" and "seconds" are
-- numbers
-- @return the options, a table
-- @raise at the caller's line what is wrong with them
function options.check(name, given, known)
	if given == nil then
		return {}
	elseif type(given) ~= "table" then
		blame(("%s: expected a table of options, got a %s"):format(name, type(given)))
	end
	for key, value in pairs(given) do
		local kinds = known[key]
		if not kinds then
			blame(("%s: unknown option %s; there are %s"):format(name, tostring(key), table.concat(keys(known), ", ")))
		elseif not is_one_of(kinds, value) then
			blame(("%s: %s must be %s, got %s"):format(name, key, WORDS[kinds] or "a " .. kinds:gsub("|", " or a "),
				type(value) == "number" and tostring(value) or "a " .. type(value)))
		end
	end
	return given
end

--- A set of an array of strings; `lower` folds their case.
-- @raise at the caller's line when it is none
function options.set(name, key, list, lower)
	local set = {}
	for i, value in ipairs(list or {}) do
		if type(value) ~= "string" then
			blame(("%s: %s[%d] must be a string, got a %s"):format(name, key, i, type(value)))
		end
		set[lower and value:lower() or value] = true
	end
	return set
end

return options
