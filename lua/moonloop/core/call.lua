--- A function call as a job: what moonloop.thread does before and after core/pool.lua.
-- Hot: thread.run comes through here.

local verbs = require("moonloop.core.native")
local errors = require("moonloop.core.errors")
local marshal = require("moonloop.core.marshal")
local pool = require("moonloop.core.pool")
local waits = require("moonloop.core.wait")

local blame, self_id = errors.blame, verbs.self
local type, unpack, error = type, unpack, error

-- The other result of such a job is 0 (enum job_vm_result).
local RAISED = 1

local OPTIONS = { priority = true, timeout = true, on_progress = true }

local call = {}

-- The frames of the thread, set in from those of the caller that will follow.
local function with_frames(message, frames)
	if frames == "" then
		return message
	end
	return ("%s\n\tstack traceback (in the thread):%s"):format(message, (frames:gsub("\n", "\n\t")))
end

local function raise(name, raised)
	if raised.object ~= nil then
		error(raised.object, 0)
	elseif raised.frames == nil then
		blame(name .. ": " .. raised.message)
	end
	error(with_frames(raised.message, raised.frames), 0)
end

--- The bytes of a call. Raises at the caller's line what cannot be sent.
-- @param name of the public function, for the errors
-- @param n how many arguments
function call.encode(name, fn, n, ...)
	if type(fn) ~= "function" then
		blame(name .. ": expected a function, got a " .. type(fn))
	elseif self_id() == 0 then
		blame(name .. " cannot be used inside a pool thread: call the function directly")
	end
	local bytes, why = marshal.encode({ fn = fn, n = n, ... }, "argument")
	if not bytes then
		blame(name .. ": " .. why)
	end
	return bytes
end

--- What core/pool.lua answered, as the public function returns or raises it.
function call.settle(name, rc, output, detail)
	if rc == nil then
		if output == "failed" then -- not the function but its Lua state
			blame(name .. ": " .. detail)
		end
		return nil, output, detail
	end
	local answer = marshal.decode(output)
	if rc == RAISED then
		raise(name, answer)
	end
	return unpack(answer, 1, answer.n)
end

--- Checks the options that run_with and spawn share.
-- @return the number of the priority; when the job has to be done, on the clock of ml_now, or nil
function call.terms(name, options)
	if type(options) ~= "table" then
		blame(("%s: options must be a table, got a %s"):format(name, type(options)))
	end
	for key in pairs(options) do
		if not OPTIONS[key] then
			blame(("%s: there is no option %q"):format(name, tostring(key)))
		end
	end
	local priority = pool.PRIORITIES[options.priority or "normal"]
	if priority == nil then
		blame(('%s: priority must be "high", "normal" or "low", got %s')
			:format(name, tostring(options.priority)))
	end
	local hear = options.on_progress
	if hear ~= nil and type(hear) ~= "function" then
		blame(("%s: on_progress must be a function, got a %s"):format(name, type(hear)))
	end
	return priority, waits.due(name, options.timeout)
end

--- Runs the call and settles it; what is too late says so.
-- @param news see pool.run_lua
function call.run(name, bytes, priority, due, timeout, news)
	local rc, output, detail = pool.run_lua(bytes, priority, due, news)
	if rc == nil and output == "timeout" then
		detail = ("the job was not done within %g s"):format(timeout)
	end
	return call.settle(name, rc, output, detail)
end

return call
