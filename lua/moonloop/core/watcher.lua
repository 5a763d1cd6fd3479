--- The objects of fs.watch: inotify events, read by the loop.

local native = require("moonloop.core.ffi")
local fsops = require("moonloop.core.fsops")
local task = require("moonloop.core.task")
local waits = require("moonloop.core.wait")

local C, ffi = native.C, native.ffi
local AGAIN = native.codes.AGAIN
local blame = fsops.blame

-- inotify(7).
local IGNORED, IS_DIR = 0x8000, 0x40000000
local KINDS = {
	{ 0x4000, "overflow" },
	{ 0x100 + 0x80, "created" }, -- IN_CREATE, IN_MOVED_TO
	{ 0x2, "modified" },
	{ 0x8, "written" }, -- IN_CLOSE_WRITE
	{ 0x4, "attributes" },
	{ 0x200 + 0x40 + 0x400 + 0x800, "removed" }, -- IN_DELETE, IN_MOVED_FROM, and itself
}

local watcher = {}

local Watcher = { __name = "moonloop.watcher" }
Watcher.__index = Watcher

local event = ffi.new("ml_watch_event")

-- "number name NUL" of each watch.
local function learn(names, text)
	for wd, name in text:gmatch("(%d+) (%Z*)%z") do
		names[tonumber(wd)] = name
	end
	return names
end

--- @param file the handle of ML_FS_WATCH
-- @param text its watches
-- @return a watcher; nil, code
function watcher.new(file, text, path, recursive)
	local self = setmetatable({
		path = path,
		file_ = ffi.new("ml_file", file), -- closed when collected, as the next one
		watch_ = nil,
		names_ = learn({}, text), -- watch number → path below the watched one
		recursive_ = recursive,
		waits_ = false,
	}, Watcher)
	local id = C.ml_watch_open(file)
	if id < 0 then
		return nil, native.name(id)
	end
	self.watch_ = ffi.new("ml_watch", id)
	return self
end

--- Watches one more directory, without those below it; not for a recursive watcher.
-- @param path of a directory, no link
-- @param name what its events are called below of
-- @return true; nil, code, detail
function watcher.add(self, path, name)
	local output, code, detail = fsops.call(C.ML_FS_WATCH_MORE, path, name, 1, 0, self.file_.id)
	if output == nil then
		return nil, code, detail
	end
	learn(self.names_, output)
	return true
end

--- Lets the events of what was watched first be called below of `name`, too.
function watcher.rename(self, name)
	for wd, old in pairs(self.names_) do
		if old == "" then
			self.names_[wd] = name
		end
	end
end

local function join(a, b)
	return a ~= "" and b ~= "" and a .. "/" .. b or a .. b
end

local function kind_of(mask)
	for _, row in ipairs(KINDS) do
		if bit.band(mask, row[1]) ~= 0 then
			return row[2]
		end
	end
end

-- nil for what concerns only the kernel's own accounts.
local function make_event(self, wd, mask, name)
	local kind = kind_of(mask)
	if bit.band(mask, IGNORED) ~= 0 then
		self.names_[wd] = nil
	end
	-- That a directory below went is told by the one that it was in.
	if kind == nil or (name == "" and self.names_[wd] ~= "" and kind ~= "overflow") then
		return nil
	end
	return { kind = kind, name = join(self.names_[wd] or "", name), dir = bit.band(mask, IS_DIR) ~= 0 }
end

-- A directory that is new is watched, too; one that is gone by then is nobody's trouble. The event was
-- taken by now: who is cancelled here still gets it.
local function follow(self, e)
	if self.recursive_ and e.dir and e.kind == "created" then
		local output = task.shield(fsops.call, C.ML_FS_WATCH_MORE, self.path .. "/" .. e.name, e.name, 0, 0,
			self.file_.id)
		learn(self.names_, output or "")
	end
	return e
end

local function next_event(self, due)
	while true do
		local rc = C.ml_watch_next(self.watch_.id, event)
		if rc == AGAIN then
			if due then
				if C.ml_now() >= due then
					return nil, "timeout", "nothing happened in time"
				end
				C.ml_task_alarm(due - C.ml_now())
			end
			task.wait()
		elseif rc < 0 then
			return nil, native.name(rc), "the watcher is closed"
		else
			local e = make_event(self, event.wd, event.mask, ffi.string(event.name, event.n))
			if e then
				return follow(self, e)
			end
		end
	end
end

local function check(self, name)
	if type(self) ~= "table" or getmetatable(self) ~= Watcher then
		blame(("watcher:%s: expected a watcher, got a %s; call it as watcher:%s()")
			:format(name, type(self), name))
	end
end

local function leave(self, ok, e, code, detail)
	self.waits_ = false
	C.ml_task_alarm(-1)
	if not ok then
		error(e, 0)
	end
	return e, code, detail
end

--- Suspends until something happens.
-- @param timeout in seconds; nil: for ever
-- @return {kind =, name =, dir =}; nil, "timeout" or "gone" (it was closed), detail
function Watcher:next(timeout)
	check(self, "next")
	if timeout ~= nil and (type(timeout) ~= "number" or timeout < 0 or timeout ~= timeout) then
		blame("watcher:next: timeout must be a number >= 0, got " .. tostring(timeout))
	elseif self.waits_ then
		blame("watcher:next: another task waits on this watcher")
	end
	self.waits_ = true
	return leave(self, pcall(next_event, self, timeout and C.ml_now() + timeout))
end
waits.names[Watcher.next] = "watcher:next"

--- Ends it; a task that waits in next gets nil, "gone". Does not suspend.
function Watcher:close()
	check(self, "close")
	C.ml_watch_close(self.watch_.id)
	C.ml_file_drop(self.file_.id)
	return true
end

return watcher
