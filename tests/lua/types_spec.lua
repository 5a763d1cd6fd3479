-- The annotations in lua/moonloop/types/ against what the modules export, both ways. A class there is a
-- metatable here: "moonloop.Mutex" is the one whose __name ends in "mutex".

local fs = require("moonloop.fs")

local public = require("public")

local folder = public.folder .. "/types"

local function short(module)
	return module:match("[%w_]+$")
end

local function read(module)
	return assert(fs.read(("%s/%s.lua"):format(folder, short(module))))
end

-- "fs.read" → its number of parameters, "+ …" when there may be more; "process.KILL" → "field".
local function arity(n, more)
	return more and n .. " + …" or tostring(n)
end

local function is_private(name)
	return name:sub(-1) == "_" or name:sub(1, 2) == "__"
end

-- What is declared.

local function count_parameters(text)
	local n, more = 0, false
	for name in text:gmatch("[^%s,]+") do
		if name == "..." then
			more = true
		else
			n = n + 1
		end
	end
	return n, more
end

local function declared(name, text)
	local found, class = {}, nil
	for line in text:gmatch("[^\n]+") do
		class = line:match("^%-%-%-@class ([%w_.]+)") or class
		local table_name = line:match("^local ([%w_]+) = {}$")
		if table_name then
			class = short(name) ~= table_name and class or nil
		end
		local at, mark, field, parameters = line:match("^function ([%w_]+)([.:])([%w_]+)%((.-)%) end$")
		if at then
			local n, more = count_parameters(parameters)
			local owner = class and short(class) or name
			found[owner .. mark .. field] = arity(n + (mark == ":" and 1 or 0), more)
		end
		local constant = line:match("^[%w_]+%.([%w_]+) = ")
		if constant then
			found[name .. "." .. constant] = "field"
		end
	end
	return found
end

-- What is there.

local function arity_of(fn)
	local info = debug.getinfo(fn, "u")
	return arity(info.nparams, info.isvararg)
end

-- Calls visit(value) for everything that a value reaches by fields, metatables and upvalues of functions.
local function walk(value, visit)
	local seen, list = {}, { value }
	while #list > 0 do
		local v = table.remove(list)
		local kind = type(v)
		if (kind == "table" or kind == "function") and not seen[v] and v ~= _G and v ~= package.loaded then
			seen[v] = true
			visit(v)
			if kind == "table" then
				list[#list + 1] = debug.getmetatable(v)
				for _, item in next, v do
					list[#list + 1] = item
				end
			else
				local i = 1
				while debug.getupvalue(v, i) do
					list[#list + 1] = (select(2, debug.getupvalue(v, i)))
					i = i + 1
				end
			end
		end
	end
end

local function class_name(meta)
	local name = rawget(meta, "__name")
	local last = type(name) == "string" and name:match("^moonloop%..-([%w_]+)$")
	return last and (last:gsub("_?(%w)(%w*)", function(first, rest)
		return first:upper() .. rest
	end))
end

-- Classes of moonloop.web are looked at by add_framework.
local function is_framework(fn)
	return debug.getinfo(fn, "S").source:find("moonloop[./]web[./]") ~= nil
end

local function add_methods(found, meta)
	local class, methods = class_name(meta), rawget(meta, "__index")
	if not class or type(methods) ~= "table" then
		return
	end
	for name, fn in pairs(methods) do
		if not is_private(name) and type(fn) == "function" and not is_framework(fn) then
			found[class .. ":" .. name] = arity_of(fn)
		end
	end
end

-- The framework loads its parts when they are used, which are modules of their own: types/web/.
local function is_part(name, value)
	if name ~= "moonloop.web" then
		return false
	end
	for module, loaded in pairs(package.loaded) do
		if loaded == value and module:find("^moonloop%.web%.") then
			return true
		end
	end
	return false
end

-- Of the framework, whose classes share their methods.
local function add_framework(found)
	local metas = {
		WebApp = getmetatable(require("moonloop.web").app()),
		Group = getmetatable(require("moonloop.web").app():group("/x")),
		Response = getmetatable(require("moonloop.web").text("")),
	}
	local inherited = metas.Group.__index
	for name, meta in pairs(metas) do
		for method, fn in pairs(meta.__index) do
			if not is_private(method) and type(fn) == "function" and not (name == "WebApp" and inherited[method]) then
				found[name .. ":" .. method] = arity_of(fn)
			end
		end
	end
end

local function exported()
	local found = {}
	add_framework(found)
	for name in pairs(public.modules) do
		local module = require(name)
		for field, value in pairs(module) do
			if not is_private(field) and not is_part(name, value) then
				found[name .. "." .. field] = type(value) == "function" and arity_of(value) or "field"
			end
		end
		walk(name ~= "moonloop.web" and module or nil, function(v)
			if type(v) == "table" then
				add_methods(found, v)
			end
		end)
	end
	return found
end

-- The @param lines belong to the function that follows them without an empty line.
local function check_comments(text, wrong, classes, used)
	local described = {}
	for line in text:gmatch("(.-)\n") do
		local class = line:match("^%-%-%-@class ([%w_.]+)") or line:match("^%-%-%-@alias ([%w_.]+)")
		if class then
			classes[class] = true
		end
		for other in line:gmatch("moonloop%.%u%w*") do
			used[other] = true
		end
		local parameters = line:match("^function [%w_.:]+%((.-)%) end$")
		for each in (parameters or ""):gmatch("[^%s,]+") do
			if not described[each] then
				wrong[#wrong + 1] = ("%s is not described in: %s"):format(each, line)
			end
		end
		if parameters or line == "" then
			described = {}
		end
		described[line:match("^%-%-%-@param ([%w_.]+)") or ""] = true
	end
end

describe("the types for editors", function()
	it("are there for each public module, and no other", function()
		local expected, files = {}, {}
		for module in pairs(public.modules) do
			expected[#expected + 1] = short(module) .. ".lua"
		end
		for _, entry in ipairs(fs.listdir(folder)) do
			files[#files + 1] = entry.type == "file" and entry.name or nil
		end
		table.sort(expected)
		assert.same(expected, files)
	end)

	it("are Lua, and named for the module that they describe", function()
		for module in pairs(public.modules) do
			local text = read(module)
			assert.equal("---@meta " .. module, text:match("^[^\n]*"))
			assert.equal("table", type(assert(loadstring(text, module))()))
		end
	end)

	it("name every function, method and constant with its parameters, and nothing else", function()
		local all = {}
		for module in pairs(public.modules) do
			for what, how in pairs(declared(module, read(module))) do
				all[what] = how
			end
		end
		local there = exported()
		assert.is_truthy(there["moonloop.fs.read"] and there["Mutex:lock"] and there["moonloop.process.KILL"])
		local wrong = {}
		for what, how in pairs(there) do
			if all[what] ~= how then
				wrong[#wrong + 1] = ("%s: takes %s, declared %s"):format(what, how, tostring(all[what]))
			end
		end
		for what in pairs(all) do
			-- A request makes its members when they are read: it has no table of methods to look at.
			if there[what] == nil and not what:find("^Request:") then
				wrong[#wrong + 1] = what .. ": declared, but not there"
			end
		end
		table.sort(wrong)
		assert.same({}, wrong)
	end)

	it("describe each parameter, and only classes that are declared", function()
		local wrong, classes, used = {}, {}, {}
		for module in pairs(public.modules) do
			check_comments(read(module), wrong, classes, used)
		end
		for class in pairs(used) do
			if not classes[class] then
				wrong[#wrong + 1] = class .. " is not declared"
			end
		end
		table.sort(wrong)
		assert.same({}, wrong)
	end)
end)
