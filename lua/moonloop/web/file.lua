--- Answers with a file: `return web.file("report.pdf", { download = true })`. Ranges, conditional
-- requests and HEAD are answered; the bytes go from the disk to the socket without Lua.

local conditional = require("moonloop.web.conditional")
local date = require("moonloop.web.date")
local blame = require("moonloop.core.errors").blame
local errors = require("moonloop.web.errors")
local log = require("moonloop.log")
local mime = require("moonloop.web.mime")
local opened = require("moonloop.web.opened")
local range = require("moonloop.web.range")
local response = require("moonloop.web.response")

local file = {}

local YEAR = 365 * 86400

local OPTIONS = { root = "string", type = "string", download = true, cache = true, status = "number" }

-- The client's ask was good; what is wrong is ours.
local OURS = { queue_full = 503, shutdown = 503, io = 500, cancelled = 503 }

--- Ends the request: the file could not be opened.
function file.refuse(path, code, detail)
	local status = OURS[code]
	if status then
		log.error("web.file", { path = path, code = code, detail = detail })
		errors.raise(status)
	end
	errors.raise(404)
end

--- The value of Cache-Control for what the option `cache` says: seconds, "immutable" or a value.
function file.cache_control(cache)
	if type(cache) == "number" then
		return cache > 0 and ("public, max-age=%d"):format(cache) or "no-cache"
	elseif cache == "immutable" then
		return ("public, max-age=%d, immutable"):format(YEAR)
	end
	return cache
end

--- The value of Content-Disposition for a file to be saved under that name (RFC 6266).
function file.disposition(name)
	local plain = name:gsub("[^\32-\126]", "_"):gsub('["\\]', "_")
	local value = ('attachment; filename="%s"'):format(plain)
	if plain ~= name then
		value = value .. "; filename*=UTF-8''" .. name:gsub("[^%w!#$&+.^_`|~-]", function(c)
			return ("%%%02X"):format(c:byte())
		end)
	end
	return value
end

local function deliver(res, req, send)
	return res.source_:send(req, res, send, res.ranges_)
end

local function pieces(res)
	return res.source_:pieces()
end

local function default(headers, name, value)
	if headers[name] == nil then
		headers[name] = value
	end
end

-- 206 with ranges; 416.
local function narrow(res, req, source)
	if res.status ~= 200 or req.method ~= "GET" and req.method ~= "HEAD" or not req.headers.range
		or not conditional.in_range(req, res.headers.etag, source.mtime) then
		return
	end
	local ranges = range.parse(req.headers.range, source.size)
	if ranges == false then
		source:close()
		errors.raise(416, nil, { headers = { ["content-range"] = ("bytes */%.0f"):format(source.size) } })
	elseif ranges then
		res.status, res.ranges_ = 206, ranges
		if #ranges == 1 then
			res.headers["content-range"] = range.format(ranges[1], source.size)
		end
	end
end

--- Makes an open file the content of a response, as far as the request asks for it.
-- @return the response
-- @raise 412, 416
function file.fill(res, req, source)
	local headers = res.headers
	default(headers, "content-type", mime.of(source.path))
	default(headers, "etag", source.etag)
	default(headers, "last-modified", date.format(source.mtime))
	default(headers, "accept-ranges", "bytes")
	local status = res.status == 200 and conditional.check(req, headers.etag, source.mtime)
	if status then
		source:close()
		if status == 412 then
			errors.raise(412)
		end
		return conditional.not_modified(res)
	end
	res.source_, res.deliver, res.pieces = source, deliver, pieces
	narrow(res, req, source)
	return res
end

-- What the framework calls before any middleware sees the response.
local function resolve(res, req)
	local source, code, detail = opened.open(res.path_, res.root_)
	if not source then
		file.refuse(res.path_, code, detail)
	end
	res.resolve = nil
	return file.fill(res, req, source)
end

local function check(path, options)
	if type(path) ~= "string" or path:find("%z") then
		blame("web.file: the path must be a string without NUL, got " .. tostring(path))
	end
	for key, value in pairs(options) do
		if OPTIONS[key] == nil then
			blame("web.file: unknown option " .. tostring(key))
		elseif OPTIONS[key] ~= true and type(value) ~= OPTIONS[key] then
			blame(("web.file: %s must be a %s, got a %s"):format(key, OPTIONS[key], type(value)))
		end
	end
end

--- A response that is a file. One that is not there is a 404.
-- @param path of a regular file
-- @param options {root = a directory: the path is below it, and nothing leads out of it (for paths that
-- come from clients); type = media type, by default from the name; download = true, or the name under
-- which it is to be saved; cache = seconds, "immutable", or a Cache-Control; status = 200}
function file.new(path, options)
	options = options or {}
	check(path, options)
	local res = response.make(options.status or 200)
	res.path_, res.root_, res.resolve = path, options.root, resolve
	res.headers["content-type"] = options.type
	res.headers["cache-control"] = file.cache_control(options.cache)
	if options.download then
		local name = type(options.download) == "string" and options.download or path:match("[^/]*$")
		res.headers["content-disposition"] = file.disposition(name)
	end
	return res
end

return setmetatable(file, {
	__call = function(_, path, options)
		return file.new(path, options)
	end,
})
