--- Basic authentication (RFC 7617): a name and a password with each request. Only over https.
--
--     app:use(web.basic_auth { realm = "admin", verify = function(name, password)
--         return name == "ada" and crypto.verify_password(password, stored) and { name = name }
--     end })

local auth = require("moonloop.web.auth")
local blame = require("moonloop.core.errors").blame
local crypto = require("moonloop.crypto")
local encoding = require("moonloop.encoding")
local options = require("moonloop.web.options")

local KNOWN = { realm = "string", verify = "function", users = "table", optional = "boolean" }

-- name, password; nil: there are none, or they are broken.
local function credentials(header)
	local text = header:match("^[Bb][Aa][Ss][Ii][Cc] +([^%s]+)%s*$")
	local pair = text and encoding.from_base64(text)
	if not pair or pair:find("[%z\1-\31\127]") then
		return nil
	end
	return pair:match("^([^:]*):(.*)$")
end

-- Passwords that stand in the configuration, compared as digests: neither their length nor whether
-- there is such a user can be measured.
local function of_table(users)
	local digests = {}
	for name, password in pairs(users) do
		if type(name) ~= "string" or type(password) ~= "string" then
			blame("web.basic_auth: users must be name → password")
		end
		digests[name] = crypto.sha256(password)
	end
	local nobody = crypto.random_bytes(32)
	return function(name, password)
		local same = crypto.equals(crypto.sha256(password), digests[name] or nobody)
		return same and digests[name] and name or nil
	end
end

--- @param given {verify = function(name, password, req) → the user or nil, scopes as an array or nil; may
-- suspend; or users = {name = password}; realm = "private"; optional = true: who brings no password
-- passes, without req.auth}
-- @return middleware: req.auth.user, req.auth.scopes
return function(given)
	given = options.check("web.basic_auth", given, KNOWN)
	if (given.verify == nil) == (given.users == nil) then
		blame("web.basic_auth: it needs verify or users, one of them")
	end
	local verify = given.verify or of_table(given.users)
	local challenge = ("Basic realm=%s, charset=\"UTF-8\""):format(auth.quoted(given.realm or "private"))
	return auth.middleware("basic", {
		document = { type = "http", scheme = "basic" },
		challenge = function()
			return challenge
		end,
		ask = function(req)
			local header = req.headers.authorization
			if not header then
				return nil, "missing", "a name and a password are needed"
			end
			local name, password = credentials(header)
			local user, scopes
			if name then
				user, scopes = verify(name, password, req)
			end
			if not user then
				return nil, "invalid", "the name or the password is wrong"
			end
			return { scheme = "basic", user = user, scopes = auth.scopes(scopes) }
		end,
	}, given.optional)
end
