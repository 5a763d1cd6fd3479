--- Work that would block the event loop, on a thread of the pool.
--
--     local thread = require "moonloop.thread"
--     local hash = thread.run(function(password)
--         return slow_hash(password)  -- the loop serves others meanwhile
--     end, password)

local native = require("moonloop.core.ffi")
local verbs = require("moonloop.core.native")
local call = require("moonloop.core.call")
local errors = require("moonloop.core.errors")
local marshal = require("moonloop.core.marshal")
local pool = require("moonloop.core.pool")
local spawned = require("moonloop.core.spawned")
local waits = require("moonloop.core.wait")

local blame = errors.blame
local encode, settle = call.encode, call.settle
local run, LUA = pool.run, pool.LUA
local self_id, part = verbs.self, verbs.job_part

local CANCELLED = native.codes.CANCELLED

local thread = {}

--- Suspends while fn(...) runs on a thread of the pool, in a Lua state of that thread.
-- The function, its upvalues and arguments are copied there, the results back; what is one table or
-- one variable stays one. By name travel modules and what they export: the thread requires them
-- anew. Globals are those of the thread: none that the application set. Metatables, userdata,
-- coroutines, cdata but 64-bit integers, and C functions of no module cannot cross.
-- Functions that suspend cannot be used there. When the task is cancelled the function is stopped.
-- @param fn a Lua function, or an exported one (string.rep)
-- @param ... its arguments
-- @return its results; nil, "queue_full" or "shutdown", detail when it was not run
-- @raise its error with the thread's traceback (a table that is raised comes as it is); an error at
-- the caller's line that names what cannot cross
function thread.run(fn, ...)
	return settle("thread.run", run(LUA, encode("thread.run", fn, select("#", ...), ...)))
end
waits.names[thread.run] = "thread.run"

-- Hands on what came, in order, in the task that waits for the job.
local function listener(hear)
	return hear and function(id)
		local bytes = part(id)
		while bytes do
			local values = marshal.decode(bytes)
			hear(unpack(values, 1, values.n))
			bytes = part(id)
		end
	end
end

--- As run, with options. Suspends.
-- @param options {priority = "high", "normal" (the default) or "low": who is taken first of those that
-- wait; timeout = seconds, after which the job is stopped; on_progress = called, in this task, with
-- what the function gives to thread.yield, each time}
-- @return as run; nil, "timeout", detail
function thread.run_with(options, fn, ...)
	local priority, due = call.terms("thread.run_with", options)
	local bytes = encode("thread.run_with", fn, select("#", ...), ...)
	return call.run("thread.run_with", bytes, priority, due, options.timeout, listener(options.on_progress))
end
waits.names[call.run] = "thread.run_with" -- which it calls last

local function start(options, fn, ...)
	return spawned.start(options, fn, select("#", ...), ...)
end

--- Starts fn(...) on a thread of the pool and goes on. The job is cancelled when the task that started
-- it ends.
-- @param options as for run_with, without on_progress; may be left out
-- @return a job with :join(timeout) (Suspends. As run; nil, "timeout"), :results() (for a `for` loop over
-- what the function gives to thread.yield; Suspends), :cancel(), :ended()
function thread.spawn(options, ...)
	if type(options) == "function" then
		return start({}, options, ...)
	end
	return start(options or {}, ...)
end

--- Inside the function of a job: hands partial results to who started it, in order. Waits when 64 of
-- them, or 1 MiB, were not taken yet. When nobody wants them it does nothing.
-- @param ... values, of which the first is not nil
-- @raise the cancellation, if the job is cancelled
function thread.yield(first, ...)
	if self_id() ~= 0 then
		blame("thread.yield: this is no pool thread")
	elseif first == nil then
		blame("thread.yield: the first value must not be nil")
	elseif verbs.job_told_to_stop() then
		error(errors.CANCELLED, 0)
	elseif not verbs.job_heard() then
		return
	end
	local bytes, why = marshal.encode({ n = select("#", ...) + 1, first, ... }, "result")
	if not bytes then
		blame("thread.yield: " .. why)
	elseif verbs.job_tell(bytes) == CANCELLED then
		error(errors.CANCELLED, 0)
	end
end

--- Whether the job that calls this is to end, or, outside of a pool thread, the task: for loops that
-- have something to clean up. A job that does not ask is stopped all the same.
function thread.cancelled()
	if self_id() ~= 0 then
		return verbs.stop() ~= 0
	end
	return verbs.job_told_to_stop()
end

return thread
