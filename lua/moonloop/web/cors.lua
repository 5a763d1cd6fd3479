--- Cross-origin resource sharing (WHATWG Fetch 3.3): which other sites' scripts may read our answers.
--
--     app:use(web.cors { origins = { "https://app.example.org", "https://*.example.net" } })
--
-- It belongs on the application, not on a group: a preflight is an OPTIONS request, for which there
-- seldom is a route.

local blame = require("moonloop.core.errors").blame
local errors = require("moonloop.web.errors")
local options = require("moonloop.web.options")
local response = require("moonloop.web.response")

local MAX_AGE = 600
local METHODS = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" }
local TOKEN = "^[%w!#$%%&'*+%-.^_`|~]+$"

local KNOWN = {
	origins = "string|table|function", methods = "table", headers = "string|table", expose = "table",
	credentials = "boolean", max_age = "seconds",
}

-- "https://*.example.net" → a pattern for the names below it, not for itself.
local function pattern_of(origin)
	local scheme, rest = origin:match("^(%l+://)%*(%..+)$")
	if not scheme or rest:find("*", 1, true) then
		blame(('web.cors: origins: a * stands for names below a domain, as in "https://*.example.net", got %s')
			:format(origin))
	end
	return "^" .. scheme:gsub("%p", "%%%0") .. "[%w%-.]+" .. rest:gsub("%p", "%%%0") .. "$"
end

local function check_origin(origin)
	if type(origin) ~= "string" or origin ~= "null" and not origin:find("^%l[%l%d+.-]*://[^/%s%c]+$") then
		blame(('web.cors: an origin is "https://name" or "https://name:port" without a path, got %s')
			:format(tostring(origin)))
	end
end

-- origin, request → whether it may.
local function matcher(origins)
	if type(origins) == "function" then
		return origins
	end
	local exact, patterns = {}, {}
	for _, origin in ipairs(type(origins) == "table" and origins or { origins }) do
		check_origin(origin)
		if origin:find("*", 1, true) then
			patterns[#patterns + 1] = pattern_of(origin)
		else
			exact[origin] = true
		end
	end
	return function(origin)
		if exact[origin] then
			return true
		end
		for _, pattern in ipairs(patterns) do
			if origin:find(pattern) then
				return true
			end
		end
		return false
	end
end

local function names(key, list)
	for _, name in ipairs(list) do
		if type(name) ~= "string" or not name:find(TOKEN) then
			blame(("web.cors: %s must be an array of names, got %s in it"):format(key, tostring(name)))
		end
	end
	return #list > 0 and table.concat(list, ", ") or nil
end

-- The origin may send the field: what Access-Control-Allow-Origin is; nil: it may not.
local function allowed(config, req)
	local origin = req.headers.origin
	if config.any then
		return "*"
	elseif origin and config.may(origin, req) then
		return origin
	end
end

local function is_list_of_names(text)
	for name in text:gmatch("[^,]*") do
		if name:find("%S") and not name:match("^%s*(.-)%s*$"):find(TOKEN) then
			return false
		end
	end
	return true
end

local function preflight(config, req)
	local origin = allowed(config, req)
	if not origin then
		local err = errors.new(403, "this origin may not use this API", { headers = config.vary })
		error(err, 0)
	end
	local asked = req.headers["access-control-request-headers"]
	local headers = config.headers
	if headers == "*" then
		headers = asked and is_list_of_names(asked) and asked or nil
	end
	local res = response.make(204, nil, {
		["access-control-allow-origin"] = origin,
		["access-control-allow-methods"] = config.methods,
		["access-control-allow-headers"] = headers,
		["access-control-allow-credentials"] = config.credentials,
		["access-control-max-age"] = config.max_age,
	})
	if not config.any then
		res:vary("Origin")
	end
	return res:vary("Access-Control-Request-Headers")
end

local function answer(config, req, res)
	if not config.any then
		res:vary("Origin")
	end
	local origin = req.headers.origin and allowed(config, req)
	if origin then
		res = response.own(res)
		res:header("access-control-allow-origin", origin)
		res:header("access-control-allow-credentials", config.credentials)
		res:header("access-control-expose-headers", config.expose)
	end
	return res
end

--- @param given {origins = "*", or an array of origins, "https://*.example.net" for all below a domain,
-- or function(origin, req) → true; credentials = true: with cookies and the Authorization field;
-- methods = GET, HEAD, POST, PUT, PATCH and DELETE; headers = those that may be sent besides the usual,
-- {"content-type", "authorization"} unless told otherwise, or "*" for all; expose = those that scripts
-- may read; max_age = 600 seconds that a browser may remember the answer to a preflight}
-- @return middleware
return function(given)
	given = options.check("web.cors", given, KNOWN)
	if given.origins == nil then
		blame("web.cors: origins is missing: which sites may read the answers?")
	elseif given.origins == "*" and given.credentials then
		blame('web.cors: origins = "*" with credentials would let every site act for your users: name the origins')
	elseif type(given.headers) == "string" and given.headers ~= "*" then
		blame('web.cors: headers must be an array of names or "*", got ' .. given.headers)
	end
	local headers = given.headers or { "content-type", "authorization" }
	local config = {
		any = given.origins == "*",
		may = given.origins ~= "*" and matcher(given.origins),
		methods = names("methods", given.methods or METHODS),
		headers = headers == "*" and "*" or names("headers", headers),
		expose = names("expose", given.expose or {}),
		credentials = given.credentials and "true" or nil,
		max_age = ("%d"):format(given.max_age or MAX_AGE),
		vary = given.origins ~= "*" and { vary = "Origin" } or nil,
	}
	return function(req, next)
		local headers_in = req.headers
		if req.method == "OPTIONS" and headers_in.origin and headers_in["access-control-request-method"] then
			return preflight(config, req)
		end
		return answer(config, req, next(req))
	end
end
