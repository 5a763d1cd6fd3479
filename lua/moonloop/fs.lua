--- Files and directories, without blocking the event loop.
--
--     local fs = require "moonloop.fs"
--     local text, code, detail = fs.read("notes.txt")
--
-- In a task the work is done by the thread pool; what has begun is finished even if the task is
-- cancelled, what has not is dropped. Inside a pool thread (thread.run) it is done right there, with
-- the same answers. A relative path begins at the process's directory. Every function that fails
-- answers nil, code, detail; besides those of the system "queue_full" and "shutdown".

local file = require("moonloop.core.file")
local fsops = require("moonloop.core.fsops")
local pool = require("moonloop.core.pool")
local waits = require("moonloop.core.wait")
local watcher = require("moonloop.core.watcher")

local C = fsops.C
local blame, on, integer = fsops.blame, fsops.on, fsops.integer
local check_path, check_data, options_of = fsops.check_path, fsops.check_data, fsops.options

local FILE_MODE, DIR_MODE, MODE_MAX = 420, 493, 4095 -- 0644, 0755, 07777
local TYPES = fsops.TYPES

-- enum fs_open_bits of server/runtime/fs_int.h: 1 reads, 2 writes, 4 makes, 8 empties, 16 appends.
local MODES = {
	r = 1,
	["r+"] = 1 + 2,
	w = 2 + 4 + 8,
	["w+"] = 1 + 2 + 4 + 8,
	a = 2 + 4 + 16,
	["a+"] = 1 + 2 + 4 + 16,
	x = 2 + 4 + 32, -- must not be there yet
	["x+"] = 1 + 2 + 4 + 32,
}

local fs = {}

local function done(output, code, detail)
	if output == nil then
		return nil, code, detail
	end
	return true
end

-- Whole files.

local function whole(kind, path, bytes)
	local rc, output, detail = pool.run(kind, bytes)
	if rc == nil then
		return nil, output, ("%s: %s"):format(path, detail)
	end
	return output
end

--- Reads a whole file. Suspends.
-- @param path of a regular file
-- @return its bytes; nil, code, detail: "not_found", "denied", "is_dir", "io", "invalid" (a device or a
-- pipe), "too_large" (over 2 GiB)
function fs.read(path)
	check_path("fs.read", path)
	local bytes, code, detail = whole(pool.READ_FILE, path, path)
	return bytes, code, detail
end

--- Replaces a file's contents, or makes the file (mode 0644). Suspends.
-- A reader may see it half written; see fs.replace.
-- @return true; nil, code, detail: "not_found", "denied", "is_dir", "no_space", "io"
function fs.write(path, data)
	check_path("fs.write", path)
	check_data("fs.write", data)
	return done(whole(pool.WRITE_FILE, path, path .. "\0" .. data))
end

--- Writes at the end of a file, or makes it. Suspends.
function fs.append(path, data)
	check_path("fs.append", path)
	check_data("fs.append", data)
	return done(on(C.ML_FS_APPEND, path, data))
end

--- Replaces a file's contents at once: who opens it sees the old ones or the new ones, also after a
-- power failure. It keeps its permissions; a symbolic link is itself replaced. Suspends.
function fs.replace(path, data)
	check_path("fs.replace", path)
	check_data("fs.replace", data)
	return done(on(C.ML_FS_REPLACE, path, data))
end

--- Copies a regular file with its permissions; an existing target is overwritten. Suspends.
function fs.copy(from, to)
	check_path("fs.copy", from)
	check_path("fs.copy", to, "target")
	return done(on(C.ML_FS_COPY, from, to))
end

-- Open files.

--- Opens a file. Suspends. It is closed by file:close(), or when it is collected.
-- @param path of a regular file or a device
-- @param mode "r" (the default), "w", "a", "x" (makes a file that must not be there yet), each also
-- with "+" to read and write
-- @param options {mode = permissions of a file that is made, 0644}
-- @return a file; nil, code, detail
function fs.open(path, mode, options)
	check_path("fs.open", path)
	local bits = MODES[mode == nil and "r" or mode]
	if not bits then
		blame('fs.open: mode must be "r", "w", "a" or "x", maybe with "+", got ' .. tostring(mode))
	end
	local perms = integer("fs.open", "mode", options_of("fs.open", options).mode, MODE_MAX, FILE_MODE)
	local output, code, detail = on(C.ML_FS_OPEN, path, nil, bits, perms)
	if output == nil then
		return nil, code, detail
	end
	return file.new(fsops.number(output), path, bits)
end

local function temporary(name, op, options)
	options = options_of(name, options)
	local dir, prefix = options.dir or os.getenv("TMPDIR") or "/tmp", options.prefix or "moonloop-"
	check_path(name, dir, "dir")
	check_path(name, prefix, "prefix")
	if prefix:find("/", 1, true) then
		blame(name .. ": prefix has a slash")
	end
	local output, code, detail = on(op, dir, prefix)
	if output == nil then
		return nil, code, detail
	end
	return fsops.number(output), output:sub(9)
end

--- Makes and opens a file that only this user may read; it is removed when it is closed or collected,
-- unless it was renamed. Suspends.
-- @param options {dir = where, prefix = how its name begins}
-- @return a file, file.path is its name; nil, code, detail
function fs.tempfile(options)
	local id, path, detail = temporary("fs.tempfile", C.ML_FS_TEMP_FILE, options)
	if id == nil then
		return nil, path, detail
	end
	return file.new(id, path, MODES["w+"])
end

--- Makes a directory that is removed, with all that is in it, by dir:close() or when the object is
-- collected. Suspends.
-- @return an object, dir.path is its name; nil, code, detail
function fs.tempdir(options)
	local id, path, detail = temporary("fs.tempdir", C.ML_FS_TEMP_DIR, options)
	if id == nil then
		return nil, path, detail
	end
	return file.new_dir(id, path)
end

-- Paths.

local function stat(name, path, of_link)
	check_path(name, path)
	local output, code, detail = on(C.ML_FS_STAT, path, nil, of_link)
	if output == nil then
		return nil, code, detail
	end
	return fsops.facts(output)
end

--- Suspends.
-- @return {type = "file", "dir", "fifo", "socket", "char" or "block"; size =, mode = permissions,
-- inode =, mtime =, atime =, ctime = seconds with a fraction, links =, uid =, gid =, device =}; nil,
-- code, detail
function fs.stat(path)
	local facts, code, detail = stat("fs.stat", path, 0)
	return facts, code, detail
end

--- As fs.stat, but of a symbolic link itself: type = "link". Suspends.
function fs.lstat(path)
	local facts, code, detail = stat("fs.lstat", path, 1)
	return facts, code, detail
end

--- Whether something is there; a link to nothing is not. Suspends.
-- @return true or false; nil, code, detail when that cannot be known
function fs.exists(path)
	check_path("fs.exists", path)
	local output, code, detail = on(C.ML_FS_STAT, path)
	if output then
		return true
	elseif code == "not_found" then
		return false
	end
	return nil, code, detail
end

local function by_name(a, b)
	return a.name < b.name
end

--- What is in a directory. Suspends.
-- @param options {root = a directory: path is below it, and what leads out of it is "denied"}
-- @return an array of {name =, type = as in fs.lstat}, by name; nil, code, detail
function fs.listdir(path, options)
	check_path("fs.listdir", path)
	local root = options_of("fs.listdir", options).root
	if root ~= nil then
		check_path("fs.listdir", root, "root")
	end
	local output, code, detail = on(C.ML_FS_LIST, path, root)
	if output == nil then
		return nil, code, detail
	end
	local list = {}
	for kind, name in output:gmatch("(%d+) (%Z*)%z") do
		list[#list + 1] = { name = name, type = TYPES[tonumber(kind)] or "unknown" }
	end
	table.sort(list, by_name)
	return list
end

--- Makes a directory. Suspends.
-- @param options {parents = true: those above, too, and one that is there will do; mode = 0755}
function fs.mkdir(path, options)
	check_path("fs.mkdir", path)
	options = options_of("fs.mkdir", options)
	local mode = integer("fs.mkdir", "mode", options.mode, MODE_MAX, DIR_MODE)
	return done(on(C.ML_FS_MKDIR, path, nil, options.parents and 1 or 0, mode))
end

-- Functions of one path that answer true.
local function simple(name, op)
	name = "fs." .. name
	return function(path)
		check_path(name, path)
		return done(on(op, path))
	end
end

--- Removes a file or a symbolic link. Suspends.
fs.remove = simple("remove", C.ML_FS_REMOVE)

--- Removes an empty directory. Suspends.
fs.rmdir = simple("rmdir", C.ML_FS_RMDIR)

--- Removes a file, or a directory with all that is in it; follows no link. Cancelled, it stops. Suspends.
fs.remove_tree = simple("remove_tree", C.ML_FS_REMOVE_TREE)

--- Gives a file another name, in place of what had that name. Suspends.
function fs.rename(from, to)
	check_path("fs.rename", from)
	check_path("fs.rename", to, "target")
	return done(on(C.ML_FS_RENAME, from, to))
end

--- Makes `path` a symbolic link to `target`. Suspends.
function fs.symlink(target, path)
	check_path("fs.symlink", target, "target")
	check_path("fs.symlink", path)
	return done(on(C.ML_FS_SYMLINK, path, target))
end

--- What a symbolic link leads to. Suspends.
function fs.readlink(path)
	check_path("fs.readlink", path)
	local target, code, detail = on(C.ML_FS_READLINK, path)
	return target, code, detail
end

--- The absolute path without links and dots. Suspends.
function fs.realpath(path)
	check_path("fs.realpath", path)
	local found, code, detail = on(C.ML_FS_REALPATH, path)
	return found, code, detail
end

--- Sets the permissions: fs.chmod(path, tonumber("640", 8)). Suspends.
function fs.chmod(path, mode)
	check_path("fs.chmod", path)
	return done(on(C.ML_FS_CHMOD, path, nil, integer("fs.chmod", "mode", mode, MODE_MAX)))
end

--- Watches a file or a directory. Suspends.
-- @param options {recursive = true: the directories below, too, and those that come}
-- @return a watcher: watcher:next([timeout]), watcher:close(); nil, code, detail
function fs.watch(path, options)
	check_path("fs.watch", path)
	local recursive = options_of("fs.watch", options).recursive and true or false
	if not pool.can_wait() then
		blame("fs.watch: a pool thread has no loop that could watch")
	end
	local output, code, detail = on(C.ML_FS_WATCH, path, nil, recursive and 1 or 0)
	if output == nil then
		return nil, code, detail
	end
	return watcher.new(fsops.number(output), output:sub(9), path, recursive)
end

-- task.tree() finds them on the stack: so none of them waits in a tail call.
for name, fn in pairs(fs) do
	waits.names[fn] = "fs." .. name
end

return fs
