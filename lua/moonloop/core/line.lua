--- Waiting lines: first come, first served. A place is a table {id, ticket, granted, line, prev, next};
-- who waits in several lines at once has a place in each, which share the ticket. Whoever grants takes
-- the place out of its line first, so that nothing is granted twice or to who has left.

local verbs = require("moonloop.core.native")
local waits = require("moonloop.core.wait")

local wake, self_id = verbs.wake, verbs.self
local begin, nap = waits.begin, waits.nap

local line = {}

function line.new()
	return { first = false, last = false }
end

--- Enters the running task at the end.
-- @param ticket shared with other places, or nil
-- @return the place
function line.enter(l, ticket)
	local last = l.last
	local place = { id = self_id(), ticket = false, granted = false, line = l, prev = last, next = false,
		value = nil }
	place.ticket = ticket or place
	if last then
		last.next = place
	else
		l.first = place
	end
	l.last = place
	return place
end

--- Takes a place out; one that is in no line stays so.
function line.leave(place)
	local l = place.line
	if not l then
		return
	end
	local before, after = place.prev, place.next
	if before then
		before.next = after
	else
		l.first = after
	end
	if after then
		after.prev = before
	else
		l.last = before
	end
	place.line, place.prev, place.next = false, false, false
end

--- The first who still waits, or nil; those that were served by another of their lines are dropped.
function line.head(l)
	local place = l.first
	while place and place.ticket.granted do
		line.leave(place)
		place = l.first
	end
	return place or nil
end

--- Serves the place: `what` is left in its ticket.
-- @param what any value but nil and false
function line.grant(place, what)
	line.leave(place)
	place.ticket.granted = what
	wake(place.id)
end

--- Suspends until the ticket is served. The caller takes its places out if it was not.
-- @param due from wait.due
-- @return what was granted; false and why not, for wait.stop
function line.await(ticket, stop, due)
	while stop == 0 and not ticket.granted do
		stop = nap(due)
	end
	return ticket.granted, stop
end

--- Suspends in one line until served.
-- @return the place; nil and why not
function line.wait(l, due)
	local stop = begin()
	local place = line.enter(l)
	local granted
	granted, stop = line.await(place, stop, due)
	if granted then
		return place
	end
	line.leave(place)
	return nil, stop
end

return line
