--- Jobs for the thread pool (server/runtime/jobs.h): submit, wait, take the answer.

local native = require("moonloop.core.ffi")
local task = require("moonloop.core.task")
local waits = require("moonloop.core.wait")

local C, ffi, piece = native.C, native.ffi, native.piece
local AGAIN = native.codes.AGAIN
local wait, pcall, error = task.wait, pcall, error

local pool = {
	-- enum job_kind
	LUA = 1,
	READ_FILE = 2,
	WRITE_FILE = 3,
	OPEN_FILE = 4,
	FS = 5,
}

-- What a refusal by the pool means; a job that ran says itself what went wrong.
local REFUSED = {
	queue_full = "all threads of the pool are busy, and as many jobs wait as may",
	shutdown = "the worker is shutting down",
	state = "no task is running that could wait",
}

--- Whether a task runs here, which could wait for a job; no: this is a pool thread.
function pool.can_wait()
	return C.ml_task_self() ~= 0
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

--- Suspends until a thread did the job. A job that still waits when the task is cancelled is dropped.
-- Inside a pool thread it is done right there, but for LUA.
-- @param kind one of those above
-- @param bytes its input
-- @return its result (>= 0) and output; nil, code, detail
function pool.run(kind, bytes)
	if kind ~= pool.LUA and C.ml_task_self() == 0 then
		return run_here(kind, bytes)
	end
	local id = C.ml_job_submit(kind, bytes, #bytes)
	if id < 0 then
		local code = native.name(id)
		return nil, code, REFUSED[code] or code
	end
	local rc = C.ml_job_result(id, piece)
	while rc == AGAIN do
		local ok, err = pcall(wait)
		if not ok then
			C.ml_job_free(id)
			error(err, 0)
		end
		rc = C.ml_job_result(id, piece)
	end
	local output = ffi.string(piece.p, piece.n)
	C.ml_job_free(id)
	if rc < 0 then
		return nil, native.name(rc), output
	end
	return rc, output
end
waits.names[pool.run] = "thread pool"

return pool
