--- Compression: gzip and deflate (RFC 1950 to 1952), brotli (RFC 7932), zstd (RFC 8878).
--
--     local compress = require "moonloop.compress"
--     local small = compress.encode(("moon"):rep(1000), "gzip")
--     assert(compress.decode(small, "gzip") == ("moon"):rep(1000))
--
-- The formats are named as HTTP does: "gzip", "br", "zstd", "deflate", and "deflate-raw" without any
-- header. Nothing here waits, so megabytes hold up the loop: cut them, or use thread.run.

local blame = require("moonloop.core.errors").blame
local codes = require("moonloop.core.err")
local keys = require("moonloop.core.keys")
local native = require("moonloop.core.native").zip

local RUN, FLUSH, END = 0, 1, 2 -- enum zip_step
local TOO_LARGE = codes.TOO_LARGE

local MAX = 64 * 1024 * 1024

local compress = {}

--- format → {lowest level, highest, default}
compress.levels = native.levels

local function names()
	return table.concat(keys(native.levels), ", ")
end

local function check(fn, format, options, known)
	if type(format) ~= "string" or not native.levels[format] then
		blame(("compress.%s: unknown format %s; there are %s"):format(fn, tostring(format), names()))
	elseif options ~= nil and type(options) ~= "table" then
		blame(("compress.%s: options must be a table, got a %s"):format(fn, type(options)))
	end
	for key in pairs(options or {}) do
		if key ~= known then
			blame(("compress.%s: unknown option %s"):format(fn, tostring(key)))
		end
	end
end

local function check_data(fn, data)
	if type(data) ~= "string" then
		blame(("%s: data must be a string, got a %s"):format(fn, type(data)))
	end
end

local function level_of(fn, format, options)
	local levels = native.levels[format]
	local level = options and options.level or levels[3]
	if type(level) ~= "number" or level % 1 ~= 0 or level < levels[1] or level > levels[2] then
		blame(("compress.%s: the level of %s must be an integer from %d to %d, got %s"):format(fn, format,
			levels[1], levels[2], tostring(level)))
	end
	return level
end

local function max_of(fn, options)
	local max = options and options.max or MAX
	if type(max) ~= "number" or max < 0 then
		blame(("compress.%s: max must be a number of bytes, got %s"):format(fn, tostring(max)))
	end
	return max
end

-- Encoders.

local encoder_methods = {}
local Encoder = { __name = "moonloop.encoder", __index = encoder_methods }

local function step(self, name, data, what)
	if getmetatable(self) ~= Encoder then
		blame(("encoder:%s: expected an encoder, got a %s; call it as encoder:%s()"):format(name, type(self), name))
	end
	local bytes = native.write(self.stream_, data, what)
	if not bytes then
		blame(("encoder:%s: it is finished"):format(name))
	end
	return bytes
end

--- Takes data.
-- @return the bytes that are ready, maybe none
function encoder_methods:write(data)
	check_data("encoder:write", data)
	return step(self, "write", data, RUN)
end

--- @return bytes with which the reader gets all that was written so far
function encoder_methods:flush()
	return step(self, "flush", "", FLUSH)
end

--- Takes the last data, if any, and frees the memory.
-- @return the last bytes
function encoder_methods:finish(data)
	if data ~= nil then
		check_data("encoder:finish", data)
	end
	return step(self, "finish", data or "", END)
end

--- Frees the memory. Closing twice does nothing.
function encoder_methods:close()
	native.close(self.stream_)
end

--- A stream of compression.
-- @param options {level = as compress.levels has it}
function compress.encoder(format, options)
	check("encoder", format, options, "level")
	return setmetatable({ stream_ = native.writer(format, level_of("encoder", format, options)) }, Encoder)
end

--- Compresses a string.
-- @param options {level = as compress.levels has it}
function compress.encode(data, format, options)
	check("encode", format, options, "level")
	check_data("compress.encode", data)
	return (native.write(native.writer(format, level_of("encode", format, options)), data, END))
end

-- Decoders.

local decoder_methods = {}
local Decoder = { __name = "moonloop.decoder", __index = decoder_methods }

local function refused(format, code, max)
	if code == TOO_LARGE then
		return nil, "too_large", ("more than %.0f bytes"):format(max)
	end
	return nil, "invalid", "it is no " .. format
end

--- Takes compressed bytes.
-- @return the data that is ready, maybe none; nil, "invalid" or "too_large", detail: it is closed then
function decoder_methods:write(bytes)
	if getmetatable(self) ~= Decoder then
		blame("decoder:write: expected a decoder, got a " .. type(self) .. "; call it as decoder:write()")
	end
	check_data("decoder:write", bytes)
	local data, ended = native.read(self.stream_, bytes, self.max_ - self.size)
	if not data then
		return refused(self.format, ended, self.max_)
	end
	self.size, self.ended = self.size + #data, ended
	return data
end

--- Frees the memory.
-- @return true; nil, "invalid", detail when the data is not complete
function decoder_methods:finish()
	native.close(self.stream_)
	if not self.ended then
		return nil, "invalid", self.format .. " that ends too early"
	end
	return true
end

--- Frees the memory. Closing twice does nothing.
function decoder_methods:close()
	native.close(self.stream_)
end

--- A stream of decompression.
-- @param options {max = bytes of data, 64 MiB; a small text may become very large}
function compress.decoder(format, options)
	check("decoder", format, options, "max")
	return setmetatable({
		format = format,
		size = 0, -- of the data so far
		ended = false, -- it is complete
		max_ = max_of("decoder", options),
		stream_ = native.reader(format),
	}, Decoder)
end

--- Decompresses a string.
-- @param options {max = bytes of data, 64 MiB}
-- @return the data; nil, "invalid" or "too_large", detail
function compress.decode(bytes, format, options)
	check_data("compress.decode", bytes)
	local decoder = compress.decoder(format, options)
	local data, code, detail = decoder:write(bytes)
	if not data then
		return nil, code, detail
	end
	local ok
	ok, code, detail = decoder:finish()
	if not ok then
		return nil, code, detail
	end
	return data
end

return compress
