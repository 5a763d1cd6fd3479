--- Which files the code of this Lua state came from, or was looked for in: what moonloop dev and --reload
-- watch. Kept only while `on`; then `loadfile` and `dofile` are replaced by ones that note the file.

local C = require("moonloop.core.ffi").C
local errors = require("moonloop.core.errors")

local sources = {
	on = false,
}

-- {path =, at = when it was noted (ml_unix), missing = it was looked for in vain, tree = all below it, too}
local entries = {}
local known = {} -- path → entry
local told -- called when there is a new one

local function add(path, missing, tree)
	local entry = known[path]
	if entry == nil then
		entry = { path = path, at = C.ml_unix(), missing = missing, tree = tree }
		known[path] = entry
		entries[#entries + 1] = entry
		if told then
			told()
		end
	elseif not missing then
		entry.missing = false
	end
end

local function exists(path)
	local file = io.open(path, "rb")
	if file then
		file:close()
	end
	return file ~= nil
end

-- Every file of the templates up to the one that is there: one that comes before it would win.
local function search(name, templates)
	local path = name:gsub("%.", "/")
	for template in templates:gmatch("[^;]+") do
		local candidate = template:gsub("%?", (path:gsub("%%", "%%%%")))
		local found = exists(candidate)
		add(candidate, not found)
		if found then
			return true
		end
	end
	return false
end

--- A module is about to be searched for.
function sources.module(name)
	if package.preload[name] or (name .. "."):find("^moonloop%.") then
		return
	end
	if not search(name, package.path) then
		search(name, package.cpath)
	end
end

--- A file was loaded.
function sources.note(path)
	if sources.on and type(path) == "string" then
		add(path, not exists(path))
	end
end

--- Names a file, or a directory with all that is below it, that the application was made from: when
-- something in there changes, `moonloop dev` and `--reload` load the application anew. Does nothing
-- without them.
-- @raise at the caller's line when path is no string
function sources.watch(path)
	if type(path) ~= "string" or path == "" then
		errors.blame("watch: path must be a string, got " .. (path == "" and "an empty one" or type(path)))
	end
	if sources.on then
		add(path, false, true)
	end
end

--- The entries from the n-th on.
function sources.from(n)
	local list = {}
	for i = n, #entries do
		list[#list + 1] = entries[i]
	end
	return list
end

--- Names of the files that were loaded.
function sources.files()
	local list = {}
	for _, entry in ipairs(entries) do
		if not entry.missing and not entry.tree then
			list[#list + 1] = entry.path
		end
	end
	return list
end

--- Names of those, and of the ones that were looked for in vain.
function sources.tried()
	local list = {}
	for i, entry in ipairs(entries) do
		list[i] = entry.path
	end
	return list
end

--- From now on; before the application is loaded.
function sources.start()
	local raw_loadfile, raw_dofile = loadfile, dofile
	sources.on = true
	_G.loadfile = function(path, ...)
		sources.note(path)
		return raw_loadfile(path, ...)
	end
	_G.dofile = function(path)
		sources.note(path)
		return raw_dofile(path)
	end
end

--- fn() is called after each new entry. Does not suspend.
function sources.on_new(fn)
	told = fn
end

return sources
