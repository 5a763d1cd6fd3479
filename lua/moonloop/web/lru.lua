--- A table of bounded size: what was not used for longest makes room, what expired is not found.

local time = require("moonloop.time")

local lru = {}

local methods = {}
local Lru = { __name = "moonloop.lru", __index = methods }

-- Entries are a ring around `self.ring_`, whose next is the one used last.
local function unlink(entry)
	entry.before.next, entry.next.before = entry.next, entry.before
end

local function put_first(ring, entry)
	entry.before, entry.next = ring, ring.next
	ring.next.before, ring.next = entry, entry
end

--- @param max entries
function lru.new(max)
	local ring = {}
	ring.before, ring.next = ring, ring
	return setmetatable({
		max_ = max,
		size_ = 0,
		entries_ = {}, -- key → {key =, value =, due =, before =, next =}
		ring_ = ring,
	}, Lru)
end

--- @return the value, or nil
function methods:get(key)
	local entry = self.entries_[key]
	if not entry then
		return nil
	elseif entry.due <= time.now() then
		self:delete(key)
		return nil
	end
	unlink(entry)
	put_first(self.ring_, entry)
	return entry.value
end

--- @param seconds until it expires
function methods:set(key, value, seconds)
	local entry = self.entries_[key]
	if entry then
		unlink(entry)
	else
		if self.size_ == self.max_ then
			self:delete(self.ring_.before.key)
		end
		entry = { key = key }
		self.entries_[key] = entry
		self.size_ = self.size_ + 1
	end
	entry.value, entry.due = value, time.now() + seconds
	put_first(self.ring_, entry)
end

function methods:delete(key)
	local entry = self.entries_[key]
	if entry then
		unlink(entry)
		self.entries_[key] = nil
		self.size_ = self.size_ - 1
	end
end

--- How many entries there are, expired ones too.
function methods:size()
	return self.size_
end

return lru
