--- Messages over a socket: a kind, one letter, and a text. On the wire four bytes of length, the most
-- significant first, then the letter and the text. One task reads; any number write.

local native = require("moonloop.core.ffi")
local pipe = require("moonloop.core.pipe") -- which also closes streams that are collected
local sync = require("moonloop.sync")
local task = require("moonloop.core.task")
local waits = require("moonloop.core.wait")

local C, ffi, piece = native.C, native.ffi, native.piece
local AGAIN = native.codes.AGAIN
local band, rshift = bit.band, bit.rshift

local MAX = 16 * 2 ^ 20 -- bytes of a message

local Channel = { __name = "moonloop.channel" }
Channel.__index = Channel

local channel = {}

--- Takes the open file of a connection. Reading and writing wait apart, so each has a stream.
function channel.new(file)
	local self = setmetatable({
		reader_ = ffi.new("ml_stream", C.ml_stream_open(file)),
		writer_ = ffi.new("ml_stream", C.ml_stream_open(file)),
		writing_ = sync.mutex(),
		ahead_ = "", -- read, and not yet taken
	}, Channel)
	C.ml_file_drop(file)
	return self
end

-- Suspends until n bytes are ahead; nil: the connection ended.
local function fill(self, n)
	while #self.ahead_ < n do
		local rc = C.ml_stream_read(self.reader_.id, piece)
		if rc == AGAIN then
			task.wait()
		elseif rc < 0 or piece.n == 0 then
			return nil
		else
			self.ahead_ = self.ahead_ .. ffi.string(piece.p, piece.n)
		end
	end
	return true
end

--- Suspends until there is a message.
-- @return kind, text; nil when the connection ended, or is no such channel
function Channel:read()
	if not fill(self, 5) then
		return nil
	end
	local a, b, c, d, kind = self.ahead_:byte(1, 5)
	local n = ((a * 256 + b) * 256 + c) * 256 + d
	if n > MAX or not fill(self, 5 + n) then
		return nil
	end
	local text = self.ahead_:sub(6, 5 + n)
	self.ahead_ = self.ahead_:sub(6 + n)
	return string.char(kind), text
end

waits.names[Channel.read] = "channel:read"

--- Suspends until it is on its way.
-- @return true; nil, code when nobody reads, or it is too long
function Channel:write(kind, text)
	local n = #text
	if n > MAX then
		return nil, "too_large"
	end
	self.writing_:lock()
	local head = string.char(rshift(n, 24), band(rshift(n, 16), 255), band(rshift(n, 8), 255), band(n, 255))
	local ok, result, code = pcall(pipe.write_all, self.writer_.id, head .. kind .. text)
	self.writing_:unlock()
	if not ok then -- cancelled, maybe in the middle of a message
		self:close()
		error(result, 0)
	end
	return result, code and native.name(code)
end

function Channel:close()
	C.ml_stream_close(self.reader_.id)
	C.ml_stream_close(self.writer_.id)
end

return channel
