--- A file that was opened to be sent: its facts, its bytes, and its way to the client.

local pool = require("moonloop.core.pool")
local file = require("moonloop.core.file")
local native = require("moonloop.core.ffi")
local range = require("moonloop.web.range")

local C, ffi = native.C, native.ffi
local AGAIN, NOT_FOUND, IS_DIR = native.codes.AGAIN, native.codes.NOT_FOUND, native.codes.IS_DIR

local opened = {}

local methods = {}
local Opened = { __name = "moonloop.opened", __index = methods }

local PIECE = 128 * 1024 -- bytes that are read at once
local FOR_READ = 1 -- enum fs_open_bits

local facts = ffi.new("ml_fd_facts")

-- What nobody sent or closed goes with the object.
local Held = ffi.metatype(ffi.typeof("struct { int fd; }"), {
	__gc = function(held)
		if held.fd >= 0 then
			C.ml_ex_close_fd(held.fd)
		end
	end,
})

-- Most files are known to the kernel, which opens them without a disk; the others are for a job.
local function open(path, root)
	local fd = not path:find("%z") and C.ml_file_open_now(root, path) or AGAIN
	if fd >= 0 then
		return fd
	elseif fd == NOT_FOUND then
		return nil, "not_found", "No such file or directory"
	end
	return pool.run(pool.OPEN_FILE, root .. "\0" .. path)
end

--- Opens a regular file. Suspends.
-- @param root the path is below it, and what leads out of it is "denied"; nil: any path
-- @return an object with size, mtime and etag (strong: of inode, size and time); nil, code, detail
function opened.open(path, root)
	local fd, code, detail = open(path, root or "")
	if not fd then
		return nil, code, detail
	end
	local held = Held(fd)
	local known = C.ml_fd_facts_of(fd, facts)
	if known ~= 0 then
		return nil, known == IS_DIR and "is_dir" or "invalid", "not a regular file"
	end
	return setmetatable({
		size = facts.size,
		mtime = facts.mtime,
		etag = ('"%x-%x-%x%08x"'):format(facts.inode, facts.size, facts.mtime, facts.mtime_ns),
		path = path,
		held_ = held,
		file_ = nil, -- the same as a moonloop.fs file, to be read
	}, Opened)
end

local function take(self)
	local fd = self.held_.fd
	self.held_.fd = -1
	return fd
end

--- Closes it, unless it was sent.
function methods:close()
	local fd = take(self)
	if fd >= 0 then
		C.ml_ex_close_fd(fd)
	elseif self.file_ then
		self.file_:close()
	end
end

local function reader(self)
	if not self.file_ then
		local id = C.ml_file_adopt(take(self))
		if id == 0 then
			error("too many open files", 0)
		end
		self.file_ = file.new(id, self.path, FOR_READ)
	end
	return self.file_
end

--- An iterator over its bytes in pieces. Each step suspends.
-- @param first, last of the bytes, from 0; all of them without
function methods:pieces(first, last)
	local source = reader(self)
	local at, stop = first or 0, last or self.size - 1
	return function()
		if at > stop then
			return nil
		end
		source:seek("set", at)
		local bytes, code, detail = source:read(math.min(PIECE, stop - at + 1))
		if not bytes then
			error(detail and ("%s (%s)"):format(detail, code) or self.path .. ": it became shorter", 0)
		end
		at = at + #bytes
		return bytes
	end
end

local function send_pieces(self, send, first, last)
	for bytes in self:pieces(first, last) do
		if not send({ type = "http.response.body", body = bytes, more_body = true }) then
			return nil
		end
	end
	return true
end

-- One range, by the kernel if the gateway offers that.
local function send_one(self, req, res, send, first, last)
	local extensions = req.scope.extensions
	if last >= first and extensions and extensions["http.response.file"] then
		send({ type = "http.response.start", status = res.status, headers = res.headers })
		send({ type = "http.response.file", fd = take(self), offset = first, length = last - first + 1 })
		return
	end
	res.headers["content-length"] = tostring(last - first + 1)
	send({ type = "http.response.start", status = res.status, headers = res.headers })
	if send_pieces(self, send, first, last) then
		send({ type = "http.response.body" })
	end
end

-- Several: multipart/byteranges (RFC 9110 14.6).
local function send_many(self, res, send, ranges)
	local boundary = ("%08x%08x"):format(math.random(0, 2 ^ 32 - 1), math.random(0, 2 ^ 32 - 1))
	local heads, total = {}, 0
	for i, one in ipairs(ranges) do
		heads[i] = ("%s--%s\r\ncontent-type: %s\r\ncontent-range: %s\r\n\r\n"):format(i > 1 and "\r\n" or "",
			boundary, res.headers["content-type"], range.format(one, self.size))
		total = total + #heads[i] + one[2] - one[1] + 1
	end
	local tail = "\r\n--" .. boundary .. "--\r\n"
	res.headers["content-type"] = "multipart/byteranges; boundary=" .. boundary
	res.headers["content-length"] = ("%.0f"):format(total + #tail)
	send({ type = "http.response.start", status = res.status, headers = res.headers })
	for i, one in ipairs(ranges) do
		send({ type = "http.response.body", body = heads[i], more_body = true })
		if not send_pieces(self, send, one[1], one[2]) then
			return
		end
	end
	send({ type = "http.response.body", body = tail })
end

--- Sends a response whose content it is, or those ranges of it. Suspends.
-- @param ranges an array of {first, last}, or nil for all of it
function methods:send(req, res, send, ranges)
	if req.method == "HEAD" then
		if not ranges or #ranges == 1 then
			local one = ranges and ranges[1] or { 0, self.size - 1 }
			res.headers["content-length"] = ("%.0f"):format(one[2] - one[1] + 1)
		end
		send({ type = "http.response.start", status = res.status, headers = res.headers, body = "" })
	elseif ranges and #ranges > 1 then
		send_many(self, res, send, ranges)
	else
		local one = ranges and ranges[1] or { 0, self.size - 1 }
		send_one(self, req, res, send, one[1], one[2])
	end
	self:close()
end

return opened
