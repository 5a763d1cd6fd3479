--- Where sessions are kept that are not kept in their cookie. A store is any table with
--
-- load(store, key)                     the text, or nil; nil, code, detail when it cannot know
-- save(store, key, text, seconds, new) true; nil, "gone": it is not new, and somebody deleted it
--                                      meanwhile, so it must stay deleted; nil, code, detail
-- delete(store, key)                   true; nil, code, detail
--
-- Each may suspend. A key is 64 hexadecimal digits; it does not tell the session's id.

local fs = require("moonloop.fs")
local log = require("moonloop.log")
local lru = require("moonloop.web.lru")
local options = require("moonloop.web.options")
local task = require("moonloop.task")
local time = require("moonloop.time")

local store = {}

-- In memory.

local memory_methods = {}
local Memory = { __name = "moonloop.web.memory_store", __index = memory_methods }

local MEMORY_MAX = 10000

--- Sessions in the memory of this worker: gone with it, and unknown to the others. For one worker,
-- and for tests.
-- @param given {max = 10000 sessions; the one not used for longest makes room}
function store.memory(given)
	given = options.check("session_store.memory", given, { max = "count" })
	return setmetatable({ entries_ = lru.new(given.max or MEMORY_MAX) }, Memory)
end

function memory_methods:load(key)
	return self.entries_:get(key)
end

function memory_methods:save(key, text, seconds, new)
	if not new and not self.entries_:get(key) then
		return nil, "gone"
	end
	self.entries_:set(key, text, seconds)
	return true
end

function memory_methods:delete(key)
	self.entries_:delete(key)
	return true
end

-- In files.

local file_methods = {}
local Files = { __name = "moonloop.web.file_store", __index = file_methods }

local DIR_MODE = tonumber("700", 8)
local SWEEP = 3600

--- Sessions as files of a directory, for all workers, and for the next start. A file begins with a
-- line that says when it ends; those whose end passed are removed from time to time.
-- @param dir is made if it is not there; nobody else may read it
-- @param given {sweep = 3600, seconds between two looks for what expired}
function store.files(dir, given)
	if type(dir) ~= "string" or dir == "" then
		require("moonloop.core.errors").blame("session_store.files: expected a directory, got " .. tostring(dir))
	end
	given = options.check("session_store.files", given, { sweep = "seconds" })
	return setmetatable({
		dir_ = dir:gsub("/+$", ""),
		sweep_ = given.sweep or SWEEP,
		next_sweep_ = time.now() + (given.sweep or SWEEP),
		made_ = false,
	}, Files)
end

local function path_of(self, key)
	return self.dir_ .. "/" .. key
end

-- When the text ends, in seconds since 1970, and the text; nil: it is over, or none of ours.
local function split(bytes)
	local due, text = bytes:match("^(%d+)\n(.*)$")
	if due and tonumber(due) > time.unix() then
		return text
	end
end

function file_methods:load(key)
	local bytes, code, detail = fs.read(path_of(self, key))
	if bytes then
		return split(bytes)
	elseif code == "not_found" then
		return nil
	end
	return nil, code, detail
end

local function sweep(self)
	for _, entry in ipairs(fs.listdir(self.dir_) or {}) do
		local path = self.dir_ .. "/" .. entry.name
		local bytes = entry.name:find("^%x+$") and #entry.name == 64 and fs.read(path)
		if bytes and not split(bytes) then
			local ok, code, detail = fs.remove(path)
			if not ok and code ~= "not_found" then
				log.warn("session.sweep", { path = path, error = detail or code })
			end
		end
	end
end

local function make_dir(self)
	local ok, code, detail = fs.mkdir(self.dir_, { parents = true, mode = DIR_MODE })
	self.made_ = ok
	return ok, code, detail
end

function file_methods:save(key, text, seconds, new)
	if not self.made_ then
		local ok, code, detail = make_dir(self)
		if not ok then
			return nil, code, detail
		end
	end
	if not new then
		local there, code, detail = fs.exists(path_of(self, key))
		if not there then
			return nil, code or "gone", detail
		end
	end
	if time.now() >= self.next_sweep_ then
		self.next_sweep_ = time.now() + self.sweep_
		task.background(sweep, self)
	end
	return fs.replace(path_of(self, key), ("%d\n%s"):format(math.ceil(time.unix() + seconds), text))
end

function file_methods:delete(key)
	local ok, code, detail = fs.remove(path_of(self, key))
	if not ok and code ~= "not_found" then
		return nil, code, detail
	end
	return true
end

return store
