--- The extension http.response.file: opens on the thread pool, sends by sendfile(2).

local native = require("moonloop.core.ffi")
local errors = require("moonloop.core.errors")
local lasgi = require("moonloop.core.lasgi")
local job = require("moonloop.core.pool")

local C = native.C
local KIND = "http.response.file"

local function wrong(what)
	errors.blame(KIND .. ": " .. what, lasgi.app)
end

local function whole(value, name)
	if value ~= nil and (type(value) ~= "number" or value < 0 or value % 1 ~= 0) then
		wrong(("%s must be an integer >= 0, got %s"):format(name, tostring(value)))
	end
	return value
end

-- message.path below message.root if that is given: the kernel refuses what leads out of it.
local function open(message)
	local path, root = message.path, message.root or ""
	if type(path) ~= "string" or type(root) ~= "string" then
		wrong("needs fd, or path (and root) as strings")
	end
	if (path .. root):find("\0", 1, true) then
		wrong("path has a NUL byte")
	end
	return job.run(job.OPEN_FILE, root .. "\0" .. path)
end

-- Takes the start back, so that the application may answer otherwise.
local function cannot(ex, code, detail)
	C.ml_ex_unstart(ex)
	return nil, code, detail
end

--- Sends a file instead of a body.
-- @return true; nil, code, detail when the file cannot be opened: nothing was sent, and the
-- application begins again with http.response.start
return function(ex, message, refuse)
	local offset = whole(message.offset, "offset") or 0
	local length = whole(message.length, "length")
	local fd = whole(message.fd, "fd")
	if fd == nil then
		local code, detail
		fd, code, detail = open(message)
		if not fd then
			return cannot(ex, code, detail)
		end
	end
	local size = C.ml_ex_file_size(fd)
	if size < 0 then
		C.ml_ex_close_fd(fd)
		return cannot(ex, "invalid", "not a regular file")
	end
	if offset > size or (length and offset + length > size) then
		C.ml_ex_close_fd(fd)
		wrong(("offset and length reach beyond the file's %d bytes"):format(size))
	end
	local rc = C.ml_ex_file(ex, fd, offset, length or size - offset)
	if rc < 0 then
		C.ml_ex_close_fd(fd)
		return refuse(rc, "a file comes right after http.response.start, instead of any body",
			KIND .. ": content-length does not fit the file")
	end
	return true
end
