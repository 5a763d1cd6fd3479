--- The OpenAPI 3.1 document of an application, from what its routes declare.

local json = require("moonloop.json")
local json_schema = require("moonloop.web.schema.json_schema")
local operation = require("moonloop.web.operation")
local router = require("moonloop.web.router")
local secured = require("moonloop.web.secured")

local openapi = {}

-- The methods that a Path Item Object has a place for.
local KNOWN = {
	get = true, post = true, put = true, patch = true, delete = true, head = true, options = true, trace = true,
}

-- What a route for any method is shown as.
local ANY = { "get", "post", "put", "patch", "delete" }

-- "/users/{id}": without types.
local function template(segments)
	local parts = {}
	for i, segment in ipairs(segments) do
		parts[i] = segment.literal or segment.prefix .. "{" .. segment.name .. "}" .. segment.suffix
	end
	return "/" .. table.concat(parts, "/")
end

local function each_middleware(route, app)
	local list = { unpack(app.middleware_) }
	for _, middleware in ipairs(route:middleware()) do
		list[#list + 1] = middleware
	end
	return list
end

-- "bearer" or {bearer = {"read"}} → a Security Requirement Object
local function requirement(entry)
	if type(entry) == "string" then
		return { [entry] = json.array {} }
	end
	local object = {}
	for name, scopes in pairs(entry) do
		object[name] = json.array({ unpack(scopes) })
	end
	return object
end

-- An array of Security Requirement Objects, or nil; what middleware asks for is noted in schemes.
local function security_of(route, context)
	local list, both = json.array {}, nil
	for _, middleware in ipairs(each_middleware(route, context.app)) do
		local asks = secured.of(middleware)
		if asks then
			both = both or {}
			context.schemes[asks.name] = asks.scheme
			both[asks.name] = both[asks.name] or json.array {}
			for _, scope in ipairs(asks.scopes) do
				table.insert(both[asks.name], scope)
			end
		end
	end
	local declared = route:security()
	for _, entry in ipairs(declared or {}) do
		list[#list + 1] = requirement(entry)
	end
	if both and not declared then
		list[1] = both
	end
	return (declared or both) and list or nil
end

local function tags_of(route)
	local tags, seen = json.array {}, {}
	local function take(list)
		for _, tag in ipairs(list or {}) do
			if not seen[tag] then
				seen[tag] = true
				tags[#tags + 1] = tag
			end
		end
	end
	for _, group in ipairs(route.groups_) do
		take(group.options.tags)
	end
	take(route.spec.tags)
	return #tags > 0 and tags or nil
end

local function id_of(route, method, taken)
	local spec = route.spec
	local id = spec.operation_id or spec.name or (method .. template(route.segments)):gsub("[^%w]+", "_")
		:gsub("_$", "")
	if route.method == router.ANY and (spec.operation_id or spec.name) then
		id = id .. "_" .. method
	end
	local unique, n = id, 1
	while taken[unique] do
		n = n + 1
		unique = id .. "_" .. n
	end
	taken[unique] = true
	return unique
end

local function add_route(document, route, context)
	local methods = route.method == router.ANY and ANY or { route.method:lower() }
	local path = template(route.segments)
	for _, method in ipairs(methods) do
		local item = document.paths[path] or {}
		if KNOWN[method] and not (item[method] and route.method == router.ANY) then
			local made = operation.of(route, context.refer)
			made.operationId = id_of(route, method, context.ids)
			made.tags = tags_of(route)
			made.security = security_of(route, context)
			item[method] = made
			document.paths[path] = item
		end
	end
end

-- Routes for any method come last: they are shown for what is left.
local function visible(app)
	local list = {}
	for _, any in ipairs({ false, true }) do
		for _, route in ipairs(app.routes) do
			if not route.spec.hidden and (route.method == router.ANY) == any then
				list[#list + 1] = route
			end
		end
	end
	return list
end

--- @param app a moonloop.web application
-- @param root_path below which it is reached, or nil
-- @return a table, for moonloop.json
-- @raise a text when two schemas have one name
function openapi.document(app, root_path)
	local options = app.options
	local refer, definitions = json_schema.collector("#/components/schemas/")
	local context = { app = app, refer = refer, ids = {}, schemes = {} }
	local document = {
		openapi = "3.1.0",
		info = {
			title = options.title or "API",
			version = options.version or "0.0.0",
			description = options.description,
		},
		servers = root_path and root_path ~= "" and json.array { { url = root_path } } or nil,
		paths = {},
	}
	for name, scheme in pairs(app.security_) do
		context.schemes[name] = scheme
	end
	for _, route in ipairs(visible(app)) do
		add_route(document, route, context)
	end
	document.components = {
		responses = operation.responses(refer),
		securitySchemes = next(context.schemes) and context.schemes or nil,
	}
	document.components.schemas = definitions()
	return document
end

--- The document as text.
-- @param indent for people: "  "
function openapi.text(app, root_path, indent)
	return json.encode(openapi.document(app, root_path), { sort = true, indent = indent })
end

return openapi
