--- Jobs for the thread pool (server/runtime/jobs.h): submit, wait, take the answer.

local native = require("moonloop.core.ffi")
local verbs = require("moonloop.core.native")
local waits = require("moonloop.core.wait")

local C, ffi, piece = native.C, native.ffi, native.piece
local AGAIN = native.codes.AGAIN
local submit, answer, ended, free = verbs.job_submit, verbs.job_answer, verbs.job_ended, verbs.job_free
local self_id, begin, nap = verbs.self, waits.begin, waits.nap

local pool = {
	-- enum job_kind
	LUA = 1,
	READ_FILE = 2,
	WRITE_FILE = 3,
	OPEN_FILE = 4,
	FS = 5,
	-- enum job_priority
	PRIORITIES = { high = 0, normal = 1, low = 2 },
}

-- What a refusal by the pool means; a job that ran says itself what went wrong.
local REFUSED = {
	queue_full = "all threads of the pool are busy, and as many jobs wait as may",
	shutdown = "the worker is shutting down",
	state = "no task is running that could wait",
}

--- Whether a task runs here, which could wait for a job; no: this is a pool thread.
function pool.can_wait()
	return self_id() ~= 0
end

-- Where nothing can wait the work on files is done at once, by the same functions.
local function run_here(kind, bytes)
	local rc = C.ml_job_here(kind, bytes, #bytes, piece)
	local output = ffi.string(piece.p, piece.n)
	C.ml_job_here_done()
	if rc < 0 then
		return nil, native.name(rc), output
	end
	return rc, output
end

-- What a job answered, or that it was refused.
local function result_of(rc, output)
	if rc < 0 then
		return nil, native.name(rc), output
	end
	return rc, output
end

local function refused(rc)
	local code = native.name(rc)
	return nil, code, REFUSED[code] or code
end

-- What the owner raises when it is told of news ends the job.
local function tell_owner(news, id, final)
	local ok, err = pcall(news, id, final)
	if not ok then
		free(id)
		error(err, 0)
	end
end

local function await(id, due, news)
	local stop = 0
	while true do
		if news then
			tell_owner(news, id, stop ~= 0 or ended(id))
		end
		local rc, output = answer(id)
		if rc ~= AGAIN then
			return result_of(rc, output)
		elseif stop ~= 0 then
			free(id)
			return waits.stop(stop)
		end
		stop = nap(due)
	end
end

local function start(kind, bytes, priority, hears)
	local stop = begin()
	if stop ~= 0 then
		waits.stop(stop)
	end
	return submit(kind, bytes, priority, hears)
end

--- Suspends until a thread did the job. One that still waits when the task is cancelled is dropped,
-- one that runs is stopped. Inside a pool thread it is done right there, but for LUA.
-- @param kind one of those above
-- @param bytes its input
-- @return its result (>= 0) and output; nil, code, detail
function pool.run(kind, bytes)
	if kind ~= pool.LUA and self_id() == 0 then
		return run_here(kind, bytes)
	end
	local id = start(kind, bytes)
	if id < 0 then
		return refused(id)
	end
	return await(id)
end

--- As run, for LUA and with more to say.
-- @param priority one of pool.PRIORITIES
-- @param due from wait.due, or nil: when it has to be done
-- @param news called with the id, and whether it is the last time, when there may be partial results
-- (verbs.job_part); nil: nobody wants them
-- @return as run; nil, "timeout"
function pool.run_lua(bytes, priority, due, news)
	local id = start(pool.LUA, bytes, priority, news ~= nil)
	if id < 0 then
		return refused(id)
	end
	return await(id, due, news)
end

return pool
