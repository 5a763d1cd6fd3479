--- `require` in Lua instead of C, so that a module may wait while it loads.
-- Same search as Lua's own: package.loaded, then package.loaders. Two tasks that require a module
-- while it loads: the second one waits for the first. A module that requires itself is an error.

local task = require("moonloop.core.task")
local errors = require("moonloop.core.errors")
local sources = require("moonloop.core.sources")
local waits = require("moonloop.core.wait")

local loaded = package.loaded
local loading = {} -- name → id of the task that loads it
local wanted = {} -- id of a task that waits for another's loading → the module's name

-- Whether the loading of a module waits, over some tasks, for the running one.
local function waits_for_us(name)
	local us = task.self()
	while name ~= nil do
		local loader = loading[name]
		if loader == us then
			return true
		end
		name = wanted[loader]
	end
	return false
end

-- The function that makes the module, or nil and what was tried.
local function find(name)
	local tried = {}
	if sources.on then
		sources.module(name)
	end
	for _, loader in ipairs(package.loaders) do
		local found = loader(name)
		if type(found) == "function" then
			return found
		elseif type(found) == "string" then
			tried[#tried + 1] = found
		end
	end
	return nil, ("module '%s' not found:%s"):format(name, table.concat(tried))
end

local function load_module(name, loader)
	loading[name] = task.self()
	local ok, value = xpcall(loader, errors.note, name)
	loading[name] = nil
	task.wake_all(loading)
	if not ok then
		error(value, 0)
	end
	if value ~= nil then
		loaded[name] = value
	elseif loaded[name] == nil then
		loaded[name] = true
	end
	return loaded[name]
end

local function wait_for(name)
	local us = task.self()
	wanted[us] = name
	local ok, err = pcall(task.wait_on, loading)
	wanted[us] = nil
	if not ok then
		error(err, 0)
	end
end
waits.names[wait_for] = "require"

--- Suspends if the module's own code does.
return function(name)
	if type(name) ~= "string" then
		error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 2)
	end
	while loading[name] do
		if waits_for_us(name) then
			error("module '" .. name .. "' requires itself while it loads", 2)
		end
		wait_for(name)
	end
	local value = loaded[name]
	if value ~= nil then
		return value
	end
	local loader, why = find(name)
	if loader == nil then
		error(why, 2)
	end
	return load_module(name, loader)
end
