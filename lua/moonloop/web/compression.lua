--- Middleware: `app:use(web.compression{})` compresses responses for clients that take it, and on
-- request what they send.

local blame = require("moonloop.core.errors").blame
local compress = require("moonloop.compress")
local errors = require("moonloop.web.errors")
local mime = require("moonloop.web.mime")
local negotiate = require("moonloop.web.negotiate")
local options = require("moonloop.web.options")
local task = require("moonloop.task")

local compression = {}

local OPTIONS = { codings = "table", levels = "table", min_bytes = "count", types = "function",
	requests = "boolean", max_bytes = "count" }

local CODINGS = { "br", "zstd", "gzip" }
local MIN_BYTES = 1024
local MAX_BYTES = 16 * 1024 * 1024

-- At once: a larger text is compressed in such slices, between which others have their turn.
local SLICE = 64 * 1024

-- Whether the response has a content that may be compressed, whoever asks.
local function is_eligible(self, res)
	local headers = res.headers
	local kind = headers["content-type"]
	return res.status >= 200 and res.status ~= 204 and res.status ~= 206 and res.status ~= 304
		and not headers["content-encoding"] and kind ~= nil and self.types(kind)
		and not (headers["cache-control"] or ""):lower():find("no-transform", 1, true)
end

-- How much there is; math.huge: a stream; nil: nothing that could be compressed here.
local function size_of(res)
	if res.pieces then
		return res.source_.size
	elseif res.deliver then
		return nil
	end
	return res.stream and math.huge or res.body and #res.body
end

-- The streams that take the place of a content.

local function of_text(text)
	return function(encoder, write)
		for at = 1, #text, SLICE do
			if not write(encoder:write(text:sub(at, at + SLICE - 1))) then
				return false
			end
			task.sleep(0)
		end
		return true
	end
end

local function of_pieces(res)
	local pieces = res:pieces()
	return function(encoder, write)
		for bytes in pieces do
			if not write(encoder:write(bytes)) then
				return false
			end
		end
		return true
	end
end

-- What a stream has written is there for the client at once.
local function of_stream(stream)
	return function(encoder, write)
		local alive = true
		local function put(data)
			data = type(data) == "table" and table.concat(data) or data
			local ok, code = write(encoder:write(data) .. encoder:flush())
			alive = ok
			return ok, code
		end
		while alive do
			local data = stream(put)
			if data == nil then
				break
			end
			put(data)
		end
		return alive
	end
end

local function streamed(source, coding, level)
	return function(write)
		local encoder = compress.encoder(coding, { level = level })
		local alive = source(encoder, function(bytes)
			if bytes == "" then
				return true
			end
			return write(bytes)
		end)
		if alive then
			write(encoder:finish())
		end
		encoder:close()
	end
end

local function replace_content(res, coding, level)
	local text = res.body
	if res.pieces then
		res.stream = streamed(of_pieces(res), coding, level)
		res.deliver, res.pieces = nil, nil
	elseif res.stream then
		res.stream = streamed(of_stream(res.stream), coding, level)
	elseif #text <= SLICE then
		res.body = compress.encode(text, coding, { level = level })
	else
		res.body, res.stream = nil, streamed(of_text(text), coding, level)
	end
end

-- The bytes differ, so a strong tag is one no more, and ranges would be of other bytes.
local function describe(res, coding)
	local headers = res.headers
	headers["content-encoding"] = coding
	headers["content-length"], headers["accept-ranges"] = nil, nil
	if headers.etag and headers.etag:sub(1, 2) ~= "W/" then
		headers.etag = "W/" .. headers.etag
	end
end

local function pack(self, req, res)
	if res.status == 304 then
		return res:vary("accept-encoding")
	elseif not is_eligible(self, res) then
		return res
	end
	local size = size_of(res)
	if not size or size < self.min_bytes then
		return res
	end
	res:vary("accept-encoding")
	local coding = negotiate.encoding(req.headers["accept-encoding"], self.codings)
	if coding == "identity" then
		return res
	end
	describe(res, coding)
	if req.method == "HEAD" then
		res.body, res.stream, res.deliver, res.pieces = "", nil, nil, nil
	else
		replace_content(res, coding, self.levels[coding])
	end
	return res
end

-- Requests.

local function forget(headers, name)
	headers[name] = nil
	for i = #headers, 1, -1 do
		if headers[i][1] == name then
			table.remove(headers, i)
		end
	end
end

local function inflate(decoder, message)
	local data, code, detail = decoder:write(message.body)
	if data and not message.more_body then
		local ok
		ok, code, detail = decoder:finish()
		data = ok and data
	end
	if data then
		return data
	elseif code == "too_large" then
		errors.raise(413, "the body is too large when it is decompressed: " .. detail, { limit = "max_bytes" })
	end
	errors.raise(400, "the body cannot be decompressed: " .. detail)
end

local function unpack_request(self, req)
	local coding = (req.headers["content-encoding"] or ""):lower():gsub("%s+", ""):gsub("^x%-gzip$", "gzip")
	if coding == "" or coding == "identity" then
		return
	elseif coding == "deflate-raw" or not compress.levels[coding] then
		errors.raise(415, "unknown content-encoding: " .. coding:sub(1, 60), {
			headers = { ["accept-encoding"] = "br, zstd, gzip, deflate" },
		})
	end
	local decoder = compress.decoder(coding, { max = self.max_bytes })
	local receive = req.receive_
	req.receive_ = function(timeout)
		while true do
			local message, code = receive(timeout)
			if not message or message.type ~= "http.request" then
				decoder:close()
				return message, code
			end
			local data = inflate(decoder, message)
			if data ~= "" or not message.more_body then
				return { type = "http.request", body = data, more_body = message.more_body }
			end
		end
	end
	forget(req.headers, "content-encoding")
	forget(req.headers, "content-length")
end

local function check_codings(given, levels)
	for i, coding in ipairs(given) do
		if not compress.levels[coding] or coding == "deflate-raw" then
			blame(("web.compression: codings[%d] must be br, zstd, gzip or deflate, got %s"):format(i,
				tostring(coding)))
		end
	end
	for coding, level in pairs(levels) do
		local known = compress.levels[coding]
		if not known or type(level) ~= "number" or level % 1 ~= 0 or level < known[1] or level > known[2] then
			blame(("web.compression: levels.%s must be an integer that the format knows, got %s"):format(
				tostring(coding), tostring(level)))
		end
	end
end

--- @param given {codings = {"br", "zstd", "gzip"}, the best first; levels = coding → level; min_bytes =
-- 1024, smaller ones stay as they are; types = function(content_type) → whether to compress it;
-- requests = true: bodies that come compressed are decompressed; max_bytes = of such a body then, 16 MiB}
function compression.new(given)
	given = options.check("web.compression", given, OPTIONS)
	local self = {
		codings = given.codings or CODINGS,
		levels = given.levels or {},
		min_bytes = given.min_bytes or MIN_BYTES,
		types = given.types or mime.compressible,
		max_bytes = given.max_bytes or MAX_BYTES,
	}
	check_codings(self.codings, self.levels)
	return function(req, next)
		if given.requests then
			unpack_request(self, req)
		end
		return pack(self, req, next(req))
	end
end

return setmetatable(compression, {
	__call = function(_, given)
		return compression.new(given)
	end,
})
