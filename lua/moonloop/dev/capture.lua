--- The stack of an error as it is when it is raised: functions, lines, variables. Installed into
-- core/errors.lua by moonloop dev only; it runs inside of xpcall's handler, so it never raises.

local errors = require("moonloop.core.errors")
local show = require("moonloop.dev.show")

local FRAMES_MAX = 30
local VARIABLES_MAX = 40 -- of a frame, each kind
local LEVELS_MAX = 250

-- They raise or catch errors, and say nothing about them.
local SKIPPED = { [error] = true, [assert] = true, [pcall] = true, [xpcall] = true }

-- receive and send, for one.
local function is_gateway_function(value)
	return type(value) == "function" and errors.is_ours(debug.getinfo(value, "S").source)
end

local function add(list, name, value)
	local temporary = name:sub(1, 1) == "("
	if not temporary and not is_gateway_function(value) and #list < VARIABLES_MAX then
		list[#list + 1] = { name = name, value = show.value(value, name) }
	end
end

local function locals_of(level)
	local list = {}
	for i = 1, 200 do
		local name, value = debug.getlocal(level + 1, i)
		if name == nil then
			break
		end
		add(list, name, value)
	end
	return list
end

-- Modules and functions say nothing that the source does not.
local function upvalues_of(fn)
	local list = {}
	for i = 1, 60 do
		local name, value = debug.getupvalue(fn, i)
		if name == nil then
			break
		elseif type(value) ~= "function" and not (type(value) == "table" and package.loaded[name] == value) then
			add(list, name, value)
		end
	end
	return list
end

local function title(info)
	if info.what == "main" then
		return "main chunk"
	elseif info.name and info.name ~= "" and info.name ~= "?" then
		return "function '" .. info.name .. "'"
	elseif info.what == "C" then
		return "a C function"
	end
	return nil -- by a tail call: its first line has the name
end

local function is_shown(info)
	if info.what == "C" then -- "loader" is how core/require.lua calls Lua's own
		return info.name ~= nil and info.name ~= "loader" and not SKIPPED[info.func]
	end
	return info.what ~= "tail" and not errors.is_ours(info.source)
end

local function walk(frames)
	for level = 2, LEVELS_MAX do
		local info = debug.getinfo(level, "nSlf")
		if info == nil then
			return
		elseif is_shown(info) then
			if #frames == FRAMES_MAX then
				frames.cut = true
				return
			end
			frames[#frames + 1] = {
				title = title(info),
				from = info.linedefined,
				source = info.source,
				file = info.what ~= "C" and info.short_src or nil,
				line = info.currentline > 0 and info.currentline or nil,
				locals = info.what ~= "C" and locals_of(level) or {},
				upvalues = info.what ~= "C" and upvalues_of(info.func) or {},
			}
		end
	end
end

--- Notes the stack in `noted`: the first time where the error was raised (frames), then where a task
-- that joined the failed one raises it again (chain: an array of such).
return function(noted)
	local frames = {}
	pcall(walk, frames)
	if noted.frames == nil then
		noted.frames = frames
		return
	end
	local chain = { unpack(noted.chain or {}) }
	chain[#chain + 1] = frames
	noted.chain = chain
end
