--- Tasks that wait for one another: event, mutex, semaphore, read-write lock.
--
--     local sync = require "moonloop.sync"
--     local limit = sync.semaphore(4)
--     limit:with(fetch, url)          -- never more than four at once
--
-- First come, first served. Every function that waits takes a timeout in seconds as its last parameter
-- and then returns nil, "timeout". Who is cancelled leaves the line; what was given counts, always.

local native = require("moonloop.core.native")
local errors = require("moonloop.core.errors")
local line = require("moonloop.core.line")
local waits = require("moonloop.core.wait")

local blame, self_id = errors.blame, native.self

local sync = {}

local function class(name)
	local methods = {}
	return methods, { __name = "moonloop.sync." .. name, __index = methods }
end

local function check(self, meta, name)
	if getmetatable(self) ~= meta then
		blame(("%s: expected a %s, got a %s; call it with a colon"):format(name, meta.__name, type(self)))
	end
end

local function check_function(name, fn)
	if type(fn) ~= "function" then
		blame(("%s: expected a function, got %s"):format(name, type(fn)))
	end
end

-- Gives back, then goes on as the function did.
local function give_back(release, self, ok, ...)
	release(self)
	if not ok then
		error((...), 0)
	end
	return ...
end

-- A method that takes, calls fn(...), and gives back whatever happens.
local function bracket(name, take, release)
	return function(self, fn, ...)
		check_function(name, fn)
		take(self)
		return give_back(release, self, xpcall(fn, errors.note, ...))
	end
end

-- Event.

local Event, event_meta = class("event")

--- Something that happened or not: all who wait go on when it is set.
function sync.event()
	return setmetatable({ set_ = false, line_ = line.new() }, event_meta)
end

function Event:set()
	check(self, event_meta, "set")
	self.set_ = true
	local place = line.head(self.line_)
	while place do
		line.grant(place, true)
		place = line.head(self.line_)
	end
end

function Event:clear()
	check(self, event_meta, "clear")
	self.set_ = false
end

function Event:is_set()
	check(self, event_meta, "is_set")
	return self.set_
end

--- Suspends until it is set.
-- @return true; nil, "timeout"
function Event:wait(timeout)
	check(self, event_meta, "wait")
	local due = waits.due("wait", timeout)
	if self.set_ then
		return true
	end
	local place, stop = line.wait(self.line_, due)
	if not place then
		return waits.stop(stop)
	end
	return true
end
waits.names[Event.wait] = "event:wait"

-- Semaphore.

local Semaphore, semaphore_meta = class("semaphore")

--- A number of permits.
-- @param permits an integer >= 1
function sync.semaphore(permits)
	if type(permits) ~= "number" or permits < 1 or permits % 1 ~= 0 then
		blame("semaphore: permits must be an integer >= 1, got " .. tostring(permits))
	end
	return setmetatable({ free_ = permits, permits_ = permits, line_ = line.new() }, semaphore_meta)
end

--- Takes a permit if one is free.
function Semaphore:try_acquire()
	check(self, semaphore_meta, "try_acquire")
	if self.free_ == 0 then
		return false
	end
	self.free_ = self.free_ - 1
	return true
end

--- Suspends until there is a permit.
-- @return true; nil, "timeout"
function Semaphore:acquire(timeout)
	check(self, semaphore_meta, "acquire")
	local due = waits.due("acquire", timeout)
	if self.free_ > 0 then
		self.free_ = self.free_ - 1
		return true
	end
	local place, stop = line.wait(self.line_, due)
	if not place then
		return waits.stop(stop)
	end
	return true
end
waits.names[Semaphore.acquire] = "semaphore:acquire"

--- Gives a permit back: to the first in line, who has it at once.
function Semaphore:release()
	check(self, semaphore_meta, "release")
	local place = line.head(self.line_)
	if place then
		line.grant(place, true)
	elseif self.free_ == self.permits_ then
		blame("release: no permit is out")
	else
		self.free_ = self.free_ + 1
	end
end

--- How many permits are free.
function Semaphore:available()
	check(self, semaphore_meta, "available")
	return self.free_
end

--- Calls fn(...) with a permit. Suspends until there is one.
Semaphore.with = bracket("with", Semaphore.acquire, Semaphore.release)

-- Mutex.

local Mutex, mutex_meta = class("mutex")

--- For one task at a time.
function sync.mutex()
	return setmetatable({ owner_ = false, line_ = line.new() }, mutex_meta)
end

--- Locks it if it is free.
function Mutex:try_lock()
	check(self, mutex_meta, "try_lock")
	if self.owner_ then
		return false
	end
	self.owner_ = self_id()
	return true
end

--- Suspends until it is the caller's.
-- @return true; nil, "timeout"
function Mutex:lock(timeout)
	check(self, mutex_meta, "lock")
	local due, id = waits.due("lock", timeout), self_id()
	if not self.owner_ then
		self.owner_ = id
		return true
	elseif self.owner_ == id then
		blame("lock: this task has it already")
	end
	local place, stop = line.wait(self.line_, due)
	if not place then
		return waits.stop(stop)
	end
	return true
end
waits.names[Mutex.lock] = "mutex:lock"

--- Gives it to the first in line.
function Mutex:unlock()
	check(self, mutex_meta, "unlock")
	if self.owner_ ~= self_id() then
		blame(self.owner_ and "unlock: another task has it" or "unlock: it is not locked")
	end
	local place = line.head(self.line_)
	self.owner_ = place and place.id or false
	if place then
		line.grant(place, true)
	end
end

function Mutex:is_locked()
	check(self, mutex_meta, "is_locked")
	return self.owner_ ~= false
end

--- Calls fn(...) while it is locked. Suspends until it is the caller's.
Mutex.with = bracket("with", Mutex.lock, Mutex.unlock)

-- Read-write lock.

local Rwlock, rwlock_meta = class("rwlock")

--- For many readers or one writer. Who comes behind a waiting writer waits, too.
function sync.rwlock()
	return setmetatable({ readers_ = 0, writer_ = false, line_ = line.new() }, rwlock_meta)
end

-- Lets in whom it can, in order.
local function admit(self)
	local place = line.head(self.line_)
	while place and not self.writer_ do
		if place.value == "write" then
			if self.readers_ > 0 then
				return
			end
			self.writer_ = true
		else
			self.readers_ = self.readers_ + 1
		end
		line.grant(place, true)
		place = line.head(self.line_)
	end
end

local function enter(self, kind, due)
	local stop = waits.begin()
	local place = line.enter(self.line_)
	place.value = kind
	local granted
	granted, stop = line.await(place, stop, due)
	if granted then
		return true
	end
	line.leave(place)
	admit(self) -- readers behind a writer who left
	return waits.stop(stop)
end

--- Suspends until no writer has it or waits before.
-- @return true; nil, "timeout"
function Rwlock:read_lock(timeout)
	check(self, rwlock_meta, "read_lock")
	local due = waits.due("read_lock", timeout)
	if not self.writer_ and not line.head(self.line_) then
		self.readers_ = self.readers_ + 1
		return true
	end
	return enter(self, "read", due)
end

--- Suspends until nobody else has it.
-- @return true; nil, "timeout"
function Rwlock:write_lock(timeout)
	check(self, rwlock_meta, "write_lock")
	local due = waits.due("write_lock", timeout)
	if not self.writer_ and self.readers_ == 0 and not line.head(self.line_) then
		self.writer_ = true
		return true
	end
	return enter(self, "write", due)
end
waits.names[enter] = "rwlock"

function Rwlock:read_unlock()
	check(self, rwlock_meta, "read_unlock")
	if self.readers_ == 0 then
		blame("read_unlock: no reader has it")
	end
	self.readers_ = self.readers_ - 1
	admit(self)
end

function Rwlock:write_unlock()
	check(self, rwlock_meta, "write_unlock")
	if not self.writer_ then
		blame("write_unlock: no writer has it")
	end
	self.writer_ = false
	admit(self)
end

--- Calls fn(...) as a reader. Suspends until it may.
Rwlock.with_read = bracket("with_read", Rwlock.read_lock, Rwlock.read_unlock)

--- Calls fn(...) as the writer. Suspends until it may.
Rwlock.with_write = bracket("with_write", Rwlock.write_lock, Rwlock.write_unlock)

return sync
