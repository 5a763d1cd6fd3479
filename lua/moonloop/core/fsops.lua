--- What moonloop.fs, its files and its watches share: one operation on the thread pool
-- (server/runtime/fs_ops.tbl.h), its numbers, and the checks of arguments.

local native = require("moonloop.core.ffi")
local errors = require("moonloop.core.errors")
local pool = require("moonloop.core.pool")

local C, ffi = native.C, native.ffi
local blame = errors.blame

local fsops = { C = C, blame = blame }

local head = ffi.new("double[4]") -- struct fs_head
local numbers = ffi.new("double[11]")

-- Collected objects close what they have; a handle that is stale by then is nobody's.
ffi.metatype("ml_file", {
	__gc = function(file)
		C.ml_file_drop(file.id)
	end,
})
ffi.metatype("ml_watch", {
	__gc = function(watch)
		C.ml_watch_close(watch.id)
	end,
})

--- Suspends until the operation was done.
-- @return its output; nil, code, what the system says
function fsops.call(op, path, rest, a, b, file)
	head[0], head[1], head[2], head[3] = op, file or 0, a or 0, b or 0
	local bytes = ffi.string(head, 32) .. path .. "\0" .. (rest or "")
	local rc, output, detail = pool.run(pool.FS, bytes)
	if rc == nil then
		return nil, output, detail
	end
	return output
end

--- As call, for what is said of a path.
-- @return its output; nil, code, "path: what the system says"
function fsops.on(op, path, rest, a, b)
	local output, code, detail = fsops.call(op, path, rest, a, b)
	if output == nil then
		return nil, code, ("%s: %s"):format(path, detail)
	end
	return output
end

--- The first number of an output; the first n, as an array that the next call overwrites.
function fsops.number(output)
	ffi.copy(numbers, output, 8)
	return numbers[0]
end

function fsops.numbers(output, n)
	ffi.copy(numbers, output, n * 8)
	return numbers
end

-- By S_IFMT.
fsops.TYPES = {
	[0x1000] = "fifo",
	[0x2000] = "char",
	[0x4000] = "dir",
	[0x6000] = "block",
	[0x8000] = "file",
	[0xA000] = "link",
	[0xC000] = "socket",
}

--- The table that fs.stat and file:stat answer.
function fsops.facts(output)
	local n = fsops.numbers(output, 11)
	return {
		type = fsops.TYPES[n[0]] or "unknown",
		size = n[1],
		mode = n[2],
		inode = n[3],
		mtime = n[4],
		atime = n[5],
		ctime = n[6],
		links = n[7],
		uid = n[8],
		gid = n[9],
		device = n[10],
	}
end

function fsops.check_path(name, path, what)
	if type(path) ~= "string" then
		blame(("%s: %s must be a string, got a %s"):format(name, what or "path", type(path)))
	elseif path:find("\0", 1, true) then
		blame(("%s: %s has a NUL byte"):format(name, what or "path"))
	end
end

function fsops.check_data(name, data)
	if type(data) ~= "string" then
		blame(("%s: data must be a string, got a %s"):format(name, type(data)))
	end
end

--- An integer from 0 to max, or the default when it is nil.
function fsops.integer(name, what, value, max, default)
	if value == nil and default ~= nil then
		return default
	end
	if type(value) ~= "number" or value < 0 or value > max or value % 1 ~= 0 then
		blame(("%s: %s must be an integer from 0 to %d, got %s"):format(name, what, max, tostring(value)))
	end
	return value
end

function fsops.options(name, options)
	if options ~= nil and type(options) ~= "table" then
		blame(("%s: options must be a table, got a %s"):format(name, type(options)))
	end
	return options or {}
end

return fsops
