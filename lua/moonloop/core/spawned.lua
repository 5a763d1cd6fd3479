--- The jobs of thread.spawn. A task waits for the job; whoever reads partial results takes them from the
-- pool himself, so that the job is held back by who reads, and by nobody else.

local verbs = require("moonloop.core.native")
local call = require("moonloop.core.call")
local errors = require("moonloop.core.errors")
local marshal = require("moonloop.core.marshal")
local state = require("moonloop.core.state")
local task = require("moonloop.core.task")
local waits = require("moonloop.core.wait")

local blame = errors.blame
local part, self_id, wake, alive = verbs.job_part, verbs.self, verbs.wake, verbs.alive
local unpack = unpack

local Job = { __name = "moonloop.job" }
Job.__index = Job

local spawned = {}

local function check(self, name)
	if type(self) ~= "table" or getmetatable(self) ~= Job then
		blame(("%s: expected a job, got a %s; call it as job:%s()"):format(name, type(self), name))
	end
end

-- In the job's task, whenever something came. At the end what was not read is kept for who reads.
local function look(self, id, final)
	self.id_ = id
	if self.unread_dropped_ then
		repeat until part(id) == nil
	elseif final then
		local bytes = part(id)
		while bytes do
			self.rest_[#self.rest_ + 1] = bytes
			bytes = part(id)
		end
	end
	waits.wake_all(self)
end

local function finish(self, ok, ...)
	self.id_, self.ended_ = false, true
	waits.wake_all(self)
	if ok then
		return ...
	end
	local err = ...
	self.failed_, self.err_ = true, err
	-- Who reads will raise it. Nobody else hears of it: the task's own end decides about that.
	if self.readers_ == 0 or task.is_cancelled(err) then
		error(err, 0)
	end
end

local function body(self, ...)
	return finish(self, pcall(call.run, "thread.spawn", ...))
end
waits.names[body] = "thread.spawn"

--- Starts a job.
function spawned.start(options, fn, n, ...)
	local priority, due = call.terms("thread.spawn", options)
	if options.on_progress ~= nil then
		blame("thread.spawn: on_progress is for thread.run_with; here there is job:results()")
	end
	local bytes = call.encode("thread.spawn", fn, n, ...)
	local self = setmetatable({
		task_ = false,
		id_ = false, -- while the pool has it
		rest_ = {}, -- partial results that were not read when it ended
		read_ = 0, -- of these
		reader_ = false, -- the id of the task that called results()
		readers_ = 0, -- that wait for one
		unread_dropped_ = false, -- somebody waits for the end, and nobody reads
		ended_ = false,
		failed_ = false,
		err_ = nil,
	}, Job)
	self.task_ = task.spawn(body, self, bytes, priority, due, options.timeout, function(id, final)
		look(self, id, final)
	end)
	return self
end

local function outcome(self, ...)
	if self.failed_ then
		error(self.err_, 0)
	end
	return ...
end

--- Suspends until the job ended. What it yielded and nobody reads is thrown away.
-- @param timeout in seconds, or nil
-- @return what its function returned; raises its error, or the cancellation if it was cancelled; nil,
-- "timeout"; nil, "timeout", detail when it was the job that was too late; nil, "queue_full" or
-- "shutdown", detail
function Job:join(timeout)
	check(self, "join")
	local reader = self.reader_
	if not self.ended_ and (not reader or reader == self_id() or not alive(reader)) then
		self.unread_dropped_ = true
		wake(self.task_[state.ID])
	end
	return outcome(self, self.task_:join(timeout))
end
waits.names[Job.join] = "job:join"

--- Stops the job: one that waits is dropped.
function Job:cancel()
	check(self, "cancel")
	self.task_:cancel()
end

--- Whether it is over.
function Job:ended()
	check(self, "ended")
	return self.task_:ended()
end

local function take(self)
	if self.id_ then
		return part(self.id_)
	end
	local bytes = self.rest_[self.read_ + 1]
	if bytes then
		self.read_ = self.read_ + 1
	end
	return bytes
end

local function wait_for_news(self)
	self.readers_ = self.readers_ + 1
	local ok, err = pcall(waits.wait_on, self)
	self.readers_ = self.readers_ - 1
	if not ok then
		error(err, 0)
	end
end

local function next_part(self)
	local bytes = take(self)
	while not bytes and not self.ended_ do
		wait_for_news(self)
		bytes = take(self)
	end
	if bytes then
		local values = marshal.decode(bytes)
		return unpack(values, 1, values.n)
	elseif self.failed_ then
		error(self.err_, 0)
	end
	return nil
end
waits.names[next_part] = "job:results"

--- For a `for` loop: each turn Suspends until the job yields, and has what it yielded. The loop is over
-- when the job is; raises the job's error.
function Job:results()
	check(self, "results")
	self.reader_, self.unread_dropped_ = self_id(), false
	return function()
		return next_part(self)
	end
end

return spawned
