--- Work that would block the event loop, on a thread of the pool.
--
--     local thread = require "moonloop.thread"
--     local hash = thread.run(function(password)
--         return slow_hash(password)  -- the loop serves others meanwhile
--     end, password)

local marshal = require("moonloop.core.marshal")
local pool = require("moonloop.core.pool")

-- The other result of such a job is 0 (enum job_vm_result).
local RAISED = 1

local thread = {}

-- The frames of the thread, set in from those of the caller that will follow.
local function with_frames(message, frames)
	if frames == "" then
		return message
	end
	return ("%s\n\tstack traceback (in the thread):%s"):format(message, (frames:gsub("\n", "\n\t")))
end

local function raise(raised, level)
	if raised.object ~= nil then
		error(raised.object, 0)
	elseif raised.frames == nil then
		error("thread.run: " .. raised.message, level + 1)
	end
	error(with_frames(raised.message, raised.frames), 0)
end

--- Suspends while fn(...) runs on a thread of the pool, in a Lua state of that thread.
-- The function, its upvalues and arguments are copied there, the results back; what is one table or
-- one variable stays one. By name travel modules and what they export: the thread requires them
-- anew. Globals are those of the thread: none that the application set. Metatables, userdata,
-- coroutines, cdata but 64-bit integers, and C functions of no module cannot cross.
-- Functions that suspend cannot be used there.
-- @param fn a Lua function, or an exported one (string.rep)
-- @param ... its arguments
-- @return its results; nil, "queue_full" or "shutdown", detail when it was not run
-- @raise its error with the thread's traceback (a table that is raised comes as it is); an error at
-- the caller's line that names what cannot cross
function thread.run(fn, ...)
	if type(fn) ~= "function" then
		error("thread.run: expected a function, got a " .. type(fn), 2)
	end
	if not pool.can_wait() then
		error("thread.run cannot be used inside a pool thread: call the function directly", 2)
	end
	local bytes, why = marshal.encode({ fn = fn, n = select("#", ...), ... }, "argument")
	if not bytes then
		error("thread.run: " .. why, 2)
	end
	local rc, output, detail = pool.run(pool.LUA, bytes)
	if rc == nil then
		if output == "failed" then -- not the function but its Lua state
			error("thread.run: " .. detail, 2)
		end
		return nil, output, detail
	end
	local answer = marshal.decode(output)
	if rc == RAISED then
		raise(answer, 2)
	end
	return unpack(answer, 1, answer.n)
end

return thread
