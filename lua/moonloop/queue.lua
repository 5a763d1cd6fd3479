--- Bounded queues between tasks.
--
--     local queue = require "moonloop.queue"
--     local jobs = queue.new(10)
--     task.spawn(function() for job in jobs:each() do work(job) end end)
--     jobs:put("one")                 -- waits while ten are in it
--     jobs:close()
--
-- First come, first served, at both ends. Every function that waits takes a timeout in seconds as its
-- last parameter and then returns nil, "timeout". Who is cancelled leaves the line; an item that was
-- handed over counts as got.

local errors = require("moonloop.core.errors")
local line = require("moonloop.core.line")
local waits = require("moonloop.core.wait")

local blame, head, grant = errors.blame, line.head, line.grant

local queue = {}
local Queue = {}
local meta = { __name = "moonloop.queue", __index = Queue }

local CLOSED = {} -- granted to who waits when it is closed

local function check(self, name)
	if getmetatable(self) ~= meta then
		blame(("%s: expected a queue, got a %s; call it as queue:%s()"):format(name, type(self), name))
	end
end

local function check_item(name, item)
	if item == nil then
		blame(name .. ": nil cannot be put into a queue")
	end
end

--- Makes one.
-- @param capacity how many items it holds, an integer >= 0; 0: put waits until get takes it
function queue.new(capacity)
	if type(capacity) ~= "number" or capacity < 0 or capacity % 1 ~= 0 then
		blame("queue.new: capacity must be an integer >= 0, got " .. tostring(capacity))
	end
	return setmetatable({
		capacity_ = capacity,
		items_ = {}, -- from from_ on
		from_ = 1,
		n_ = 0,
		closed_ = false,
		getters_ = line.new(),
		putters_ = line.new(), -- value: the item
	}, meta)
end

local function store(self, item)
	self.items_[self.from_ + self.n_] = item
	self.n_ = self.n_ + 1
end

-- What is granted tells a select which of its places it was.
local function hand_over(place, item)
	place.ticket.item = item
	grant(place, place)
end

-- true; or nil and "full" or "closed"
local function put_now(self, item)
	if self.closed_ then
		return nil, "closed"
	end
	local getter = head(self.getters_)
	if getter then
		hand_over(getter, item)
	elseif self.n_ < self.capacity_ then
		store(self, item)
	else
		return nil, "full"
	end
	return true
end

-- the item; or nil and "empty" or "closed"
local function get_now(self)
	local putter = head(self.putters_)
	if self.n_ > 0 then
		local item = self.items_[self.from_]
		self.items_[self.from_] = nil
		self.from_, self.n_ = self.from_ + 1, self.n_ - 1
		if putter then
			store(self, putter.value)
			grant(putter, putter)
		elseif self.n_ == 0 then
			self.from_ = 1
		end
		return item
	elseif putter then
		grant(putter, putter)
		return putter.value
	end
	return nil, self.closed_ and "closed" or "empty"
end

--- Puts an item in if there is room.
-- @return true; nil, "full" or "closed"
function Queue:try_put(item)
	check(self, "try_put")
	check_item("try_put", item)
	return put_now(self, item)
end

--- Takes an item out if there is one.
-- @return the item; nil, "empty" or "closed"
function Queue:try_get()
	check(self, "try_get")
	return get_now(self)
end

--- Puts an item in. Suspends until there is room.
-- @return true; nil, "timeout"; nil, "closed"
function Queue:put(item, timeout)
	check(self, "put")
	check_item("put", item)
	local due = waits.due("put", timeout)
	local ok, why = put_now(self, item)
	if ok or why == "closed" then
		return ok, why
	end
	local stop = waits.begin()
	local place = line.enter(self.putters_)
	place.value = item
	ok, stop = line.await(place, stop, due)
	if not ok then
		line.leave(place)
		return waits.stop(stop)
	elseif ok == CLOSED then
		return nil, "closed"
	end
	return true
end
waits.names[Queue.put] = "queue:put"

--- Takes the oldest item. Suspends until there is one.
-- @return the item; nil, "timeout"; nil, "closed" when it is closed and empty
function Queue:get(timeout)
	check(self, "get")
	local due = waits.due("get", timeout)
	local item, why = get_now(self)
	if item ~= nil or why == "closed" then
		return item, why
	end
	local place, stop = line.wait(self.getters_, due)
	if not place then
		return waits.stop(stop)
	elseif place.granted == CLOSED then
		return nil, "closed"
	end
	return place.item
end
waits.names[Queue.get] = "queue:get"

local function next_item(self)
	return (self:get())
end

--- For loops: items until it is closed and empty. Suspends between them.
function Queue:each()
	check(self, "each")
	return next_item, self
end

--- No more is put in; what is in it can still be got. Who waits in put or get is told "closed".
function Queue:close()
	check(self, "close")
	if self.closed_ then
		return
	end
	self.closed_ = true
	for _, l in ipairs({ self.getters_, self.putters_ }) do
		local place = head(l)
		while place do
			place.ticket.closed = place
			grant(place, CLOSED)
			place = head(l)
		end
	end
end

function Queue:is_closed()
	check(self, "is_closed")
	return self.closed_
end

--- How many items are in it.
function Queue:count()
	check(self, "count")
	return self.n_
end

-- Select.

-- A case is a queue (get) or {queue, item} (put).
local function read_case(i, case)
	local to = getmetatable(case) ~= meta and type(case) == "table" and case[1] or case
	if getmetatable(to) ~= meta then
		blame(("select: [%d] must be a queue, or {queue, item}, got a %s"):format(i, type(case)))
	elseif to ~= case then
		check_item("select", case[2])
		return to, case[2]
	end
	return to
end

local function try_cases(cases)
	for i = 1, #cases do
		local from, item = read_case(i, cases[i])
		local value, why
		if item ~= nil then
			value, why = put_now(from, item)
		else
			value, why = get_now(from)
		end
		if value ~= nil or why == "closed" then
			return i, value, why
		end
	end
end

--- Suspends until one of several queues can go on, and does only that. The first in the list that can
-- is taken.
-- @param cases an array: a queue to get from, or {queue, item} to put into
-- @return index, item (true for a put); index, nil, "closed"; nil, "timeout"
function queue.select(cases, timeout)
	if type(cases) ~= "table" or getmetatable(cases) == meta or #cases == 0 then
		blame("select: expected an array of queues, got " .. (type(cases) == "table" and "none" or type(cases)))
	end
	local due = waits.due("select", timeout)
	for i = 1, #cases do
		read_case(i, cases[i])
	end
	local index, value, why = try_cases(cases)
	if index then
		return index, value, why
	end
	local stop = waits.begin()
	local ticket, places = { granted = false, item = nil, closed = nil }, {}
	for i = 1, #cases do
		local at, item = read_case(i, cases[i])
		places[i] = line.enter(item ~= nil and at.putters_ or at.getters_, ticket)
		places[i].value = item
	end
	local granted
	granted, stop = line.await(ticket, stop, due)
	for i = 1, #places do
		line.leave(places[i])
		if granted and (granted == places[i] or ticket.closed == places[i]) then
			index = i
		end
	end
	if not granted then
		return waits.stop(stop)
	elseif granted == CLOSED then
		return index, nil, "closed"
	elseif places[index].value ~= nil then
		return index, true
	end
	return index, ticket.item
end
waits.names[queue.select] = "select"

return queue
