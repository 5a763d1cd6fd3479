--- Whole files, read and written without blocking the event loop.
--
--     local fs = require "moonloop.fs"
--     local text, code, detail = fs.read("notes.txt")
--
-- In a task the work is done by the thread pool. Inside a pool thread (thread.run) it is done right
-- there, with the same answers.

local pool = require("moonloop.core.pool")

-- errno → code, as err_from_errno (server/base/err.c) has it.
local CODES = {
	[1] = "denied", -- EPERM
	[2] = "not_found", -- ENOENT
	[13] = "denied", -- EACCES
	[20] = "not_found", -- ENOTDIR
	[36] = "not_found", -- ENAMETOOLONG
}

local fs = {}

local function check_path(name, path)
	if type(path) ~= "string" then
		error(("%s: path must be a string, got a %s"):format(name, type(path)), 3)
	elseif path:find("\0", 1, true) then
		error(name .. ": path has a NUL byte", 3)
	end
end

local function fail(path, code, detail)
	return nil, code, ("%s: %s"):format(path, detail)
end

-- The messages of io.open begin with the path, those of the file's methods do not.
local function fail_io(path, message, errno)
	local prefix = path .. ": "
	if message:sub(1, #prefix) == prefix then
		message = message:sub(#prefix + 1)
	end
	return fail(path, CODES[errno] or "io", message)
end

local function read_here(path)
	local file, message, errno = io.open(path, "rb")
	if not file then
		return fail_io(path, message, errno)
	end
	local data
	data, message, errno = file:read("*a")
	file:close()
	if not data then
		return fail_io(path, message, errno)
	end
	return data
end

local function write_here(path, data)
	local file, message, errno = io.open(path, "wb")
	if not file then
		return fail_io(path, message, errno)
	end
	local ok
	ok, message, errno = file:write(data)
	-- What was kept back is written by close, which may find the disk full.
	local closed, close_message, close_errno = file:close()
	if not ok then
		return fail_io(path, message, errno)
	elseif not closed then
		return fail_io(path, close_message, close_errno)
	end
	return true
end

--- Reads a whole file. Suspends.
-- @param path of a regular file, relative to the process's directory
-- @return its bytes; nil, code, detail: "not_found", "denied", "io", "invalid" (a device or a pipe),
-- "too_large" (over 2 GiB), "queue_full", "shutdown"
function fs.read(path)
	check_path("fs.read", path)
	if not pool.can_wait() then
		return read_here(path)
	end
	local rc, output, detail = pool.run(pool.READ_FILE, path)
	if rc == nil then
		return fail(path, output, detail)
	end
	return output
end

--- Replaces a file's contents, or makes the file (mode 0644). Suspends.
-- A reader may see it half written; a writing that began is finished even if the task is cancelled.
-- @param path relative to the process's directory
-- @param data a string
-- @return true; nil, code, detail: "not_found", "denied", "io", "queue_full", "shutdown"
function fs.write(path, data)
	check_path("fs.write", path)
	if type(data) ~= "string" then
		error("fs.write: data must be a string, got a " .. type(data), 2)
	end
	if not pool.can_wait() then
		return write_here(path, data)
	end
	local rc, output, detail = pool.run(pool.WRITE_FILE, path .. "\0" .. data)
	if rc == nil then
		return fail(path, output, detail)
	end
	return true
end

return fs
