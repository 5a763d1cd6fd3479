--- What a route declares of its requests, as functions: moonloop.web.contract calls this.
-- What is declared, in a form that documents are made from, too: {params =, query =, headers =,
-- cookies = {schema =, check =}, body = {schema =, type =, check =, ...}, responses = status → ...}.
-- Hot: what inputs makes.

local errors = require("moonloop.web.errors")
local node = require("moonloop.web.schema.node")
local outputs = require("moonloop.web.outputs")
local query = require("moonloop.web.query")

local checks = {}

-- Where parameters stand → what becomes of those that are not declared.
local EXTRA = { params = "keep", query = "ignore", headers = "keep", cookies = "keep" }

local LISTS = { query = true, headers = true }

local function refuse(what, ...)
	error(what:format(...), 0)
end

local function resolved(schema)
	return schema.kind == "ref" and resolved(node.resolve(schema)) or schema
end

-- A parameter is text: a scalar, or a list of them.
local function expect_text(place, name, schema, in_list)
	schema = resolved(schema)
	if schema.kind == "array" and LISTS[place] and not in_list then
		return expect_text(place, name, schema.item, true)
	elseif schema.kind == "array" or schema.kind == "object" then
		refuse("%s: %s is text, it cannot be an %s", place, name, schema.kind)
	end
	for _, choice in ipairs(schema.choices or {}) do
		expect_text(place, name, choice, in_list)
	end
end

local function object_of(place, declared)
	if node.is(declared) then
		if declared.kind ~= "object" then
			refuse("%s: expected an object, or a table, name → schema; got a schema for %s", place, declared.kind)
		end
		return declared
	end
	local fields, names = {}, {}
	for name, schema in pairs(declared) do
		if type(name) ~= "string" or not node.is(schema) then
			refuse("%s: expected a table, name → schema; %s is a %s", place, tostring(name), type(schema))
		end
		name = place == "headers" and name:lower() or name
		fields[name] = schema
		names[#names + 1] = name
	end
	table.sort(names)
	return node.new("object", {}, { fields = fields, names = names, extra = EXTRA[place] })
end

local function parameters(place, declared)
	local schema = object_of(place, declared)
	local lists = {}
	for _, name in ipairs(schema.names) do
		expect_text(place, name, schema.fields[name])
		if resolved(schema.fields[name]).kind == "array" then
			lists[#lists + 1] = name
		end
	end
	return { schema = schema, check = schema:compile("text"), lists = lists }
end

local function expect_in_path(segments, params)
	local there = {}
	for _, segment in ipairs(segments) do
		there[segment.name or false] = segment
	end
	for _, name in ipairs(params.schema.names) do
		local segment = there[name]
		if not segment then
			refuse("params: the path has no {%s}", name)
		elseif resolved(params.schema.fields[name]).kind == "string" and (segment.type == "int"
			or segment.type == "float") then
			refuse("params: {%s:%s} is a number, it cannot be a string", name, segment.type)
		end
	end
end

local FORMS = { ["application/x-www-form-urlencoded"] = true, ["multipart/form-data"] = true }
local BODY = { schema = true, type = true, description = true }

-- A schema, or {schema =, type = a media type, description =}.
local function body_of(declared)
	local body = node.is(declared) and { schema = declared } or declared
	for key in pairs(body) do
		if not node.is(declared) and not BODY[key] then
			refuse("body: unknown key %s; there are schema, type and description", tostring(key))
		end
	end
	local media_type = body.type or "application/json"
	if not node.is(body.schema) then
		refuse("body: schema must be a schema, got a %s", type(body.schema))
	elseif FORMS[media_type] and resolved(body.schema).kind ~= "object" then
		refuse("body: a form is an object")
	elseif not FORMS[media_type] and not outputs.is_json(media_type) then
		refuse("body: the type must be JSON or a form, got %s", tostring(media_type))
	end
	local lists = {}
	for name, field in pairs(FORMS[media_type] and resolved(body.schema).fields or {}) do
		expect_text("query", name, field)
		if resolved(field).kind == "array" then
			lists[#lists + 1] = name
		end
	end
	return {
		schema = body.schema,
		type = media_type,
		description = body.description,
		form = FORMS[media_type] or false,
		check = body.schema:compile(FORMS[media_type] and "text" or "json"),
		lists = lists,
	}
end

--- @return what around() and documents need
-- @raise a text that says what is wrong with it
function checks.compile(segments, spec)
	local made = {}
	for place in pairs(EXTRA) do
		made[place] = spec[place] and parameters(place, spec[place])
	end
	if made.params then
		expect_in_path(segments, made.params)
	end
	made.body = spec.body and body_of(spec.body)
	made.responses = spec.response and outputs.compile(spec.response)
	return made
end

-- Each takes the request and the faults that were found before it, and returns the faults.
local inputs = {}

local function collect(list, place, found)
	list = list or {}
	for i = 1, #found do
		found[i]["in"] = place
		list[#list + 1] = found[i]
	end
	list.full = list.full or found.full
	return list
end

function inputs.params(declared)
	local check = declared.check
	return function(req, list)
		local value, wrong = check(req.params)
		req.params = value
		return wrong and collect(list, "path", wrong) or list
	end
end

-- Pairs by name; those of a list are all there.
local function gather(pairs_, lists)
	local map = query.map(pairs_)
	for i = 1, #lists do
		local name = lists[i]
		if map[name] then
			map[name] = query.all(pairs_, name)
		end
	end
	return map
end

function inputs.query(declared)
	local check, lists = declared.check, declared.lists
	return function(req, list)
		local value, wrong = check(gather(req.query_list_, lists))
		req.query = value
		return wrong and collect(list, "query", wrong) or list
	end
end

local function split(text)
	local parts = {}
	for part in text:gmatch("[^,]+") do
		parts[#parts + 1] = part:match("^%s*(.-)%s*$")
	end
	return parts
end

-- Those that are not declared are still there, as they came.
function inputs.headers(declared)
	local check, names, is_list = declared.check, declared.schema.names, {}
	for _, name in ipairs(declared.lists) do
		is_list[name] = true
	end
	return function(req, list)
		local raw = {}
		for i = 1, #names do
			local name = names[i]
			local text = req.headers[name]
			raw[name] = text and is_list[name] and split(text) or text
		end
		local value, wrong = check(raw)
		req.headers = setmetatable(value, { __index = req.headers })
		return wrong and collect(list, "header", wrong) or list
	end
end

function inputs.cookies(declared)
	local check = declared.check
	return function(req, list)
		local value, wrong = check(req.cookies)
		req.cookies = value
		return wrong and collect(list, "cookie", wrong) or list
	end
end

local function form_input(declared)
	local check, lists = declared.check, declared.lists
	return function(req, list)
		req:form()
		local value, wrong = check(gather(req.form_list_, lists))
		req.form_ = value
		return wrong and collect(list, "body", wrong) or list
	end
end

function inputs.body(declared)
	local check, may_lack = declared.check, declared.schema.is_optional
	if declared.form then
		return form_input(declared)
	end
	return function(req, list)
		if may_lack and req:body() == "" then
			req.json_ = { declared.schema.fallback }
			return list
		end
		local value, wrong = check(req:json())
		req.json_[1] = value
		return wrong and collect(list, "body", wrong) or list
	end
end

-- In the order of the request.
local ORDER = { "params", "query", "headers", "cookies", "body" }

local function refuse_request(list)
	local n = #list
	local what = n == 1 and "One thing is wrong with the request."
		or ("%s%d things are wrong with the request."):format(list.full and "More than " or "", n)
	list.full = nil
	error(errors.new(422, what, { errors = list }), 0)
end

--- A handler that is called with checked requests, and whose responses are checked.
function checks.around(made, handler, route)
	local steps = {}
	for _, place in ipairs(ORDER) do
		if made[place] then
			steps[#steps + 1] = inputs[place](made[place])
		end
	end
	if made.responses then
		handler = outputs.around(made.responses, handler, route)
	end
	if #steps == 0 then
		return handler
	end
	return function(req)
		local list
		for i = 1, #steps do
			list = steps[i](req, list)
		end
		if list then
			refuse_request(list)
		end
		return handler(req)
	end
end

return checks
