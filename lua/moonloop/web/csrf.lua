--- Cross-site request forgery: a request that changes something must come from our own pages.
--
--     app:use(web.session { secret = SECRET }, web.csrf())
--     app:get("/form", function(req) return web.html(("<form method=post>%s..."):format(req.csrf.field)) end)
--
-- Two things are asked of every request that is not GET, HEAD, OPTIONS or TRACE: that the browser does
-- not say it comes from elsewhere (Sec-Fetch-Site, Origin), and that it brings the token, in the form's
-- field or the header. The token is in the session; or, with a secret, in a signed cookie of its own.
-- In a page it looks different each time, so that compression does not give it away (BREACH).

local blame = require("moonloop.core.errors").blame
local crypto = require("moonloop.crypto")
local encoding = require("moonloop.encoding")
local errors = require("moonloop.web.errors")
local html = require("moonloop.web.html")
local options = require("moonloop.web.options")
local response = require("moonloop.web.response")
local seals = require("moonloop.crypto.seal")

local bxor = bit.bxor

local SAFE = { GET = true, HEAD = true, OPTIONS = true, TRACE = true }
local FIELD, HEADER, COOKIE = "csrf_token", "x-csrf-token", "csrf"
local BYTES = 32
local KEY = "_csrf" -- of the session

local KNOWN = {
	secret = "string|table", field = "string", header = "string", cookie = "string", readable = "boolean",
	origins = "table", exempt = "function", bind = "function",
}

-- Tokens: 32 random bytes, and the same under a mask, as they stand in pages.

local function mixed(a, b)
	local out = {}
	for i = 1, BYTES do
		out[i] = bxor(a:byte(i), b:byte(i))
	end
	return string.char(unpack(out))
end

local function masked(bytes)
	local mask = crypto.random_bytes(BYTES)
	return encoding.to_base64url(mask .. mixed(mask, bytes))
end

-- The bytes behind a token that a client sent; nil: it is none.
local function unmasked(token)
	local bytes = encoding.from_base64url(token)
	if bytes and #bytes == 2 * BYTES then
		return mixed(bytes, bytes:sub(BYTES + 1))
	end
	return bytes and #bytes == BYTES and bytes or nil
end

-- The cookie: bytes and their code, bound to what the application binds it to.

local function code_of(config, secret, bytes, req)
	local bound = config.bind and config.bind(req) or ""
	return crypto.hmac("sha256", secret, "moonloop csrf 1 " .. bytes .. tostring(bound))
end

local function cookie_name(config, req)
	return req.scheme == "https" and "__Host-" .. config.cookie or config.cookie
end

local function from_cookie(config, req)
	local value = req.cookies[cookie_name(config, req)]
	local bytes = value and encoding.from_base64url(value)
	if not bytes or #bytes ~= 2 * BYTES then
		return nil
	end
	local random, code = bytes:sub(1, BYTES), bytes:sub(BYTES + 1)
	for _, secret in ipairs(config.secrets) do
		if crypto.equals(code, code_of(config, secret, random, req)) then
			return random
		end
	end
end

local function from_session(req)
	local session = req.session
	if not session then
		error("web.csrf: put web.session in front of it, or give it a secret", 0)
	end
	local text = rawget(session, KEY)
	return type(text) == "string" and encoding.from_base64url(text) or nil
end

local function known_bytes(config, req)
	local bytes
	if config.secrets then
		bytes = from_cookie(config, req)
	else
		bytes = from_session(req)
	end
	return bytes and #bytes == BYTES and bytes or nil
end

-- What req.csrf is: made when a page first asks for it.
local function load_csrf(config, req)
	local bytes = known_bytes(config, req)
	if not bytes then
		bytes = crypto.random_bytes(BYTES)
		if config.secrets then
			req.new_csrf_ = bytes
		else
			req.session[KEY] = encoding.to_base64url(bytes)
		end
	end
	local token = masked(bytes)
	return {
		token = token,
		field = html.safe(('<input type="hidden" name="%s" value="%s">'):format(html.escape(config.field), token)),
	}
end

-- Checks.

local function refuse(what)
	errors.raise(403, "the request was refused as a forgery: " .. what)
end

local function check_origin(config, req)
	local site, origin = req.headers["sec-fetch-site"], req.headers.origin
	local own = ("%s://%s"):format(req.scheme, req.headers.host or "")
	if origin and config.origins[origin] then
		return
	elseif site and site ~= "same-origin" and site ~= "none" then
		refuse("it comes from another site")
	elseif not site and origin and origin:lower() ~= own:lower() then
		refuse("it comes from another origin")
	end
end

local FORMS = { ["application/x-www-form-urlencoded"] = true, ["multipart/form-data"] = true }

local function check_token(config, req)
	local known = known_bytes(config, req)
	if not known then
		refuse("there is no token for this client yet: get the page with the form first, with cookies")
	end
	local given = req.headers[config.header]
	if not given and FORMS[req:media_type()] then
		given = req:form()[config.field]
	end
	if type(given) ~= "string" then
		refuse(("the token is missing, in the header %s or the field %s"):format(config.header, config.field))
	end
	-- In the header a page's own script may send the cookie as it found it: bytes and their code.
	local bytes = config.readable and given == req.cookies[cookie_name(config, req)] and known or unmasked(given)
	if not bytes or not crypto.equals(bytes, known) then
		refuse("the token is another client's, or from before a login")
	end
end

local function set_cookie(config, req, res)
	local bytes = req.new_csrf_
	res = response.own(res)
	return res:cookie(cookie_name(config, req),
		encoding.to_base64url(bytes .. code_of(config, config.secrets[1], bytes, req)), {
			secure = req.scheme == "https",
			http_only = not config.readable,
		})
end

--- @param given {secret = a string of at least 32 bytes, or an array of them, the newest first: the token
-- is in a cookie of its own; without, in the session; field = "csrf_token", header = "x-csrf-token";
-- origins = {"https://app.example.org"}, others that may send requests; exempt = function(req) → true
-- for what is not checked; with a secret also cookie = "csrf", readable = true for scripts that copy the
-- cookie into the header, bind = function(req) → a text that the token belongs to: who is logged in}
-- @return middleware: req.csrf.token, and req.csrf.field for forms
return function(given)
	given = options.check("web.csrf", given, KNOWN)
	local config = {
		secrets = given.secret and seals.secrets("web.csrf", given.secret),
		field = given.field or FIELD,
		header = (given.header or HEADER):lower(),
		cookie = given.cookie or COOKIE,
		readable = given.readable or false,
		origins = options.set("web.csrf", "origins", given.origins),
		bind = given.bind,
	}
	local exempt = given.exempt
	if not config.secrets and (given.cookie or given.readable or given.bind) then
		blame("web.csrf: cookie, readable and bind need a secret")
	end
	return function(req, next)
		function req.load_csrf_()
			return load_csrf(config, req)
		end
		if not SAFE[req.method] and not (exempt and exempt(req)) then
			check_origin(config, req)
			check_token(config, req)
		end
		local res = next(req)
		if rawget(req, "csrf") then
			res:vary("Cookie")
			return rawget(req, "new_csrf_") and set_cookie(config, req, res) or res
		end
		return res
	end
end
