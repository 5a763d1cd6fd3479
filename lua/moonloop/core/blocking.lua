--- Lua's own functions that block, while others wait to be served. Until the worker serves nothing changes;
-- from then on, in a task:
--
-- * os.execute, os.remove, os.rename and os.tmpname are done by a thread of the pool, and the task waits.
--   They stay what they are: no cancellation and no deadline cuts them short. Where a task cannot wait,
--   or the pool has no room, they are done at once, with a warning.
-- * io.open, io.lines, io.popen, io.read, and the methods of files that block, are done at once: the file
--   belongs to this Lua state. They warn, once for each place that calls them; a file that was opened
--   with a warning has no more of its own.
--
-- Nothing is between a wrong argument and the original, which is called in the wrapper's place: the
-- error names the caller's line.

local native = require("moonloop.core.ffi")
local verbs = require("moonloop.core.native")
local co = require("moonloop.core.coroutine")
local errors = require("moonloop.core.errors")
local log = require("moonloop.log")
local marshal = require("moonloop.core.marshal")
local oscall = require("moonloop.core.oscall")
local pool = require("moonloop.core.pool")

local C = native.C
local self_id, can_park = verbs.self, co.can_park
local io_type = io.type
local type, select, pcall, unpack = type, select, pcall, unpack

local INSTEAD = {
	["os.execute"] = "moonloop.process.run",
	["os.remove"] = "moonloop.fs.remove",
	["os.rename"] = "moonloop.fs.rename",
	["os.tmpname"] = "moonloop.fs.tempfile",
	["io.open"] = "moonloop.fs.open",
	["io.lines"] = "moonloop.fs.open and file:lines",
	["io.popen"] = "moonloop.process.spawn",
	["io.read"] = "moonloop.thread.run",
	["file:read"] = "moonloop.fs.open and file:read",
	["file:lines"] = "moonloop.fs.open and file:lines",
	["file:write"] = "moonloop.fs.open and file:write",
}

local PLACES_MAX = 256
local LEVELS_MAX = 50

local blocking = {}

local is_serving, warns = false, false

-- Warnings.

local places, places_n = {}, 0 -- "file:line call" → true

-- The innermost line of the application.
local function place()
	for level = 3, LEVELS_MAX do
		local info = debug.getinfo(level, "Sl")
		if info == nil then
			break
		elseif info.currentline > 0 and not errors.is_ours(info.source) then
			return ("%s:%d"):format(info.short_src, info.currentline)
		end
	end
	return "?"
end

local function warn(name)
	if not warns or places_n == PLACES_MAX then
		return
	end
	local at = place()
	local key = at .. " " .. name
	if not places[key] then
		places[key] = true
		places_n = places_n + 1
		log.warn("blocking.call", { place = at, call = name, use = INSTEAD[name] })
	end
end

-- Calls that move.

-- Whether the original would take them: only the first one has to be there.
local function fit(n, ...)
	for i = 1, n do
		local kind = type((select(i, ...)))
		if kind ~= "string" and kind ~= "number" and (i == 1 or kind ~= "nil") then
			return false
		end
	end
	return true
end

-- The results, or nil when it was not done.
local function call_in_pool(name, arity, a, b)
	local bytes = marshal.encode({
		fn = oscall.call,
		n = 1 + arity,
		name,
		arity > 0 and a or nil,
		arity > 1 and b or nil,
	}, "argument")
	C.ml_task_shield(1)
	local ok, rc, output = pcall(pool.run, pool.LUA, bytes)
	C.ml_task_shield(-1)
	return ok and rc == 0 and marshal.decode(output) or nil
end

local function moving(name, arity)
	local raw, full = os[name], "os." .. name
	return function(...)
		if not is_serving or self_id() == 0 or select("#", ...) < arity or not fit(arity, ...) then
			return raw(...)
		end
		local results = can_park() and call_in_pool(name, arity, ...)
		if results then
			return unpack(results, 1, results.n)
		end
		warn(full)
		return raw(...)
	end
end

-- Calls that stay.

-- Files whose methods do not warn: they did when they were opened, or are the worker's own.
local silent = setmetatable({ [io.stdout] = true, [io.stderr] = true }, { __mode = "k" })

local function silenced(file, ...)
	if file then
		silent[file] = true
	end
	return file, ...
end

local function opening(name)
	local raw, full = io[name], "io." .. name
	return function(...)
		local n = select("#", ...)
		if not is_serving or self_id() == 0 or n == 0 or not fit(n, ...) then
			return raw(...)
		end
		warn(full)
		return silenced(raw(...))
	end
end

local function staying(name)
	local raw, full = io[name], "io." .. name
	return function(...)
		if is_serving and self_id() ~= 0 then
			warn(full)
		end
		return raw(...)
	end
end

-- Hot: what a file that is silent pays is one look into a table.
local function method(raw, full)
	return function(file, ...)
		if is_serving and not silent[file] and io_type(file) and self_id() ~= 0 then
			silent[file] = true
			warn(full)
		end
		return raw(file, ...)
	end
end

--- Puts the wrappers in place. Once, before the application is loaded, in the worker's state only.
function blocking.install()
	-- luacheck: push ignore 122
	for name, arity in pairs({ execute = 1, remove = 1, rename = 2, tmpname = 0 }) do
		os[name] = moving(name, arity)
	end
	io.open, io.popen = opening("open"), opening("popen")
	io.lines, io.read = staying("lines"), staying("read")
	-- luacheck: pop
	local methods = debug.getmetatable(io.stdout).__index
	for _, name in ipairs({ "read", "lines", "write" }) do
		methods[name] = method(methods[name], "file:" .. name)
	end
end

--- From now on others wait to be served.
-- @param warnings whether calls that block are logged
function blocking.serving(warnings)
	is_serving, warns = true, warnings
end

--- Nobody is served any more: all is as it was.
function blocking.resting()
	is_serving = false
end

return blocking
