--- The application: routes, groups, mounts, middleware, error handlers. It is a LASGI application.

local docs = require("moonloop.web.docs")
local errors = require("moonloop.web.errors")
local html = require("moonloop.web.html")
local lasgi = require("moonloop.lasgi")
local lifespan = require("moonloop.web.lifespan")
local mount = require("moonloop.web.mount")
local path = require("moonloop.web.path")
local query = require("moonloop.web.query")
local request = require("moonloop.web.request")
local response = require("moonloop.web.response")
local route = require("moonloop.web.route")
local router = require("moonloop.web.router")
local scopes = require("moonloop.web.scopes")

local HttpError, raised = errors.HttpError, errors.raised
local getmetatable, type, xpcall = getmetatable, type, xpcall
local new_request, send_response, is_response = request.new, response.send, response.is

local app = {}

-- Groups.

local group_methods = {}
local Group = { __name = "moonloop.group", __index = group_methods }

local function add(self, method, pattern, spec, handler)
	if handler == nil then
		spec, handler = {}, spec
	end
	if type(spec) ~= "table" then
		error(("%s %s: expected a table before the handler, got a %s"):format(method, tostring(pattern),
			type(spec)), 3)
	end
	local new, why = route.new(method, self.prefix_ .. tostring(pattern), spec, handler)
	if not new then
		error(why, 3)
	end
	local group = self
	while group ~= self.app_ do -- the application's own middleware is around everything
		table.insert(new.groups_, 1, group)
		group = group.parent_
	end
	why = self.app_:enter_(new)
	if why then
		error(why, 3)
	end
	return new
end

for _, method in ipairs({ "get", "post", "put", "patch", "delete", "options", "head" }) do
	group_methods[method] = function(self, pattern, spec, handler)
		return add(self, method:upper(), pattern, spec, handler)
	end
end

--- Routes every method that has no route of its own.
function group_methods:any(pattern, spec, handler)
	return add(self, router.ANY, pattern, spec, handler)
end

--- Routes a method by its name, which is taken as it is.
function group_methods:route(method, pattern, spec, handler)
	return add(self, method, pattern, spec, handler)
end

--- Adds middleware, function(req, next) → response, around the routes of this group, or for an
-- application around everything it answers. The first is the outermost.
function group_methods:use(...)
	for i = 1, select("#", ...) do
		local layer = select(i, ...)
		if type(layer) ~= "function" then
			error(("use: middleware is a function(req, next), got a %s"):format(type(layer)), 2)
		end
		self.middleware_[#self.middleware_ + 1] = layer
	end
	return self
end

--- Routes with a common prefix, middleware and declarations.
-- @param prefix "/admin"
-- @param options {use = {middleware ...}, tags = {...}, security = {...}}, or nil
-- @param fn called with the group, or nil
function group_methods:group(prefix, options, fn)
	if type(options) == "function" then
		options, fn = nil, options
	end
	local group = setmetatable({
		app_ = self.app_,
		parent_ = self,
		prefix_ = self.prefix_ .. prefix,
		options = options or {},
		middleware_ = {},
	}, Group)
	group:use(unpack(group.options.use or {}))
	if fn then
		fn(group)
	end
	return group
end

--- Hands everything below a prefix to another LASGI application, whose lifespan runs too.
function group_methods:mount(prefix, inner)
	local pattern = prefix:gsub("/$", "")
	local handler = mount.handler(inner)
	self.app_.mounted_[#self.app_.mounted_ + 1] = inner
	add(self, router.ANY, pattern .. "/{mounted_:path}", { hidden = true }, handler)
	if pattern ~= "" then
		add(self, router.ANY, pattern, { hidden = true }, handler)
	end
end

-- Applications.

local methods = setmetatable({}, { __index = group_methods })
local App = { __name = "moonloop.app", __index = methods }

local OPTIONS = { title = true, version = true, description = true, docs = true, slash = true, openapi = true,
	forms = true, viewer = true }
local SLASH = { redirect = true, strict = true, ignore = true }

--- @param options {title=, version=, description= for the API's documents; slash = "redirect" (to the
-- path with or without its last slash, whichever has a route), "strict" or "ignore"; forms = limits of
-- moonloop.web.multipart; openapi = "/openapi.json", docs = "/docs": where those pages are, or false;
-- viewer = the directory of swagger-ui-dist}
function app.new(options)
	options = options or {}
	for key in pairs(options) do
		if not OPTIONS[key] then
			error("web.app: unknown option " .. tostring(key), 2)
		end
	end
	docs.check(options)
	if options.slash ~= nil and not SLASH[options.slash] then
		error('web.app: slash must be "redirect", "strict" or "ignore", got ' .. tostring(options.slash), 2)
	end
	if options.forms ~= nil then
		local ok, why = pcall(require("moonloop.web.multipart").check_limits, options.forms)
		if not ok then
			error("web.app: " .. tostring(why), 2)
		end
	end
	local self = setmetatable({
		options = options,
		routes = {}, -- in the order in which they were made
		prefix_ = "",
		middleware_ = {},
		router_ = router.new(),
		named_ = {},
		security_ = {}, -- name → Security Scheme Object
		schemes_ = {}, -- name → what asks requests for it: moonloop.web.scopes
		mounted_ = {},
		hosts_ = {},
		hooks_ = { start = {}, stop = {}, notice = {} },
		on_error_ = {},
		handle_ = false, -- made at the first call
	}, App)
	self.app_ = self
	return self
end

function methods:enter_(new)
	local why = scopes.prepare(self, new)
	if why then
		return ("%s %s: %s"):format(new.method, new.pattern, why)
	end
	local there = self.router_:add(new.method, new.segments, new)
	if there then
		return ("%s %s: there is a route for that already: %s"):format(new.method, new.pattern, there.pattern)
	end
	local name = new.spec.name
	if name and self.named_[name] then
		return ("%s %s: the name %s is taken by %s"):format(new.method, new.pattern, name,
			self.named_[name].pattern)
	elseif name then
		self.named_[name] = new
	end
	self.routes[#self.routes + 1] = new
end

--- The path of a named route.
function methods:url_for(name, params, search)
	local found = self.named_[name]
	if not found then
		error(("url_for: no route has the name %s"):format(tostring(name)), 2)
	end
	local text, why = path.build(found.segments, params or {})
	if not text then
		error(("url_for: %s: %s"):format(name, why), 2)
	end
	return search and text .. "?" .. query.encode(search) or text
end

--- Calls fn(state) before the first request: what it leaves in state is in req.state. Suspends if fn does.
function methods:on_start(fn)
	table.insert(self.hooks_.start, fn)
	return self
end

--- Calls fn(state) after the last request.
function methods:on_stop(fn)
	table.insert(self.hooks_.stop, fn)
	return self
end

--- Calls fn(state) when a drain begins: time to end streams.
function methods:on_drain(fn)
	table.insert(self.hooks_.notice, fn)
	return self
end

--- Answers errors: handler(req, err) returns what a route's handler may.
-- @param what a status (404), or the metatable of error objects
function methods:on_error(what, handler)
	if type(what) ~= "number" and type(what) ~= "table" then
		error("on_error: expected a status or a metatable, got a " .. type(what), 2)
	end
	self.on_error_[what] = handler
	return self
end

--- Hands the requests for a host ("api.example.org", "*.example.org") to another application.
function methods:host(name, inner)
	self.hosts_[#self.hosts_ + 1] = { name = name:lower(), app = inner }
	self.mounted_[#self.mounted_ + 1] = inner
	return self
end

--- Describes a way of authentication, to which routes refer: security = {"bearer"}, or
-- {{bearer = {"orders:write"}}} with scopes, which is then demanded of their requests.
-- @param scheme what web.bearer or web.basic_auth made; or an OpenAPI Security Scheme Object with
-- authenticate = function(req) → the user, an array of scopes. See moonloop.web.scopes.
function methods:security_scheme(name, scheme)
	if type(name) ~= "string" then
		error("security_scheme: expected a name, got a " .. type(name), 2)
	end
	local made, why = scopes.scheme(name, scheme)
	if not made then
		error(("security_scheme %s: %s"):format(name, why), 2)
	end
	self.security_[name], self.schemes_[name] = made.document, made
	return self
end

-- A page of the application's own, where no route has its place.
function methods:offer_(method, pattern, handler)
	self:enter_(assert(route.new(method, pattern, { hidden = true }, handler)))
end

-- Answers.

local function problem(req, err)
	local res
	if req:prefers("text/html") then
		res = response.html(("<!doctype html>\n<meta charset=utf-8><title>%d %s</title>\n<h1>%s</h1>\n%s")
			:format(err.status, err.title, err.title, err.detail and "<p>" .. html.escape(err.detail) or ""),
			err.status)
	else
		res = response.json(errors.document(err), err.status)
		res.headers["content-type"] = "application/problem+json"
	end
	for name, value in pairs(err.headers or {}) do
		res:header(name, value)
	end
	return res
end

-- What an error answers: a response; nil: it is none of those that do.
local function answer(self, req, err)
	local kind = getmetatable(err)
	local handler = self.on_error_[kind] or kind == HttpError and self.on_error_[err.status]
	if handler then
		local res = response.of(handler(req, err))
		return res.resolve and res:resolve(req) or res
	end
	return kind == HttpError and problem(req, err) or nil
end

-- For a path that no route has, in that spelling.
local function other_slash(self, req)
	local text = req.path
	local other = text:sub(-1) == "/" and text:sub(1, -2) or text .. "/"
	local found, params = self.router_:find(req.method, other)
	return other ~= "" and found or nil, params, other
end

local function allow(allowed)
	local names = {}
	for name in pairs(allowed) do
		names[#names + 1] = name
	end
	if allowed.GET and not allowed.HEAD then
		names[#names + 1] = "HEAD"
	end
	if not allowed.OPTIONS then
		names[#names + 1] = "OPTIONS"
	end
	table.sort(names)
	return table.concat(names, ", ")
end

local function not_found(self, req, allowed)
	if next(allowed) then
		local list = allow(allowed)
		if req.method == "OPTIONS" then
			return response.make(204, nil, { allow = list })
		end
		return answer(self, req, errors.new(405, nil, { headers = { allow = list } }))
	end
	return answer(self, req, errors.new(404))
end

local function dispatch(self, req)
	local found, params = self.router_:find(req.method, req.path)
	if not found and self.options.slash ~= "strict" then
		local at, at_params, other = other_slash(self, req)
		if at and self.options.slash ~= "ignore" then
			local search = req.scope.query_string
			return response.redirect(req.scope.root_path .. other .. (search ~= "" and "?" .. search or ""), 308)
		elseif at then
			found, params = at, at_params
		end
	end
	if not found then
		return not_found(self, req, params)
	end
	req.params, req.route = params, found
	return (found.call_ or found:call(self.answer_))(req)
end

local function prepare(self)
	docs.enter(self)
	function self.answer_(req, err)
		return answer(self, req, err)
	end
	self.handle_ = route.wrap(self.middleware_, function(req)
		return dispatch(self, req)
	end, self.answer_)
end

-- A file that no middleware has seen is not opened yet.
local function is_closed(first, second)
	return is_response(first) and first.resolve or is_response(second) and second.resolve
end

local function finish(self, req, send, ok, first, second, third)
	if ok and type(first) ~= "string" and is_closed(first, second) then
		local res = response.of(first, second, third)
		ok, first = xpcall(res.resolve, raised, res, req)
		second, third = nil, nil
	end
	if not ok then
		local res = answer(self, req, first)
		if res == nil then
			error(first, 0)
		end
		first, second, third = res, nil, nil
	end
	send_response(req, send, first, second, third)
end

local function host_of(self, scope)
	local name = (scope.headers.host or ""):lower():gsub(":%d+$", "")
	for _, host in ipairs(self.hosts_) do
		local tail = host.name:match("^%*(%..+)$")
		if name == host.name or tail and #name > #tail and name:sub(-#tail) == tail then
			return host.app
		end
	end
end

local function serve(self, scope, receive, send)
	local inner = self.hosts_[1] and host_of(self, scope)
	if inner then
		return inner(scope, receive, send)
	end
	local text, root = scope.path, scope.root_path
	if root ~= "" and text:sub(1, #root) == root then
		text = text:sub(#root + 1)
	end
	if text == "" then
		text = "/"
	end
	if not self.handle_ then
		prepare(self)
	end
	local req = new_request(self, scope, receive, text)
	finish(self, req, send, xpcall(self.handle_, raised, req))
	local files = rawget(req, "files_")
	if files then
		require("moonloop.web.multipart").close(files)
	end
end

function App:__call(scope, receive, send)
	local kind = scope.type
	if kind == "http" then
		serve(self, scope, receive, send)
	elseif kind == "lifespan" then
		docs.verify(self)
		lifespan.run(self.hooks_, self.mounted_, scope, receive, send)
	else
		error(lasgi.unsupported)
	end
end

return app
