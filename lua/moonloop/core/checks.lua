--- Checks of arguments that several modules make; each raises at the caller's line.

local errors = require("moonloop.core.errors")

local blame = errors.blame

local checks = {}

--- A table of options, or an empty one for nil.
-- @param known name → type, or types separated by "|"
function checks.options(name, options, known)
	if options == nil then
		return {}
	elseif type(options) ~= "table" then
		blame(("%s: options must be a table, got a %s"):format(name, type(options)))
	end
	for key, value in next, options do
		local types = known[key]
		if types == nil then
			blame(("%s: there is no option %s"):format(name, tostring(key)))
		elseif not ("|" .. types .. "|"):find("|" .. type(value) .. "|", 1, true) then
			blame(("%s: %s must be a %s, got a %s"):format(name, key, types:gsub("|", " or a "), type(value)))
		end
	end
	return options
end

--- An integer in a range; the default when it is nil.
function checks.integer(name, what, value, min, max, default)
	if value == nil then
		return default
	elseif type(value) ~= "number" or value % 1 ~= 0 or value < min or value > max then
		blame(("%s: %s must be an integer from %d to %d, got %s"):format(name, what, min, max, tostring(value)))
	end
	return value
end

--- A number of seconds; the default when it is nil.
function checks.seconds(name, what, value, default)
	if value == nil then
		return default
	elseif type(value) ~= "number" or value ~= value or value < 0 then
		blame(("%s: %s must be a number of seconds >= 0, got %s"):format(name, what, tostring(value)))
	end
	return value
end

--- A method's own object.
function checks.self(self, meta, name)
	if getmetatable(self) ~= meta then
		blame(("%s:%s: expected a %s, got a %s; call it with a colon"):format(meta.kind_, name, meta.__name,
			type(self)))
	end
end

function checks.string(name, what, value)
	if type(value) ~= "string" then
		blame(("%s: %s must be a string, got a %s"):format(name, what, type(value)))
	end
	return value
end

return checks
