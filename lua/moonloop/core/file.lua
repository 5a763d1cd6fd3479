--- The objects of fs.open, fs.tempfile and fs.tempdir. C holds the descriptor, this the position.

local native = require("moonloop.core.ffi")
local fsops = require("moonloop.core.fsops")
local waits = require("moonloop.core.wait")

local C, ffi = native.C, native.ffi
local blame, call = fsops.blame, fsops.call

local MAX = 2 ^ 53
local AHEAD = 65536 -- bytes read at once for lines

local file = {}

local File = { __name = "moonloop.file" }
File.__index = File

local Tempdir = { __name = "moonloop.tempdir" }
Tempdir.__index = Tempdir

--- @param id the handle, which is closed when the object is collected
-- @param bits enum fs_open_bits of server/runtime/fs_int.h
function file.new(id, path, bits)
	return setmetatable({
		path = path,
		owner_ = ffi.new("ml_file", id),
		readable_ = bit.band(bits, 1) ~= 0,
		writable_ = bit.band(bits, 2) ~= 0,
		append_ = bit.band(bits, 16) ~= 0,
		pos_ = 0, -- where the next read or write is
		ahead_ = "", -- bytes from pos_ on that were read before they were asked for
		busy_ = false, -- an operation waits
		closed_ = false,
	}, File)
end

function file.new_dir(id, path)
	return setmetatable({ path = path, owner_ = ffi.new("ml_file", id) }, Tempdir)
end

local function check(self, name, can)
	if type(self) ~= "table" or getmetatable(self) ~= File then
		blame(("file:%s: expected a file, got a %s; call it as file:%s()"):format(name, type(self), name))
	elseif self.closed_ then
		blame(("file:%s: the file is closed"):format(name))
	elseif self.busy_ then
		blame(("file:%s: another task uses this file now"):format(name))
	elseif can and not self[can] then
		blame(("file:%s: it was not opened for that: %s"):format(name, self.path))
	end
end

local function leave(self, ok, output, code, detail)
	self.busy_ = false
	if not ok then
		error(output, 0)
	elseif output == nil then
		return nil, code, ("%s: %s"):format(self.path, detail)
	end
	return output
end

local function perform(self, op, a, b, rest)
	self.busy_ = true
	return leave(self, pcall(call, op, "", rest, a, b, self.owner_.id))
end

-- The first n bytes of what is ahead.
local function take(self, n)
	local bytes = self.ahead_:sub(1, n)
	self.ahead_ = self.ahead_:sub(n + 1)
	self.pos_ = self.pos_ + #bytes
	return bytes
end

local function read_bytes(self, n)
	local had = #self.ahead_
	if had < n then
		local more, code, detail = perform(self, C.ML_FS_READ, self.pos_ + had, n - had)
		if more == nil then
			return nil, code, detail
		end
		self.ahead_ = self.ahead_ .. more
	end
	if #self.ahead_ == 0 and n > 0 then
		return nil
	end
	return take(self, n)
end

local function read_all(self)
	local had = #self.ahead_
	local more, code, detail = perform(self, C.ML_FS_READ_REST, self.pos_ + had)
	if more == nil then
		return nil, code, detail
	end
	self.ahead_ = self.ahead_ .. more
	return take(self, #self.ahead_)
end

local function read_line(self)
	local parts, from = { self.ahead_ }, self.pos_ + #self.ahead_
	local stop = self.ahead_:find("\n", 1, true)
	while not stop do
		local more, code, detail = perform(self, C.ML_FS_READ, from, AHEAD)
		if more == nil then
			return nil, code, detail
		elseif more == "" then
			break
		end
		from = from + #more
		parts[#parts + 1] = more
		stop = more:find("\n", 1, true)
	end
	-- The part that ends the line becomes what is ahead: a short one, so that taking lines from it is.
	local last = parts[#parts]
	if not stop then
		self.ahead_ = ""
		self.pos_ = from
		local line = table.concat(parts)
		return line ~= "" and line or nil
	end
	parts[#parts] = last:sub(1, stop - 1)
	self.ahead_ = last:sub(stop + 1)
	self.pos_ = from - #self.ahead_
	return table.concat(parts)
end

--- Reads on from the position. Suspends.
-- @param what a number of bytes, fewer of which come only at the end; "all", the rest; "line" (the
-- default), without its end
-- @return a string, "" for "all" at the end; nil at the end; nil, code, detail
function File:read(what)
	check(self, "read", "readable_")
	if what == "line" or what == nil then
		return read_line(self)
	elseif what == "all" then
		return read_all(self)
	elseif type(what) ~= "number" then
		blame('file:read: expected a number of bytes, "all" or "line", got ' .. tostring(what))
	end
	return read_bytes(self, fsops.integer("file:read", "bytes", what, MAX))
end

--- An iterator over the lines from the position on. Each step suspends.
-- @raise what went wrong, at the line of the loop
function File:lines()
	check(self, "lines", "readable_")
	return function()
		check(self, "lines", "readable_")
		local line, code, detail = read_line(self)
		if line == nil and code then
			blame(("file:lines: %s (%s)"):format(detail, code))
		end
		return line
	end
end

--- Writes all of it at the position, or at the end of a file opened for appending. Suspends.
-- @return true; nil, code, detail: part of it may be written, the position is as before
function File:write(data)
	check(self, "write", "writable_")
	fsops.check_data("file:write", data)
	local output, code, detail = perform(self, C.ML_FS_WRITE, self.pos_, 0, data)
	if output == nil then
		return nil, code, detail
	end
	self.pos_, self.ahead_ = fsops.number(output), ""
	return true
end

local function seek_from(self, whence)
	if whence == "set" then
		return 0
	elseif whence == "cur" then
		return self.pos_
	elseif whence ~= "end" then
		blame('file:seek: expected "set", "cur" or "end", got ' .. tostring(whence))
	end
	local output, code, detail = perform(self, C.ML_FS_SIZE)
	if output == nil then
		return nil, code, detail
	end
	return fsops.number(output)
end

--- Sets the position, which may be behind the end. Suspends for "end".
-- @param whence "set", "cur" (the default) or "end"
-- @param offset from there, 0 by default
-- @return the position; nil, code, detail
function File:seek(whence, offset)
	check(self, "seek")
	offset = offset or 0
	if type(offset) ~= "number" or offset % 1 ~= 0 then
		blame("file:seek: offset must be an integer, got " .. tostring(offset))
	end
	local from, code, detail = seek_from(self, whence or "cur")
	if from == nil then
		return nil, code, detail
	end
	if from + offset < 0 or from + offset > MAX then
		return nil, "invalid", self.path .. ": a position before the beginning"
	end
	if from + offset ~= self.pos_ then
		self.pos_, self.ahead_ = from + offset, ""
	end
	return self.pos_
end

local function done(output, code, detail)
	if output == nil then
		return nil, code, detail
	end
	return true
end

--- Cuts or extends the file. Suspends.
-- @param size by default the position
function File:truncate(size)
	check(self, "truncate", "writable_")
	size = fsops.integer("file:truncate", "size", size, MAX, self.pos_)
	self.ahead_ = ""
	return done(perform(self, C.ML_FS_TRUNCATE, size))
end

--- Waits until what was written is on the disk. Suspends.
function File:sync()
	check(self, "sync")
	return done(perform(self, C.ML_FS_SYNC))
end

--- As fs.stat, of the open file. Suspends.
function File:stat()
	check(self, "stat")
	local output, code, detail = perform(self, C.ML_FS_FSTAT)
	if output == nil then
		return nil, code, detail
	end
	return fsops.facts(output)
end

-- Cancelled or refused, the descriptor goes all the same.
local function close(owner)
	local id = owner.id
	owner.id = 0
	local ok, output, code, detail = pcall(call, C.ML_FS_CLOSE, "", nil, 0, 0, id)
	C.ml_file_drop(id)
	if not ok then
		error(output, 0)
	end
	return output, code, detail
end

--- Closes it; a temporary file is removed. What another task does with it ends before. Suspends.
-- Closing twice does nothing.
-- @return true; nil, code, detail when what was written could not be kept
function File:close()
	if type(self) ~= "table" or getmetatable(self) ~= File then
		blame("file:close: expected a file, got a " .. type(self) .. "; call it as file:close()")
	elseif self.closed_ then
		return true
	end
	self.closed_, self.ahead_ = true, ""
	local output, code, detail = close(self.owner_)
	if output == nil then
		return nil, code, ("%s: %s"):format(self.path, detail)
	end
	return true
end

--- Removes the directory and all that is in it. Suspends.
function Tempdir:close()
	if type(self) ~= "table" or getmetatable(self) ~= Tempdir then
		blame("tempdir:close: expected a directory, got a " .. type(self) .. "; call it as dir:close()")
	elseif self.owner_.id == 0 then
		return true
	end
	return done(close(self.owner_))
end
waits.names[Tempdir.close] = "tempdir:close"

for _, verb in ipairs({ "write", "seek", "truncate", "sync", "stat", "close" }) do
	waits.names[File[verb]] = "file:" .. verb
end
for _, fn in ipairs({ read_bytes, read_all, read_line }) do -- File.read ends with a call of one
	waits.names[fn] = "file:read"
end

return file
