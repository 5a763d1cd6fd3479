--- Watches the files that the application was made from, and asks for a reload when one changes.
--
-- What is watched. For every file of core/sources.lua (loaded, or looked for in vain) the directory that it
-- is in, so that a save by rename and a file that comes count as well as one that is written. Only names
-- that were asked for count there; below the directories of --reload-dir and moonloop.watch every name
-- does, but for those of core/ignore.lua. One inotify instance holds all of it.
--
-- Who watches. Two tasks of the lifespan in each generation. `feed` adds what becomes known: modules that are
-- required late, and the files of a younger generation that did not start, which it hears of by the news
-- (core/news.lua). So the one that serves goes on watching with all that could mend the one that
-- failed. `listen` waits for events. A drain ends both: then a younger one watches.
--
-- When. QUIET after the last event that counts, SETTLE_MAX after the first at the latest: the checkout
-- of another branch is one reload. A file that changed between being loaded and being watched is found by its
-- time stamp.

local native = require("moonloop.core.ffi")
local fs = require("moonloop.fs")
local ignore = require("moonloop.core.ignore")
local log = require("moonloop.log")
local news = require("moonloop.core.news")
local sources = require("moonloop.core.sources")
local task = require("moonloop.core.task")
local watcher = require("moonloop.core.watcher")

local C = native.C

local QUIET = 0.03
local SETTLE_MAX = 2
local CLOCK_GRAIN = 0.005 -- s by which time stamps of files are behind the clock
local NAMES_MAX = 5 -- files that the log names
local COUNTS = { created = true, written = true, removed = true }

local reload = {}

local tasks -- the two, while they run

-- Of one watcher.
local Watch = {}
Watch.__index = Watch

local function new(options)
	return setmetatable({
		ignored = ignore.rules(options.ignore),
		request = options.request or function(names)
			C.ml_reload_request(names, #names)
		end,
		cwd = fs.realpath(".") or "/",
		watcher = nil,
		watched = {}, -- directory → true
		files = {}, -- file that counts → true
		trees = {}, -- directories below which all counts
		real = {}, -- directory as it was given → without links
	}, Watch)
end

-- The thread pool may be full for a moment.
local function patiently(fn, ...)
	while true do
		local result, code, detail = fn(...)
		if result ~= nil or code ~= "queue_full" then
			return result, code, detail
		end
		task.sleep(0.1)
	end
end

local function split(path)
	local dir, name = path:match("^(.*)/([^/]*)$")
	if dir == nil then
		return ".", path
	end
	return dir == "" and "/" or dir, name
end

local function join(dir, name)
	return (dir == "/" and "" or dir) .. "/" .. name
end

function Watch:relative(path)
	local prefix = join(self.cwd, "")
	return path:sub(1, #prefix) == prefix and path:sub(#prefix + 1) or path
end

function Watch:add_dir(dir)
	if self.watched[dir] then
		return
	end
	local ok, code, detail
	if self.watcher == nil then
		self.watcher, code, detail = patiently(fs.watch, dir)
		ok = self.watcher
		if ok then
			watcher.rename(ok, dir == "/" and "" or dir)
		end
	else
		ok, code, detail = patiently(watcher.add, self.watcher, dir, dir == "/" and "" or dir)
	end
	self.watched[dir] = ok and true or nil
	if not ok and code ~= "not_found" then
		log.warn("reload.blind", { path = dir, message = detail })
	end
end

-- Without links and dots; nil when it is not there.
function Watch:real_dir(dir)
	if not self.real[dir] then
		self.real[dir] = patiently(fs.realpath, dir)
	end
	return self.real[dir]
end

-- A file whose directory is not there comes with the directory.
function Watch:add_file(path)
	local dir, name = split(path)
	local real = self:real_dir(dir)
	while not real and dir ~= "/" and dir ~= "." do
		dir, name = split(dir)
		real = self:real_dir(dir)
	end
	if real and name ~= "" then
		self.files[join(real, name)] = true
		self:add_dir(real)
		return join(real, name)
	end
end

-- What a link leads to counts as well.
function Watch:add_source(path)
	local named = self:add_file(path)
	local target = named and patiently(fs.realpath, named)
	if target and target ~= named then
		self:add_file(target)
	end
	return target
end

-- @return how many files are in it
function Watch:add_below(dir, relative)
	local count = 0
	self:add_dir(dir)
	for _, entry in ipairs(patiently(fs.listdir, dir) or {}) do
		local name = relative == "" and entry.name or relative .. "/" .. entry.name
		if self.ignored(name) then
			count = count + 0
		elseif entry.type == "dir" then
			count = count + self:add_below(join(dir, entry.name), name)
		else
			count = count + 1
		end
	end
	return count
end

function Watch:add_tree(path)
	local real = patiently(fs.realpath, path)
	local facts = real and patiently(fs.stat, real)
	if facts and facts.type == "dir" then
		self.trees[#self.trees + 1] = real
		self:add_below(real, "")
		return
	end
	return self:add_source(path)
end

-- The name below the tree that a path is in; nil: it is in none.
function Watch:below_tree(path)
	for _, tree in ipairs(self.trees) do
		local prefix = join(tree, "")
		if path:sub(1, #prefix) == prefix then
			return path:sub(#prefix + 1)
		end
	end
end

-- Whether an event counts; follows directories that come.
function Watch:counts(e)
	local path = e.name
	if e.kind == "overflow" then
		return true
	elseif not COUNTS[e.kind] then
		return false
	elseif self.files[path] then
		return not self.ignored(self:relative(path), true)
	end
	local below = self:below_tree(path)
	if not below or self.ignored(below) or self.ignored(self:relative(path), true) then
		return false
	end
	if e.dir and e.kind == "created" then
		return self:add_below(path, below) > 0
	end
	return true
end

-- One entry of core/sources.lua. True: it changed since it was loaded.
function Watch:add_entry(entry)
	local path
	if entry.tree then
		path = self:add_tree(entry.path)
	else
		path = self:add_source(entry.path)
	end
	local facts = path and patiently(fs.stat, path)
	if entry.missing or entry.tree then
		return entry.missing and facts ~= nil
	end
	return facts and facts.type == "file" and facts.mtime > entry.at - CLOCK_GRAIN and facts.mtime <= C.ml_unix()
end

-- Names that changed, as a set → "app.lua,views/x.html and 3 more".
function Watch:list(changed)
	local names = {}
	for path in pairs(changed) do
		names[#names + 1] = self:relative(path)
	end
	table.sort(names)
	local more = #names - NAMES_MAX
	local text = table.concat(names, ",", 1, math.min(#names, NAMES_MAX))
	return more > 0 and ("%s and %d more"):format(text, more) or text
end

function Watch:ask(changed)
	self.request(self:list(changed))
end

-- Suspends until something changed and all is quiet again.
function Watch:await()
	local changed, until_ = {}, math.huge
	while true do
		local left = until_ - C.ml_now()
		local quiet = next(changed) ~= nil
		local e, code = self.watcher:next(quiet and math.max(math.min(QUIET, left), 0) or nil)
		if not e then
			return code == "timeout" and changed or nil
		elseif self:counts(e) then
			until_ = math.min(until_, C.ml_now() + SETTLE_MAX)
			changed[e.name] = true
		end
	end
end

local function listen(self)
	while true do
		local changed = self:await()
		if not changed then
			return
		end
		self:ask(changed)
	end
end

-- Takes new entries from the n-th on; how far it got.
local function take(self, n)
	local changed = {}
	for _, entry in ipairs(sources.from(n)) do
		if self:add_entry(entry) then
			changed[entry.path] = true
		end
		n = n + 1
	end
	if next(changed) ~= nil then
		self:ask(changed)
	end
	return n
end

-- The files of what did not start, as told by its generation.
local function learn(self, text)
	for path in (text:match("%z(.*)$") or ""):gmatch("[^\n]+") do
		self:add_source(path)
	end
end

local function feed(self, options)
	for _, dir in ipairs(options.dirs) do
		if not patiently(fs.realpath, dir) then
			log.warn("reload.no_dir", { path = dir, message = "--reload-dir: no such directory" })
		else
			self:add_tree(dir)
		end
	end
	local n, seq = 1, news.seq()
	local us = task.self()
	sources.on_new(function()
		C.ml_task_wake(us)
	end)
	while true do
		n = take(self, n)
		if self.watcher and not tasks[2] then
			tasks[2] = task.background(listen, self)
		end
		local new_seq, kind, text = news.after(seq)
		seq = new_seq or seq
		if kind == news.BROKEN then
			learn(self, text)
		elseif not new_seq then
			task.wait()
		end
	end
end

--- Starts to watch, in tasks of its own: to be called in a task of the lifespan.
-- @param options {dirs =, ignore =}: arrays; request = what is called with the names of the files instead of
-- asking the gateway
function reload.start(options)
	tasks = {}
	tasks[1] = task.background(function()
		feed(new(options), options)
	end)
end

--- Ends it, when a drain begins.
function reload.stop()
	for _, one in pairs(tasks or {}) do
		one:cancel()
	end
	tasks = nil
	sources.on_new(nil)
end

return reload
