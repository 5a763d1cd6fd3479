--- What a route declares of its responses, as a function that checks them. A response that breaks its
-- schema is a fault of the program: the log gets its pointers, the client 500.

local errors = require("moonloop.web.errors")
local json = require("moonloop.json")
local log = require("moonloop.log")
local node = require("moonloop.web.schema.node")
local response = require("moonloop.web.response")

local getmetatable, type = getmetatable, type

local outputs = {}

local JSON = "application/json"

-- Of one bad response; the rest is counted.
local LOGGED = 10

function outputs.is_json(media_type)
	return media_type == JSON
		or type(media_type) == "string" and media_type:find("^application/.+%+json$") ~= nil
end

local PHRASES = {
	[200] = "OK", [201] = "Created", [202] = "Accepted", [204] = "No Content", [206] = "Partial Content",
	[301] = "Moved Permanently", [302] = "Found", [303] = "See Other", [304] = "Not Modified",
	[307] = "Temporary Redirect", [308] = "Permanent Redirect", default = "Any other answer",
}

--- What a status means, in words.
function outputs.phrase(status)
	return PHRASES[status] or errors.new(status).title
end

local KEYS = { schema = true, description = true, headers = true, type = true }

local function one(status, declared)
	local entry = node.is(declared) and { schema = declared } or declared
	if type(entry) ~= "table" then
		error(("response: %s must be a schema or a table, got a %s"):format(tostring(status), type(entry)), 0)
	end
	for key in pairs(entry) do
		if not node.is(declared) and not KEYS[key] then
			error(("response: unknown key %s; there are schema, type, description and headers")
				:format(tostring(key)), 0)
		end
	end
	if entry.schema ~= nil and not node.is(entry.schema) then
		error(("response: the schema of %s is a %s"):format(tostring(status), type(entry.schema)), 0)
	end
	for name, schema in pairs(entry.headers or {}) do
		if not node.is(schema) then
			error(("response: the header %s must be a schema, got a %s"):format(tostring(name), type(schema)), 0)
		end
	end
	local media_type = entry.type or JSON
	return {
		schema = entry.schema,
		description = entry.description,
		headers = entry.headers,
		type = media_type,
		is_json = outputs.is_json(media_type),
		check = entry.schema and entry.schema:compile("lua"),
		check_json = entry.schema and entry.schema:compile("json"),
	}
end

--- @param declared a schema for any success; or status (or "default") → a schema, or {schema =, type = a
-- media type, description =, headers = name → schema}
-- @return status → {schema =, type =, description =, headers =, check =}
function outputs.compile(declared)
	if node.is(declared) then
		local entry = one(200, declared)
		return { [200] = entry, success = entry }
	end
	local entries = {}
	for status, part in pairs(declared) do
		if status ~= "default"
			and (type(status) ~= "number" or status < 200 or status > 599 or status % 1 ~= 0) then
			error(("response: expected statuses from 200 to 599, got %s"):format(tostring(status)), 0)
		end
		entries[status] = one(status, part)
	end
	return entries
end

local function entry_for(entries, status)
	return entries[status] or status < 300 and entries.success or entries.default
end

local function bad(route, status, list)
	for i = 1, math.min(#list, LOGGED) do
		log.error("web.bad_response", {
			method = route.method,
			path = route.pattern,
			status = status,
			pointer = list[i].pointer,
			detail = list[i].detail,
			faults = #list,
		})
	end
	error(errors.new(500), 0)
end

local function wrong(what)
	return { { pointer = "", code = "type", detail = what } }
end

-- The checked value.
local function checked(entry, route, status, value)
	local result, list = entry.check(value)
	if list then
		bad(route, status, list)
	end
	return result
end

-- A response whose body is written already.
local function check_written(entries, route, res)
	local entry = entry_for(entries, res.status)
	if not entry or not entry.check or res.stream or res.deliver then
		return res
	end
	local text = res.body
	local header = res.headers["content-type"]
	local media_type = type(header) == "string" and header:match("^[^;%s]*") or ""
	if not entry.is_json then
		checked(entry, route, res.status, text)
		return res
	elseif not text or not outputs.is_json(media_type) then
		bad(route, res.status, wrong("must be JSON, it is " .. (text and media_type or "empty")))
	end
	local value, _, detail = json.decode(text)
	if detail then
		bad(route, res.status, wrong("must be JSON: " .. detail))
	end
	local result, list = entry.check_json(value)
	if list then
		bad(route, res.status, list)
	elseif result ~= value then
		res.body = json.encode(result)
	end
	return res
end

-- What a handler returned.
local function check_result(entries, route, first, second, third)
	local kind = type(first)
	if kind == "table" and not response.is(first) then
		local entry = entry_for(entries, 200)
		return entry and entry.check and entry.is_json and checked(entry, route, 200, first) or first
	elseif kind == "number" and type(second) == "table" and not response.is(second) then
		local entry = entry_for(entries, first)
		if entry and entry.check and entry.is_json then
			second = checked(entry, route, first, second)
		end
		return first, second, third
	elseif first == nil and entries.success then
		bad(route, 204, wrong("must be a value, the handler returned nothing"))
	elseif kind == "function" then
		return first
	end
	return check_written(entries, route, response.of(first, second, third))
end

--- A handler whose responses are checked.
function outputs.around(entries, handler, route)
	local entry = entries[200] or entries.success
	local check = entry and entry.is_json and entry.check
	return function(req)
		local first, second, third = handler(req)
		if check and type(first) == "table" and getmetatable(first) == nil then
			local value, list = check(first)
			return list and bad(route, 200, list) or value
		end
		return check_result(entries, route, first, second, third)
	end
end

return outputs
