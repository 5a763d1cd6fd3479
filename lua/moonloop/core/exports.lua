--- What two Lua states both have, by name: modules, and the functions and constants they export.
-- Hot: marshal.lua asks for every table and function that it meets.

local type, next = type, next
local raw_metatable = debug.getmetatable

local exports = {}

-- Of _G only what every state has: the rest are the application's globals, which the other side
-- does not have.
local STANDARD = {}
for name in ([[assert collectgarbage dofile error gcinfo getfenv getmetatable ipairs load loadfile
	loadstring module newproxy next pairs pcall print rawequal rawget rawlen rawset require select
	setfenv setmetatable tonumber tostring type unpack xpcall]]):gmatch("%S+") do
	STANDARD[name] = true
end

local NAMED = { table = true, ["function"] = true, userdata = true, cdata = true }

local module_of, field_of = {}, {} -- value → module name; value → field name or false
local known, known_n = {}, 0 -- package.loaded as it was then

local function add(value, module, field)
	if module_of[value] == nil then
		module_of[value] = module
		field_of[value] = field
	end
end

-- Of userdata only a module's own constants (cjson.null) and ffi.C: a file or a connection is not
-- the same thing over there.
local function is_export(module, value)
	local kind = type(value)
	return kind == "function" or kind == "userdata" and (module == "ffi" or raw_metatable(value) == nil)
end

local function add_fields(module, fields)
	for field, value in next, fields do
		if type(field) == "string" and is_export(module, value) and (module ~= "_G" or STANDARD[field]) then
			add(value, module, field)
		end
	end
end

--- Looks at all loaded modules and their fields.
function exports.look()
	local names = {}
	module_of, field_of, known = {}, {}, {}
	for name, value in next, package.loaded do
		names[#names + 1] = name
		known[name] = value
	end
	known_n = #names
	table.sort(names) -- of several names for one thing always the same one
	for _, name in ipairs(names) do
		if NAMED[type(known[name])] then
			add(known[name], name, false)
		end
	end
	for _, name in ipairs(names) do
		if type(known[name]) == "table" then
			add_fields(name, known[name])
		end
	end
end

local function is_current()
	local n = 0
	for name, value in next, package.loaded do
		if known[name] ~= value then
			return false
		end
		n = n + 1
	end
	return n == known_n
end

--- Looks again if modules came or went since. New fields of a module are not noticed.
function exports.refresh()
	if not is_current() then
		exports.look()
	end
end

--- The name of a table, function, userdata or cdata.
-- @return the module's name, and the field's name or false for the module itself; nil: it has none
function exports.name(value)
	return module_of[value], field_of[value]
end

--- What has that name in this state. Requires the module, which may raise or suspend.
function exports.find(module, field)
	local value = require(module)
	if not field then
		return value
	end
	local found = type(value) == "table" and value[field]
	if not found then
		error(("module '%s' has no '%s' in this Lua state"):format(module, field), 0)
	end
	return found
end

return exports
