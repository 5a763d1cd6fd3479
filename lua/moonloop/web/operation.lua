--- One route as an Operation Object of OpenAPI 3.1: parameters, body, responses.

local json = require("moonloop.json")
local json_schema = require("moonloop.web.schema.json_schema")
local outputs = require("moonloop.web.outputs")
local s = require("moonloop.web.schema")

local operation = {}

local Problem = s.object({
	type = s.string { format = "uri-reference" },
	title = s.string(),
	status = s.integer(),
	detail = s.string():optional(),
}, { description = "An error (RFC 9457).", extra = "keep" }):named "HttpProblem"

local Fault = s.object {
	["in"] = s.enum { "path", "query", "header", "cookie", "body" },
	pointer = s.string { description = "Where it is (RFC 6901).", format = "json-pointer" },
	code = s.string { description = "The keyword of JSON Schema that it breaks." },
	detail = s.string(),
}

local ValidationProblem = s.object({
	type = s.string { format = "uri-reference" },
	title = s.string(),
	status = s.literal(422),
	detail = s.string(),
	errors = s.array(Fault),
}, { description = "What is wrong with a request." }):named "ValidationProblem"

local function problem(description, schema, refer)
	return {
		description = description,
		content = { ["application/problem+json"] = { schema = json_schema.of(schema, refer) } },
	}
end

--- The responses that operations refer to.
function operation.responses(refer)
	return {
		Problem = problem("An error.", Problem, refer),
		ValidationProblem = problem("The request is not what was declared.", ValidationProblem, refer),
	}
end

-- Parameters.

local IN = { params = "path", query = "query", headers = "header", cookies = "cookie" }

-- What a pattern says of a parameter that is not declared.
local BY_TYPE = {
	int = s.integer(), float = s.number(), uuid = s.string { format = "uuid" }, str = s.string(),
	path = s.string(),
}

local function parameter(place, name, schema, refer)
	local document = json_schema.of(schema, refer)
	local description, deprecated = document.description, document.deprecated
	document.description, document.deprecated = nil, nil
	return {
		name = name,
		["in"] = IN[place],
		required = place == "params" or not schema.is_optional,
		description = description,
		deprecated = deprecated,
		schema = document,
	}
end

-- Fields that OpenAPI keeps for itself, as parameters (4.8.12.1).
local RESERVED = { accept = true, ["content-type"] = true, authorization = true }

local function parameters(route, refer)
	local list, declared = json.array {}, route.checks_ or {}
	for _, segment in ipairs(route.segments) do
		if segment.name then
			local schema = declared.params and declared.params.schema.fields[segment.name] or BY_TYPE[segment.type]
			list[#list + 1] = parameter("params", segment.name, schema, refer)
		end
	end
	for _, place in ipairs({ "query", "headers", "cookies" }) do
		local object = declared[place] and declared[place].schema
		for _, name in ipairs(object and object.names or {}) do
			if place ~= "headers" or not RESERVED[name] then
				list[#list + 1] = parameter(place, name, object.fields[name], refer)
			end
		end
	end
	return #list > 0 and list or nil
end

-- Bodies.

local function examples_of(route, key)
	local named = route.spec.examples and route.spec.examples[key]
	if not named then
		return nil
	end
	local examples = {}
	for name, value in pairs(named) do
		examples[name] = { value = value }
	end
	return examples
end

local function request_body(route, refer)
	local body = route.checks_ and route.checks_.body
	if not body then
		return nil
	end
	return {
		description = body.description,
		required = not body.schema.is_optional,
		content = {
			[body.type] = { schema = json_schema.of(body.schema, refer), examples = examples_of(route, "body") },
		},
	}
end

local function response_headers(entry, refer)
	local headers
	for name, schema in pairs(entry.headers or {}) do
		headers = headers or {}
		headers[name] = { schema = json_schema.of(schema, refer), required = not schema.is_optional }
	end
	return headers
end

local function declared_response(route, status, entry, refer)
	return {
		description = entry.description or outputs.phrase(status),
		headers = response_headers(entry, refer),
		content = entry.schema and {
			[entry.type] = { schema = json_schema.of(entry.schema, refer), examples = examples_of(route, status) },
		} or nil,
	}
end

local function responses(route, refer)
	local declared, map = route.checks_ or {}, {}
	for status, entry in pairs(declared.responses or {}) do
		if status ~= "success" then
			map[tostring(status)] = declared_response(route, status, entry, refer)
		end
	end
	if next(map) == nil then
		map["200"] = { description = outputs.phrase(200) }
	end
	local has_input = declared.params or declared.query or declared.headers or declared.cookies or declared.body
	if has_input and not map["422"] then
		map["422"] = { ["$ref"] = "#/components/responses/ValidationProblem" }
	end
	map.default = map.default or { ["$ref"] = "#/components/responses/Problem" }
	return map
end

--- @param refer as of moonloop.web.schema.json_schema
function operation.of(route, refer)
	local spec = route.spec
	return {
		summary = spec.summary,
		description = spec.description,
		deprecated = spec.deprecated,
		parameters = parameters(route, refer),
		requestBody = request_body(route, refer),
		responses = responses(route, refer),
	}
end

return operation
