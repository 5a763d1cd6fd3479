--- A route: method, pattern, handler, and what it declares of itself.

local contract = require("moonloop.web.contract")
local errors = require("moonloop.web.errors")
local keys = require("moonloop.core.keys")
local path = require("moonloop.web.path")
local response = require("moonloop.web.response")

local route = {}

local Route = { __name = "moonloop.route" }
Route.__index = Route

-- What a route may declare → the type it has to be of.
local KEYS = {
	name = "string", summary = "string", description = "string", tags = "table", deprecated = "boolean",
	hidden = "boolean", security = "table", use = "table", params = "table", query = "table",
	headers = "table", cookies = "table", body = "table", response = "table", examples = "table",
	operation_id = "string", forms = "table",
}

--- @return a route; nil and what is wrong
function route.new(method, pattern, spec, handler)
	local segments, why = path.parse(pattern)
	if not segments then
		return nil, why
	elseif type(handler) ~= "function" then
		return nil, ("%s %s: the handler must be a function, got a %s"):format(method, pattern, type(handler))
	end
	for key, value in pairs(spec) do
		if not KEYS[key] then
			return nil, ("%s %s: a route declares no %s; there are %s"):format(method, pattern, tostring(key),
				table.concat(keys(KEYS), ", "))
		elseif type(value) ~= KEYS[key] then
			return nil, ("%s %s: %s must be a %s, got a %s"):format(method, pattern, key, KEYS[key], type(value))
		end
	end
	if spec.forms then
		local fine, wrong = pcall(require("moonloop.web.multipart").check_limits, spec.forms)
		if not fine then
			return nil, ("%s %s: %s"):format(method, pattern, wrong)
		end
	end
	local ok, checks = pcall(contract.compile, segments, spec)
	if not ok then
		return nil, ("%s %s: %s"):format(method, pattern, checks)
	end
	return setmetatable({
		method = method,
		pattern = pattern,
		segments = segments,
		spec = spec,
		handler = handler,
		checks_ = checks, -- nil when nothing is declared
		groups_ = {}, -- outermost first: whose middleware it has
		guard_ = nil, -- function(handler): of moonloop.web.scopes
		call_ = false, -- made when it is first called
	}, Route)
end

-- Errors that are answers become responses, so that middleware sees them as such.
local function guarded(handler, answer)
	local function raised(req, ok, first, second, third)
		if ok then
			local res = response.of(first, second, third)
			if not res.resolve then
				return res
			end
			ok, first = xpcall(res.resolve, errors.raised, res, req)
			if ok then
				return first
			end
		end
		local res = answer(req, first)
		if res == nil then
			error(first, 0)
		end
		return response.of(res)
	end
	return function(req)
		return raised(req, xpcall(handler, errors.raised, req))
	end
end

--- Puts middleware, the first outermost, around a handler.
-- @param answer (req, err) → a response, or nil for an error that is none
function route.wrap(middleware, handler, answer)
	if #middleware == 0 then
		return handler
	end
	local call = guarded(handler, answer)
	for i = #middleware, 1, -1 do
		local layer, inner = middleware[i], call
		if i > 1 then -- the layers around it see its errors as responses, too
			call = guarded(function(req)
				return layer(req, inner)
			end, answer)
		else
			call = function(req)
				return response.of(layer(req, inner))
			end
		end
	end
	return call
end

--- The middleware of its groups and its own, the first outermost; the application's is around all routes.
function Route:middleware()
	local middleware = {}
	for _, group in ipairs(self.groups_) do
		for _, layer in ipairs(group.middleware_) do
			middleware[#middleware + 1] = layer
		end
	end
	for _, layer in ipairs(self.spec.use or {}) do
		middleware[#middleware + 1] = layer
	end
	return middleware
end

--- What it, or else its nearest group, declares as security; nil: nothing.
function Route:security()
	if self.spec.security then
		return self.spec.security
	end
	for i = #self.groups_, 1, -1 do
		local security = self.groups_[i].options.security
		if security then
			return security
		end
	end
end

--- The function of a request that does all that the route is.
function Route:call(answer)
	if not self.call_ then
		local handler = self.checks_ and contract.checked(self.checks_, self.handler, self) or self.handler
		self.call_ = route.wrap(self:middleware(), self.guard_ and self.guard_(handler) or handler, answer)
	end
	return self.call_
end

return route
