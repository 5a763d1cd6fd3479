--- Error values and what is shown of them.

local C = require("moonloop.core.ffi").C

local errors = {
	--- moonloop dev sets it: called with each new note, to keep more of the stack than its text
	capture = nil,
}

--- What a wait raises in a task that was cancelled. Compare with task.is_cancelled(err).
errors.CANCELLED = setmetatable({}, {
	__name = "moonloop.cancelled",
	__tostring = function()
		return "cancelled"
	end,
})

--- What a wait raises in a scope that is over (core/scope.lua).
errors.Scope = {
	__name = "moonloop.scope",
	__tostring = function(scope)
		return scope.fired and "stopped with its group" or "timed out"
	end,
}

-- Joins of joins whose tracebacks are kept.
local CHAIN_MAX = 16

-- Task id → the traceback that was taken where its last error was raised, for one that is raised again
-- on its way up (through require, join, a middleware's pcall): the first one knows the line that
-- matters. Dropped at the end of the task.
local notes = {}

-- A table that was raised, by its plain fields: {code = 42, name = "x"}.
local function describe_table(err)
	local fields = {}
	for key, value in next, err do
		local plain = type(value) == "string" or type(value) == "number" or type(value) == "boolean"
		if type(key) == "string" and plain then
			fields[#fields + 1] = ("%s = %s"):format(key, type(value) == "string" and ("%q"):format(value)
				or tostring(value))
		end
	end
	table.sort(fields)
	return ("error object {%s}"):format(table.concat(fields, ", "))
end

local function describe(err)
	if type(err) == "string" then
		return err
	elseif err == nil then
		return "error() was called without a message"
	elseif type(err) == "table" and debug.getmetatable(err) == nil then
		return describe_table(err)
	end
	local ok, text = pcall(tostring, err)
	return ok and type(text) == "string" and text or "(error object of type " .. type(err) .. ")"
end

-- Frames of the gateway's own Lua say nothing to a user.
local function tidy(text)
	local lines, in_stack = {}, false
	for line in text:gmatch("[^\n]+") do
		in_stack = in_stack or line == "stack traceback:"
		local ours = line:find("^%s*moonloop%.[%w_.]+:%d+:") or line:find("^%s*%[C%]: in function 'x?pcall'")
			or line:find("^%s*%[C%]: in function 'error'")
		if not (in_stack and ours) then
			lines[#lines + 1] = line
		end
	end
	if lines[#lines] == "stack traceback:" then
		lines[#lines] = nil
	end
	return table.concat(lines, "\n")
end

--- A handler for xpcall: notes the traceback and returns the error as it is. It does little, for
-- after a stack overflow there is little room to do it in.
function errors.note(err)
	if (err == errors.CANCELLED or getmetatable(err) == errors.Scope) and C.ml_task_must_stop() ~= 0 then
		return err -- no failure: nobody will ask
	end
	local id = C.ml_task_self()
	local noted = notes[id]
	if noted == nil or noted.err ~= err then
		noted = { err = err, traceback = debug.traceback(describe(err), 2) }
		notes[id] = noted
		if errors.capture then
			errors.capture(noted)
		end
	end
	return err
end

--- What was noted of the running task's error, for errors.renote in the task that raises it again.
function errors.noted(err)
	local noted = notes[C.ml_task_self()]
	return noted and noted.err == err and noted or nil
end

--- Before a task raises another one's error: what was noted there, and where it goes on here.
function errors.renote(noted)
	if noted and (noted.joins or 0) < CHAIN_MAX then
		noted = {
			err = noted.err,
			traceback = noted.traceback .. "\n" .. debug.traceback("joined by another task", 2),
			joins = (noted.joins or 0) + 1,
			frames = noted.frames,
			chain = noted.chain,
		}
		if errors.capture then
			errors.capture(noted)
		end
	end
	notes[C.ml_task_self()] = noted
end

--- The text for the log: message and traceback, from where it was first raised if that was noted.
function errors.text(err)
	local noted = errors.noted(err)
	if noted then
		return tidy(noted.traceback)
	end
	local text = describe(err)
	-- LuaJIT's words for an overflow that left no room even for the handler.
	return text == "error in error handling" and "stack overflow (" .. text .. ")" or text
end

--- At the end of a task.
function errors.forget(id)
	if notes[id] ~= nil then
		notes[id] = nil
	end
end

-- Modules of the binary are named without a file name's ending.
function errors.is_ours(source)
	return source:find("^@moonloop%.") and not source:find("%.lua$")
end

-- Whose code a stack level is: nil for C and for this runtime's own functions.
local function user_line(level)
	local info = debug.getinfo(level + 1, "Sl")
	if info.what == "C" or info.currentline < 0 or errors.is_ours(info.source) then
		return nil
	end
	return ("%s:%d: "):format(info.short_src, info.currentline)
end

--- Raises a text at the line of the nearest function that is not the runtime's.
-- When it left by a tail call (`return send(...)`) its line is lost: then `fn`, if given, is named.
function errors.blame(text, fn)
	local level = 2
	while debug.getinfo(level, "l") do
		local line = user_line(level)
		if line then
			error(line .. text, 0)
		end
		level = level + 1
	end
	if type(fn) == "function" then
		local info = debug.getinfo(fn, "S")
		text = ("%s: in the function at line %d, by a call in a `return`: %s")
			:format(info.short_src, info.linedefined, text)
	end
	error(text, 0)
end

--- One line for humans.
errors.describe = describe

return errors
