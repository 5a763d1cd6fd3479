--- What a beginning may become: globals, fields and methods, module names behind require.
-- No function of the user's is called for that: only plain tables are followed, and __index tables.

local native = require("moonloop.core.native")

local complete = {}

local DEPTH = 5 -- of __index in __index

local function index_table(value)
	local mt = debug.getmetatable(value)
	local index = type(mt) == "table" and rawget(mt, "__index")
	return type(index) == "table" and index or nil
end

local function get(value, key)
	for _ = 1, DEPTH do
		local found = type(value) == "table" and rawget(value, key)
		if found then
			return found
		end
		value = index_table(value)
		if value == nil then
			return nil
		end
	end
end

local function add_names(set, value, prefix, only_functions)
	for _ = 1, DEPTH do
		for key, field in next, type(value) == "table" and value or {} do
			local fits = type(key) == "string" and key:find("^[%a_][%w_]*$") and key:sub(1, #prefix) == prefix
			if fits and (not only_functions or type(field) == "function") then
				set[key] = true
			end
		end
		value = index_table(value)
		if value == nil then
			return
		end
	end
end

local function modules(prefix)
	local set = {}
	for _, list in ipairs({ package.loaded, package.preload }) do
		for name in pairs(list) do
			set[name] = true
		end
	end
	for _, name in ipairs(native.bundle_names()) do
		set[name] = name:find("^moonloop") and true or nil
	end
	local found = {}
	for name in pairs(set) do
		local inner = name:find("^moonloop%.core") or name:find("^moonloop%.tools") or name:find("^moonloop%.dev")
		if name:sub(1, #prefix) == prefix and not inner then
			found[#found + 1] = name
		end
	end
	return found
end

local function names(text)
	local path, separator, prefix = text:match("^(.-)([.:]?)([%a_]?[%w_]*)$")
	local value = _G
	for name in path:gmatch("[^.:]+") do
		value = get(value, name)
		if value == nil then
			return {}
		end
	end
	if (path == "") ~= (separator == "") then
		return {}
	end
	local set, found = {}, {}
	add_names(set, value, prefix, separator == ":")
	for name in pairs(set) do
		found[#found + 1] = path .. separator .. name
	end
	return found
end

--- @param text the word to complete, as far as it is written
-- @param before what stands before it on the line
-- @return an array of words, sorted
function complete.words(text, before)
	local found
	if before:find("require%s*%(?%s*[\"']$") then
		found = modules(text)
	elseif text:find("^[%w_.:]*$") and not before:find("[\"']$") then
		found = names(text)
	else
		found = {}
	end
	table.sort(found)
	return found
end

return complete
