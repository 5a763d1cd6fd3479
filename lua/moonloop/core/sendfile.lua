--- The extension http.response.file: opens on the thread pool, sends by sendfile(2).

local native = require("moonloop.core.ffi")
local job = require("moonloop.core.pool")

local C = native.C
local KIND = "http.response.file"

local function whole(value, name, level)
	if value ~= nil and (type(value) ~= "number" or value < 0 or value % 1 ~= 0) then
		error(("%s: %s must be an integer >= 0, got %s"):format(KIND, name, tostring(value)), level + 1)
	end
	return value
end

-- message.path below message.root if that is given: the kernel refuses what leads out of it.
local function open(message, level)
	local path, root = message.path, message.root or ""
	if type(path) ~= "string" or type(root) ~= "string" then
		error(KIND .. ": needs fd, or path (and root) as strings", level + 1)
	end
	if (path .. root):find("\0", 1, true) then
		error(KIND .. ": path has a NUL byte", level + 1)
	end
	return job.run(job.OPEN_FILE, root .. "\0" .. path)
end

--- Sends a file instead of a body.
-- @return true; nil, code, detail when the file cannot be opened (nothing was sent then)
return function(ex, message, refuse, level)
	local offset = whole(message.offset, "offset", level + 1) or 0
	local length = whole(message.length, "length", level + 1)
	local fd, code, detail = message.fd, nil, nil
	if fd ~= nil then
		fd = whole(fd, "fd", level + 1)
	else
		fd, code, detail = open(message, level + 1)
		if not fd then
			return nil, code, detail
		end
	end
	local size = C.ml_ex_file_size(fd)
	if size < 0 then
		C.ml_ex_close_fd(fd)
		return nil, "invalid", "not a regular file"
	end
	if offset > size or (length and offset + length > size) then
		C.ml_ex_close_fd(fd)
		error(("%s: offset and length reach beyond the file's %d bytes"):format(KIND, size), level + 1)
	end
	local rc = C.ml_ex_file(ex, fd, offset, length or size - offset)
	if rc < 0 then
		C.ml_ex_close_fd(fd)
		return refuse(rc, "a file comes right after http.response.start, instead of any body",
			KIND .. ": content-length does not fit the file", level + 1)
	end
	return true
end
