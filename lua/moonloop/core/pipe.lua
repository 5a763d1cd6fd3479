--- The standard streams of moonloop.process: pipes that the loop reads and writes.

local native = require("moonloop.core.ffi")
local fsops = require("moonloop.core.fsops")
local task = require("moonloop.core.task")
local waits = require("moonloop.core.wait")

local C, ffi, piece = native.C, native.ffi, native.piece
local AGAIN = native.codes.AGAIN
local blame = fsops.blame

ffi.metatype("ml_stream", {
	__gc = function(stream)
		C.ml_stream_close(stream.id)
	end,
})

local pipe = {}

local Pipe = { __name = "moonloop.pipe" }
Pipe.__index = Pipe

--- @param file the handle of ML_FS_SPAWN; 0: none
-- @return a pipe, or nil
function pipe.new(file, name, owner)
	if file == 0 then
		return nil
	end
	local id = C.ml_stream_open(file)
	C.ml_file_drop(file)
	return setmetatable({
		name_ = name,
		owner_ = owner, -- the process lives as long as its pipes are read
		stream_ = ffi.new("ml_stream", id),
		ahead_ = "", -- read, and not yet asked for
		busy_ = false,
		closed_ = false,
	}, Pipe)
end

local function check(self, verb)
	if type(self) ~= "table" or getmetatable(self) ~= Pipe then
		blame(("pipe:%s: expected a pipe, got a %s; call it as pipe:%s()"):format(verb, type(self), verb))
	elseif self.closed_ then
		blame(("%s:%s: it is closed"):format(self.name_, verb))
	elseif self.busy_ then
		blame(("%s:%s: another task uses it now"):format(self.name_, verb))
	elseif (verb == "write") ~= (self.name_ == "stdin") then
		blame(("%s:%s: it goes the other way"):format(self.name_, verb))
	end
end

local function leave(self, ok, value, code, detail)
	self.busy_ = false
	if not ok then
		error(value, 0)
	end
	return value, code, detail
end

local function perform(self, fn, arg)
	self.busy_ = true
	return leave(self, pcall(fn, self, arg))
end

local function fail(self, rc)
	local code = native.name(rc)
	return nil, code, self.name_ .. (code == "closed" and ": nobody reads it" or ": " .. code)
end

-- What is there: "" at the end.
local function some(self)
	while true do
		local rc = C.ml_stream_read(self.stream_.id, piece)
		if rc == 0 then
			return ffi.string(piece.p, piece.n)
		elseif rc ~= AGAIN then
			return fail(self, rc)
		end
		task.wait()
	end
end

local function take(self, n, skip)
	local bytes = self.ahead_:sub(1, n)
	self.ahead_ = self.ahead_:sub(n + 1 + (skip or 0))
	return bytes
end

-- Reads until stop(ahead, from) says how much of it is wanted, and how much is dropped behind that.
local function read_until(self, stop)
	local parts, had = { self.ahead_ }, 0
	while true do
		local last = parts[#parts]
		local n, skip = stop(last, had)
		if n then
			self.ahead_ = table.concat(parts)
			return take(self, had + n, skip)
		end
		local more, code, detail = some(self)
		if more == nil or more == "" then
			self.ahead_ = table.concat(parts)
			if more == nil then
				return nil, code, detail
			end
			return self.ahead_ ~= "" and take(self, #self.ahead_) or nil
		end
		had = had + #last
		parts[#parts + 1] = more
	end
end
waits.names[read_until] = "pipe:read"

local function stop_at_line(bytes)
	local at = bytes:find("\n", 1, true)
	if at then
		return at - 1, 1
	end
end

local function stop_never()
end

--- Suspends.
-- @param what "some" (the default): what is there, at least a byte; "line", without its end; "all"; or
-- a number of bytes
-- @return a string; nil at the end, of "all" an empty string; nil, code, detail
function Pipe:read(what)
	check(self, "read")
	if what == nil or what == "some" then
		return perform(self, read_until, function(bytes)
			return #bytes > 0 and #bytes or nil
		end)
	elseif what == "line" then
		return perform(self, read_until, stop_at_line)
	elseif what == "all" then
		local bytes, code, detail = perform(self, read_until, stop_never)
		if bytes == nil and code == nil then
			return ""
		end
		return bytes, code, detail
	elseif type(what) ~= "number" then
		blame(('%s:read: expected "some", "line", "all" or a number, got %s'):format(self.name_, tostring(what)))
	end
	local n = fsops.integer(self.name_ .. ":read", "bytes", what, 2 ^ 31)
	return perform(self, read_until, function(bytes, had)
		return had + #bytes >= n and n - had or nil
	end)
end

--- An iterator over the lines. Each step suspends.
function Pipe:lines()
	check(self, "lines")
	return function()
		local line, code, detail = self:read("line")
		if line == nil and code then
			blame(("%s:lines: %s (%s)"):format(self.name_, detail, code))
		end
		return line
	end
end

--- Writes all of it to a stream. Suspends while it is full.
-- @param id of the stream
-- @return true; nil and the code, a number
function pipe.write_all(id, data)
	local from = 0
	while from < #data do
		local n = C.ml_stream_write(id, data, #data, from)
		if n >= 0 then
			from = from + n
		elseif n == AGAIN then
			task.wait()
		else
			return nil, n
		end
	end
	return true
end
waits.names[pipe.write_all] = "pipe:write"

local function write_all(self, data)
	local ok, rc = pipe.write_all(self.stream_.id, data)
	if not ok then
		return fail(self, rc)
	end
	return true
end

--- Writes all of it. Suspends while the pipe is full.
-- @return true; nil, "closed" when the process reads no more, detail
function Pipe:write(data)
	check(self, "write")
	fsops.check_data("stdin:write", data)
	return perform(self, write_all, data)
end

--- Closes it; a task that waits for it gets nil, "gone". Does not suspend.
function Pipe:close()
	if type(self) ~= "table" or getmetatable(self) ~= Pipe then
		blame("pipe:close: expected a pipe, got a " .. type(self) .. "; call it as pipe:close()")
	end
	self.closed_ = true
	C.ml_stream_close(self.stream_.id)
	return true
end

return pipe
