--- What a value has to be: for requests, responses, and anything else.
--
--     local s = require("moonloop.web").schema
--     local User = s.object {
--         name = s.string { min = 1, max = 80 },
--         age = s.integer { min = 0 }:optional(),
--         tags = s.array(s.string()),
--     }:named "User"
--
-- Every schema takes these options beside its own: title, description, examples (an array), deprecated
-- (true), default, and check: function(value) → true; nil, why not. Methods: schema/node.lua.

local errors = require("moonloop.core.errors")
local formats = require("moonloop.web.schema.formats")
local json = require("moonloop.json")
local keys = require("moonloop.core.keys")
local node = require("moonloop.web.schema.node")
local regex = require("moonloop.core.regex")

local schema = {
	--- {faults = 1000}: how many are listed at most; looking for more ends there.
	limits = require("moonloop.web.schema.faults").limits,
}

local COMMON = {
	title = "string", description = "string", examples = "table", deprecated = "boolean", check = "function",
	default = "any",
}

-- A copy of the options.
local function take(what, options, known)
	if options ~= nil and type(options) ~= "table" then
		errors.blame(("schema.%s: expected a table of options, got a %s"):format(what, type(options)))
	elseif node.is(options) then
		errors.blame(("schema.%s: expected a table of options, got a schema"):format(what))
	end
	local taken = {}
	for key, value in pairs(options or {}) do
		local kind = COMMON[key] or known and known[key]
		if not kind then
			errors.blame(("schema.%s: unknown option %s"):format(what, tostring(key)))
		elseif kind == "count" then
			if type(value) ~= "number" or value < 0 or value % 1 ~= 0 then
				errors.blame(("schema.%s: %s must be an integer >= 0, got %s"):format(what, key, tostring(value)))
			end
		elseif kind ~= "any" and type(value) ~= kind then
			errors.blame(("schema.%s: %s must be a %s, got a %s"):format(what, key, kind, type(value)))
		end
		taken[key] = value
	end
	return taken
end

local function expect_schema(what, value)
	if not node.is(value) then
		errors.blame(("schema.%s: expected a schema, got a %s"):format(what, type(value)))
	end
	return value
end

--- Text. Options: min, max (characters), pattern (a regular expression of ECMA-262 with its u flag,
-- which may match anywhere), format (see schema.format).
function schema.string(options)
	options = take("string", options, { min = "count", max = "count", pattern = "string", format = "string" })
	local expression
	if options.pattern then
		local what, where
		expression, what, where = regex.new(options.pattern)
		if not expression then
			errors.blame(("schema.string: pattern %q: %s at byte %d"):format(options.pattern, what, where))
		end
	end
	if options.format and not formats.known[options.format] then
		errors.blame(("schema.string: unknown format %s; there are %s"):format(options.format, formats.list()))
	end
	return node.new("string", options, { regex = expression })
end

local RANGE = { min = "number", max = "number", above = "number", below = "number", multiple_of = "number" }

local function numeric(kind)
	return function(options)
		options = take(kind, options, RANGE)
		if options.multiple_of and options.multiple_of <= 0 then
			errors.blame(("schema.%s: multiple_of must be above 0, got %s"):format(kind, options.multiple_of))
		end
		return node.new(kind, options)
	end
end

--- A whole number, 64 bits wide. Options: min, max; above, below (those values themselves are
-- refused); multiple_of.
schema.integer = numeric("integer")

--- A number. Options as for integer.
schema.number = numeric("number")

function schema.boolean(options)
	return node.new("boolean", take("boolean", options))
end

--- null, which is json.null to Lua.
function schema.null(options)
	return node.new("null", take("null", options))
end

--- Any value.
function schema.any(options)
	return node.new("any", take("any", options))
end

--- One of some values: strings, numbers, booleans, json.null, or tables.
-- @param values an array
function schema.enum(values, options)
	if type(values) ~= "table" or #values == 0 then
		errors.blame("schema.enum: expected an array of values")
	end
	return node.new("enum", take("enum", options), { values = { unpack(values) } })
end

--- That value and no other.
function schema.literal(value, options)
	if value == nil then
		errors.blame("schema.literal: expected a value; json.null is null")
	end
	return node.new("enum", take("literal", options), { values = { value }, literal = true })
end

--- An array of items of one schema. Options: min, max (items), unique (true: no two are equal).
function schema.array(item, options)
	expect_schema("array", item)
	return node.new("array", take("array", options, { min = "count", max = "count", unique = "boolean" }),
		{ item = item })
end

local OBJECT = { min = "count", max = "count", extra = "any" }
local EXTRA = { ignore = true, refuse = true, keep = true }

--- An object. Its members are there, unless they are optional() or have a default.
-- @param fields name → schema
-- @param options extra: what becomes of members that have no field: "ignore" (they are left out of the
-- checked value, the default), "refuse", "keep", or a schema for their values; min, max (members)
function schema.object(fields, options)
	if type(fields) ~= "table" or node.is(fields) then
		errors.blame("schema.object: expected a table, name → schema, got a " .. (node.is(fields) and "schema"
			or type(fields)))
	end
	local own = {}
	for name, field in pairs(fields) do
		if type(name) ~= "string" then
			errors.blame("schema.object: names must be strings, got " .. tostring(name))
		elseif not node.is(field) then
			errors.blame(("schema.object: %s must be a schema, got a %s"):format(name, type(field)))
		end
		own[name] = field
	end
	options = take("object", options, OBJECT)
	local extra = options.extra or "ignore"
	if not EXTRA[extra] and not node.is(extra) then
		errors.blame('schema.object: extra must be "ignore", "refuse", "keep" or a schema, got ' .. tostring(extra))
	end
	return node.new("object", options, { fields = own, names = keys(own), extra = extra })
end

--- An object with any names and values of one schema. Options: min, max (members).
function schema.map(value, options)
	expect_schema("map", value)
	return node.new("object", take("map", options, { min = "count", max = "count" }),
		{ fields = {}, names = {}, extra = value })
end

-- The values of the member that tells choices apart → the choice.
local function choices_by(choices, by)
	local map = {}
	for i, choice in ipairs(choices) do
		local object = choice.kind == "ref" and node.resolve(choice) or choice
		local field = object.kind == "object" and object.fields[by]
		if not field or field.kind ~= "enum" then
			errors.blame(("schema.union: choice %d must be an object whose %s is a literal or an enum"):format(i, by))
		end
		for _, value in ipairs(field.values) do
			if map[value] then
				errors.blame(("schema.union: two choices have %s = %s"):format(by, tostring(value)))
			end
			map[value] = i
		end
	end
	return map
end

--- What one of several schemas accepts; the first that does is taken.
-- @param choices an array of schemas
-- @param options by: the name of a member that is a literal or an enum in every choice and tells them apart
function schema.union(choices, options)
	if type(choices) ~= "table" or #choices == 0 then
		errors.blame("schema.union: expected an array of schemas")
	end
	for _, choice in ipairs(choices) do
		expect_schema("union", choice)
	end
	options = take("union", options, { by = "string" })
	return node.new("union", options, {
		choices = { unpack(choices) },
		by = options.by,
		by_value = options.by and choices_by(choices, options.by),
	})
end

--- A schema that is declared elsewhere, or that this one is a part of.
-- @param target the name that a schema around it gets by named(); or a function that returns a schema
function schema.ref(target, options)
	if type(target) ~= "string" and type(target) ~= "function" then
		errors.blame("schema.ref: expected a name or a function, got a " .. type(target))
	end
	return node.new("ref", take("ref", options), { target = target })
end

--- Adds a format for strings, for all schemas that are made from then on.
-- There are: date, date-time, duration, email, hostname, ipv4, ipv6, json-pointer, regex, time, uri,
-- uri-reference, uuid.
-- @param name as documents will say it
-- @param test function(text) → whether the text is one
-- @param detail "must be an IBAN"
function schema.format(name, test, detail)
	if type(name) ~= "string" or type(test) ~= "function" then
		errors.blame("schema.format: expected a name and a function")
	end
	formats.known[name] = { test = test, detail = detail or "must be a valid " .. name }
end

--- Whether a value is a schema.
schema.is = node.is

--- JSON's null, as in json.null.
schema.NULL = json.null

return schema
