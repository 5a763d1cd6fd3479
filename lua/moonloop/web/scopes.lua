--- Access control by scope: what a route's `security` demands.
--
--     app:security_scheme("token", web.bearer { jwt = { alg = "HS256", key = SECRET } })
--     app:get("/books", { security = { "token" } }, list)
--     app:post("/books", { security = { { token = { "books:write" } } } }, add)
--
-- `security` is that of OpenAPI: an array of ways in, any of which will do; each is a scheme's name, or
-- a table of names → scopes, all of which it takes. An empty array: everybody may. It stands on a route
-- or on a group, for its routes that have none. It is checked behind all middleware, before the rest of
-- the request is.

local auth = require("moonloop.web.auth")
local errors = require("moonloop.web.errors")

local scopes = {}

-- An array of ways in, each an array of {name =, scheme =, scopes =}; nil and what is wrong.
local function compile(app, security)
	local ways = {}
	for i, entry in ipairs(security) do
		local way = {}
		for name, list in pairs(type(entry) == "string" and { [entry] = {} } or entry) do
			local scheme = app.schemes_[name]
			if not scheme then
				return nil, ("security: no scheme is named %s; call app:security_scheme first"):format(tostring(name))
			elseif type(list) ~= "table" then
				return nil, ("security: the scopes of %s must be an array, got a %s"):format(name, type(list))
			end
			way[#way + 1] = { name = name, scheme = scheme, scopes = list }
		end
		table.sort(way, function(a, b)
			return a.name < b.name
		end)
		ways[i] = way
	end
	for key in pairs(security) do
		if type(key) ~= "number" then
			return nil, ('security is an array of ways in: { { %s = { ... } } }'):format(tostring(key))
		end
	end
	return ways
end

local function lacks(who, wanted)
	for _, scope in ipairs(wanted) do
		if not who.scopes[scope] then
			return true
		end
	end
	return false
end

-- Asks the schemes of one way. The first one's answer, if all are content; nil, and the refusal.
local function try(way, req, asked)
	local first
	for _, need in ipairs(way) do
		local answer = asked[need.name]
		if not answer then
			local who, code, detail = need.scheme.ask(req)
			answer = { who = who, code = code, detail = detail }
			asked[need.name] = answer
		end
		local who = answer.who
		if not who then
			return nil, { status = 401, need = need, code = answer.code, detail = answer.detail }
		elseif lacks(who, need.scopes) then
			return nil, { status = 403, need = need, code = "scope", detail = "it takes the scope "
				.. table.concat(need.scopes, " ") }
		end
		first = first or who
	end
	return first or {}
end

local function refuse(refusals)
	local worst, challenges = refusals[1], {}
	for _, refusal in ipairs(refusals) do
		if refusal.status > worst.status or refusal.status == worst.status and worst.code == "missing" then
			worst = refusal
		end
	end
	for _, refusal in ipairs(refusals) do
		local challenge = refusal.need.scheme.challenge
		if refusal.status == worst.status and challenge then
			challenges[#challenges + 1] = challenge(refusal.code, refusal.detail,
				refusal.code == "scope" and refusal.need.scopes or nil)
		end
	end
	errors.raise(worst.status, worst.detail, { headers = { ["www-authenticate"] = #challenges > 0 and challenges
		or nil } })
end

local function guarded(ways, handler)
	return function(req)
		local refusals, asked = {}, {}
		for i = 1, #ways do
			local who, refusal = try(ways[i], req, asked)
			if who then
				req.auth = who
				return handler(req)
			end
			refusals[i] = refusal
		end
		refuse(refusals)
	end
end

--- Gives a route a guard, if it or its group declares one: guard_(handler) → a handler that lets in only
-- who may.
-- @return nil, or what is wrong with what it declares
function scopes.prepare(app, route)
	local security = route:security()
	if not security or next(security) == nil then
		return nil
	end
	local ways, why = compile(app, security)
	if not ways then
		return why
	end
	function route.guard_(handler)
		return guarded(ways, handler)
	end
end

local function by_middleware(req)
	local who = rawget(req, "auth")
	if type(who) == "table" then
		return who.user, who.scopes
	end
end

--- For app:security_scheme: what a scheme is given as.
-- @param given middleware of web.bearer or web.basic_auth; or an OpenAPI Security Scheme Object with
-- authenticate = function(req) → the user or nil, scopes as an array or nil; without that function it is
-- who middleware left in req.auth = {user =, scopes = an array or a set}
-- @return the scheme; nil and what is wrong
function scopes.scheme(name, given)
	if type(given) == "function" then
		local scheme = auth.of(given)
		if not scheme then
			return nil, "expected what web.bearer or web.basic_auth made, or a table, got another function"
		end
		return scheme
	elseif type(given) ~= "table" or type(given.type) ~= "string"
		or given.authenticate ~= nil and type(given.authenticate) ~= "function" then
		return nil, "expected {type = as in OpenAPI, authenticate = function(req)}"
	end
	local authenticate = given.authenticate or by_middleware
	local document = {}
	for key, value in pairs(given) do
		document[key] = key ~= "authenticate" and value or nil
	end
	return {
		document = document,
		challenge = nil,
		ask = function(req)
			local user, list = authenticate(req)
			if not user then
				return nil, "missing", ("the credentials for %s are missing or wrong"):format(name)
			end
			return { scheme = name, user = user, scopes = auth.scopes(list) }
		end,
	}
end

return scopes
