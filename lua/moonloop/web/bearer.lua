--- Bearer tokens (RFC 6750), in the Authorization field: JSON Web Tokens, or what you look up yourself.
--
--     app:use(web.bearer { jwt = { alg = "HS256", key = os.getenv("SECRET") } })
--     app:get("/me", function(req) return { id = req.auth.user } end)

local auth = require("moonloop.web.auth")
local blame = require("moonloop.core.errors").blame
local jwt = require("moonloop.web.jwt")
local options = require("moonloop.web.options")

local KNOWN = { realm = "string", verify = "function", jwt = "table", optional = "boolean" }

-- RFC 6750 2.1: b64token
local TOKEN = "^[Bb][Ee][Aa][Rr][Ee][Rr] +([%w%-._~+/]+=*)%s*$"

local function of_jwt(given)
	local tokens = given.verify and given or jwt(given)
	return function(token)
		local claims, code, detail = tokens:verify(token)
		if not claims then
			return nil, code, detail
		end
		return { user = claims.sub, claims = claims, scopes = auth.scopes(claims.scope or claims.scp) }
	end
end

local function of_function(verify)
	return function(token, req)
		local user, scopes = verify(token, req)
		if not user then
			return nil, "invalid", "the token is not known"
		end
		return { user = user, scopes = auth.scopes(scopes) }
	end
end

-- RFC 6750 3
local function challenger(realm)
	local start = "Bearer realm=" .. auth.quoted(realm)
	return function(code, detail, scopes)
		if code == "missing" then
			return start
		end
		local fields = { start, 'error="' .. (code == "scope" and "insufficient_scope" or "invalid_token") .. '"' }
		fields[3] = detail and "error_description=" .. auth.quoted(detail)
		fields[#fields + 1] = scopes and "scope=" .. auth.quoted(table.concat(scopes, " "))
		return table.concat(fields, ", ")
	end
end

--- @param given {jwt = the options of web.jwt, or what it made: the user is the claim sub, the scopes are
-- in scope or scp; or verify = function(token, req) → the user or nil, scopes as an array or nil; may
-- suspend; realm = "api"; optional = true: who brings no token passes, without req.auth}
-- @return middleware: req.auth.user, req.auth.scopes, req.auth.claims
return function(given)
	given = options.check("web.bearer", given, KNOWN)
	if (given.verify == nil) == (given.jwt == nil) then
		blame("web.bearer: it needs jwt or verify, one of them")
	end
	local look_up = given.jwt and of_jwt(given.jwt) or of_function(given.verify)
	return auth.middleware("bearer", {
		document = { type = "http", scheme = "bearer", bearerFormat = given.jwt and "JWT" or nil },
		challenge = challenger(given.realm or "api"),
		ask = function(req)
			local header = req.headers.authorization
			if not header then
				return nil, "missing", "a bearer token is needed"
			end
			local token = header:match(TOKEN)
			if not token then
				return nil, "invalid", "the Authorization field has no bearer token"
			end
			local who, code, detail = look_up(token, req)
			if who then
				who.scheme = "bearer"
			end
			return who, code, detail
		end,
	}, given.optional)
end
