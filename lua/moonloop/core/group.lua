--- Task groups: what is started in one has ended before the group's function returns.

local native = require("moonloop.core.ffi")
local errors = require("moonloop.core.errors")
local scope = require("moonloop.core.scope")
local state = require("moonloop.core.state")
local task = require("moonloop.core.task")
local waits = require("moonloop.core.wait")

local C = native.C
local blame, Scope, CANCELLED = errors.blame, errors.Scope, errors.CANCELLED
local STATUS, FAILED, VALUE, NOTED = state.STATUS, state.FAILED, state.VALUE, state.NOTED
local CHILD, NEXT, GROUP = state.CHILD, state.NEXT, state.GROUP

local methods = {}
local Group = { __name = "moonloop.group", __index = methods }

local function check(self, name)
	if getmetatable(self) ~= Group then
		blame(("%s: expected a group, got a %s; call it as group:%s()"):format(name, type(self), name))
	end
end

--- Starts fn(...) as a task of the group.
-- @return the task
function methods:spawn(fn, ...)
	check(self, "spawn")
	if not self.open_ then
		blame("spawn: the group is over")
	end
	local s = task.spawn_for(self.owner_, self.scope_, fn, ...)
	s[GROUP] = self
	self.n_ = self.n_ + 1
	return s
end

--- Cancels the tasks that run in it; its function goes on.
function methods:cancel()
	check(self, "cancel")
	local child = self.owner_[CHILD]
	while child do
		if child[GROUP] == self then
			child:cancel()
		end
		child = child[NEXT]
	end
end

--- How many of its tasks have not ended.
function methods:count()
	check(self, "count")
	return self.n_
end

--- A task counts no more in it.
function methods:leave_(s)
	s[GROUP] = false
	self.n_ = self.n_ - 1
	if self.n_ == 0 then
		waits.wake_all(self)
	end
end

--- A task of it ended: the first failure stops the rest.
function methods:ended_(s)
	local err = s[VALUE]
	if s[STATUS] == FAILED and not self.failed_ and err ~= CANCELLED and getmetatable(err) ~= Scope then
		self.failed_, self.error_, self.noted_ = true, err, s[NOTED] or nil
		scope.fire(self.scope_)
		self:cancel()
	end
	self:leave_(s)
end

local function wait_for_tasks(self)
	while self.n_ > 0 do
		waits.wait_on(self)
	end
end
waits.names[wait_for_tasks] = "group"

local function pack(...)
	return { n = select("#", ...), ... }
end

local function body(self, fn, ...)
	local results = pack(fn(self, ...))
	wait_for_tasks(self)
	return results
end

-- Whether an error is not this group's own affair.
local function comes_from_outside(self, err)
	return err == CANCELLED and C.ml_task_must_stop() ~= 0 or getmetatable(err) == Scope and err ~= self.scope_
end

--- Calls fn(group, ...), which starts tasks by group:spawn. Suspends until all of them ended. The first
-- error, of a task or of fn, cancels the rest and is raised at the end.
-- @return what fn returned
function task.group(fn, ...)
	if type(fn) ~= "function" then
		blame("group: expected a function, got " .. type(fn))
	end
	waits.begin()
	local own = state.current()
	local self = setmetatable({
		owner_ = own,
		scope_ = scope.open(own, math.huge), -- stops fn and the wait at its end
		n_ = 0, -- tasks that have not ended
		open_ = true,
		failed_ = false, -- a task did
		error_ = nil,
		noted_ = nil,
	}, Group)
	local ok, result = xpcall(body, errors.note, self, fn, ...)
	if not ok then
		self:cancel()
		C.ml_task_shield(1)
		wait_for_tasks(self)
		C.ml_task_shield(-1)
	end
	self.open_ = false
	scope.close(own, self.scope_)
	if self.failed_ and (ok or not comes_from_outside(self, result)) then
		errors.renote(self.noted_)
		error(self.error_, 0)
	elseif not ok then
		error(result, 0)
	end
	return unpack(result, 1, result.n)
end

return task
