--- Conditional requests (RFC 9110 13): whether the client's copy will do. As middleware,
-- app:use(web.conditional{}), it answers 304 and 412 for what handlers make.

local blame = require("moonloop.core.errors").blame
local date = require("moonloop.web.date")
local errors = require("moonloop.web.errors")

local floor = math.floor

local conditional = {}

-- Whether a list of entity tags has that one. strong: neither may be weak (RFC 9110 8.8.3.2).
local function has(list, tag, strong)
	if list:find("^%s*%*%s*$") then
		return true
	elseif not tag or strong and tag:sub(1, 2) == "W/" then
		return false
	end
	local opaque = tag:gsub("^W/", "")
	for weak, one in list:gmatch('(W?/?)("[^"]*")') do
		if one == opaque and not (strong and weak ~= "") then
			return true
		end
	end
	return false
end

local function reads(method)
	return method == "GET" or method == "HEAD"
end

--- What the preconditions of a request say of a representation, in the order of RFC 9110 13.2.2.
-- @param etag with its quotes, or nil
-- @param mtime seconds since 1970, or nil
-- @return nil: go on; 304; 412
function conditional.check(req, etag, mtime)
	local headers = req.headers
	local match, since = headers["if-match"], headers["if-unmodified-since"]
	if match then
		if not has(match, etag, true) then
			return 412
		end
	elseif since and mtime then
		local at = date.parse(since)
		if at and floor(mtime) > at then
			return 412
		end
	end
	match, since = headers["if-none-match"], headers["if-modified-since"]
	if match then
		if has(match, etag, false) then
			return reads(req.method) and 304 or 412
		end
	elseif since and mtime and reads(req.method) then
		local at = date.parse(since)
		if at and floor(mtime) <= at then
			return 304
		end
	end
end

--- Whether If-Range, if there, lets a range be sent (RFC 9110 13.1.5).
function conditional.in_range(req, etag, mtime)
	local given = req.headers["if-range"]
	if not given then
		return true
	elseif given:find('"', 1, true) then
		return has(given, etag, true)
	end
	return mtime ~= nil and date.parse(given) == floor(mtime)
end

-- What a 304 says of the representation (RFC 9110 15.4.5) stays, what describes a content goes.
local CONTENT = { "content-type", "content-length", "content-encoding", "content-language", "content-range" }

--- Makes a response a 304.
-- @return the response
function conditional.not_modified(res)
	for _, name in ipairs(CONTENT) do
		res.headers[name] = nil
	end
	res.status, res.body, res.stream, res.deliver = 304, nil, nil, nil
	return res
end

local function answer(req, res)
	local etag, modified = res.headers.etag, res.headers["last-modified"]
	if res.status ~= 200 or not (etag or modified) or not reads(req.method) then
		return res
	end
	local status = conditional.check(req, etag, modified and date.parse(modified))
	if status == 304 then
		return conditional.not_modified(res)
	elseif status == 412 then
		errors.raise(412)
	end
	return res
end

--- Middleware: a 200 of GET or HEAD with ETag or Last-Modified is held against the request.
-- @param options {etag = true: gives an entity tag to what has none and is no stream}
function conditional.new(options)
	options = options or {}
	for key in pairs(options) do
		if key ~= "etag" then
			blame("web.conditional: unknown option " .. tostring(key))
		end
	end
	return function(req, next)
		local res = next(req)
		if options.etag and res.status == 200 and res.body and not res.headers.etag then
			res:etag()
		end
		return answer(req, res)
	end
end

return setmetatable(conditional, {
	__call = function(_, options)
		return conditional.new(options)
	end,
})
