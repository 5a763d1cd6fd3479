--- Who a client is: what authentication has in common.
--
-- A scheme is a function(req) that answers who the client is: req.auth = {user =, scopes = a set, claims
-- =, scheme = its name}; or nil, "missing" or "invalid", and a sentence. bearer.lua and basic_auth.lua
-- make middleware of it, which demands it of everything behind it; app:security_scheme takes the same
-- middleware for routes that name it in `security`.

local errors = require("moonloop.web.errors")
local secured = require("moonloop.web.secured")

local auth = {}

-- middleware → {ask = function(req), challenge = function(code, detail, scopes), document =}
local schemes = setmetatable({}, { __mode = "k" })

--- A text as a quoted-string (RFC 9110 5.6.4).
function auth.quoted(text)
	return '"' .. text:gsub("[%c\127-\255]", "?"):gsub('["\\]', "\\%0") .. '"'
end

--- Scopes as a set: from an array, a set, or the text of a token's scope claim (RFC 8693 4.2).
function auth.scopes(given)
	local set = {}
	if type(given) == "string" then
		for scope in given:gmatch("%S+") do
			set[scope] = true
		end
	elseif type(given) == "table" then
		for key, scope in pairs(given) do
			set[type(key) == "string" and key or scope] = scope and true or nil
		end
	end
	return set
end

--- Raises 401, and what the client has to send.
function auth.refuse(scheme, code, detail)
	errors.raise(401, detail, { headers = { ["www-authenticate"] = scheme.challenge(code, detail) } })
end

--- Middleware that demands a scheme.
-- @param name of the scheme in documents
-- @param scheme {ask =, challenge =, document = an OpenAPI Security Scheme Object}
-- @param optional true: who brings nothing passes, without req.auth; who brings something wrong does not
function auth.middleware(name, scheme, optional)
	local function middleware(req, next)
		local who, code, detail = scheme.ask(req)
		if who then
			req.auth = who
		elseif not (optional and code == "missing") then
			auth.refuse(scheme, code, detail)
		end
		return next(req)
	end
	schemes[middleware] = scheme
	if not optional then
		secured.mark(middleware, name, scheme.document)
	end
	return middleware
end

--- The scheme behind a middleware, or nil.
function auth.of(middleware)
	return schemes[middleware]
end

return auth
