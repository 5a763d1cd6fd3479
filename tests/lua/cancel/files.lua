--- Scenarios of support_cancel.lua: moonloop.fs, its files, directories and watches.

local assert = require("luassert")
local fs = require("moonloop.fs")

local TEXT = ("a line of text\n"):rep(10000) -- several reads' worth of lines

local scenarios = {}

-- Blocks, but does not wait.
local function write(path, text)
	local file = assert(io.open(path, "w"))
	file:write(text)
	file:close()
	return path
end

local function kept(world)
	return write(world.dir .. "/kept", TEXT)
end

-- A function that is given paths; fn(path of a file that is there, world) calls it.
local function calls(gives, fn)
	return function(world)
		local path = kept(world)
		return {
			gives = { gives },
			run = function()
				return fn(path, world)
			end,
			check = function(ended)
				for _, entry in ipairs(assert(fs.listdir(world.dir))) do
					local ours = entry.name == "kept" or entry.name == "made" or entry.name:find("^moonloop%-")
					assert.is_truthy(ours or entry.name:find("^%.kept"), entry.name)
				end
				if ended then
					assert.is_truthy(fs.exists(path))
				end
				fs.remove_tree(world.dir .. "/made")
			end,
		}
	end
end

scenarios["fs.read"] = calls(TEXT, fs.read)

scenarios["fs.write"] = calls(true, function(path)
	return fs.write(path, TEXT)
end)

scenarios["fs.append"] = calls(true, function(path)
	return fs.append(path, "more")
end)

scenarios["fs.replace"] = calls(true, function(path)
	return fs.replace(path, TEXT)
end)

scenarios["fs.copy"] = calls(true, function(path, world)
	return fs.copy(path, world.dir .. "/made")
end)

scenarios["fs.open"] = calls(true, function(path)
	return fs.open(path) ~= nil
end)

scenarios["fs.tempfile"] = calls(true, function(_, world)
	return fs.tempfile({ dir = world.dir }) ~= nil
end)

scenarios["fs.tempdir"] = calls(true, function(_, world)
	return fs.tempdir({ dir = world.dir }) ~= nil
end)

scenarios["fs.stat"] = calls(#TEXT, function(path)
	return fs.stat(path).size
end)

scenarios["fs.lstat"] = calls("file", function(path)
	return fs.lstat(path).type
end)

scenarios["fs.exists"] = calls(true, fs.exists)

scenarios["fs.listdir"] = calls("kept", function(_, world)
	local entries = fs.listdir(world.dir)
	return entries[#entries].name
end)

scenarios["fs.mkdir"] = calls(true, function(_, world)
	return fs.mkdir(world.dir .. "/made/deeper", { parents = true })
end)

scenarios["fs.remove"] = calls(true, function(_, world)
	return fs.remove(write(world.dir .. "/made", ""))
end)

scenarios["fs.rmdir"] = calls(true, function(_, world)
	return fs.mkdir(world.dir .. "/made") and fs.rmdir(world.dir .. "/made")
end)

scenarios["fs.remove_tree"] = calls(true, function(_, world)
	return fs.mkdir(world.dir .. "/made/deeper", { parents = true }) and fs.remove_tree(world.dir .. "/made")
end)

scenarios["fs.rename"] = calls(true, function(_, world)
	return fs.rename(write(world.dir .. "/made", TEXT), world.dir .. "/kept")
end)

scenarios["fs.symlink"] = calls(true, function(path, world)
	return fs.symlink(path, world.dir .. "/made")
end)

scenarios["fs.readlink"] = calls("kept", function(_, world)
	return fs.symlink("kept", world.dir .. "/made") and fs.readlink(world.dir .. "/made")
end)

scenarios["fs.realpath"] = calls(true, function(path)
	return fs.realpath(path):sub(-5) == "/kept"
end)

scenarios["fs.chmod"] = calls(true, function(path)
	return fs.chmod(path, 384)
end)

scenarios["fs.watch"] = calls(true, function(_, world)
	return fs.watch(world.dir, { recursive = true }):close()
end)

-- Open files.

-- A method of an open file; afterwards it can be used by others, and closed.
local function of_file(gives, fn)
	return function(world)
		local file = assert(fs.open(kept(world), "r+"))
		return {
			gives = { gives },
			run = function()
				return fn(file)
			end,
			check = function()
				assert.is_false(file.busy_)
				assert.is_true(file:close())
			end,
		}
	end
end

scenarios["File:read"] = of_file(TEXT, function(file)
	return file:read(100) .. file:read("line") .. "\n" .. file:read("all")
end)

scenarios["File:lines"] = of_file(10000, function(file)
	local n = 0
	for _ in file:lines() do
		n = n + 1
	end
	return n
end)

scenarios["File:write"] = of_file(true, function(file)
	return file:write(TEXT)
end)

scenarios["File:seek"] = of_file(#TEXT, function(file)
	return file:seek("end")
end)

scenarios["File:truncate"] = of_file(true, function(file)
	return file:truncate(10)
end)

scenarios["File:sync"] = of_file(true, function(file)
	return file:sync()
end)

scenarios["File:stat"] = of_file(#TEXT, function(file)
	return file:stat().size
end)

scenarios["File:close"] = of_file(true, function(file)
	return file:close()
end)

scenarios["Tempdir:close"] = function(world)
	local dir = assert(fs.tempdir({ dir = world.dir }))
	write(dir.path .. "/inside", TEXT)
	return {
		gives = { true },
		run = function()
			return dir:close()
		end,
	}
end

-- Watches.

-- What happened is told once, to who asks next if not to who was stopped.
scenarios["Watcher:next"] = function(world)
	local path = world.dir .. "/made"
	assert(fs.mkdir(path))
	local watcher = assert(fs.watch(path, { recursive = true }))
	local happened, told = false, nil
	return {
		gives = { "below" },
		timeout = true,
		holds = true,
		run = function(timeout)
			local event, code = watcher:next(timeout)
			told = event and event.name
			return told, code
		end,
		release = function()
			if not happened then
				happened = true
				assert(fs.mkdir(path .. "/below"))
			end
		end,
		check = function()
			if happened then
				assert.equal("below", told or watcher:next(5).name)
				write(path .. "/below/file", "")
				assert.equal("below/file", watcher:next(5).name)
			end
			watcher:close()
			fs.remove_tree(path)
		end,
	}
end

return scenarios
