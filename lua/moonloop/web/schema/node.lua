--- A schema: what a value has to be. It never changes: its methods answer with a changed copy.
--
-- kind        "string", "integer", "number", "boolean", "null", "any", "enum", "array", "object",
--             "union" or "ref"
-- options     what was declared: limits, description, examples, check ...
-- item        of an array: the schema of its items
-- fields      of an object: name → schema; names: the names, sorted
-- extra       of an object, for members that have no field: "ignore", "refuse", "keep" or a schema
-- values      of an enum, an array; literal: whether it was declared as a literal
-- choices     of a union, an array of schemas; by: the member that tells them apart, or nil
-- target      of a ref: a schema, a function that returns it, or the name of one that is not known yet
-- optional    may be left out where it is a member
-- nullable    null will do, too
-- has_default, fallback  what stands for it when it is left out
-- name        under which documents refer to it; origin: the schema to which the name was given

local errors = require("moonloop.core.errors")

local node = {}

local methods = {}
local Schema = { __name = "moonloop.schema", __index = methods }

--- @param fields the node's own fields, see above
function node.new(kind, options, fields)
	local self = fields or {}
	self.kind, self.options = kind, options or {}
	self.is_optional, self.is_nullable, self.has_default = false, false, false
	self.compiled_ = {} -- mode → function
	if self.options.default ~= nil then
		self.has_default, self.is_optional, self.fallback = true, true, self.options.default
	end
	return setmetatable(self, Schema)
end

function node.is(value)
	return getmetatable(value) == Schema
end

local function copy(self)
	local new = {}
	for key, value in next, self do
		new[key] = value
	end
	new.compiled_ = {}
	return setmetatable(new, Schema)
end

--- Calls fn for each schema that a schema is made of, itself first, each one once; refs are followed
-- as far as they are bound.
function node.walk(self, fn, seen)
	seen = seen or {}
	if seen[self] then
		return
	end
	seen[self] = true
	fn(self)
	if self.item then
		node.walk(self.item, fn, seen)
	end
	for _, name in ipairs(self.names or {}) do
		node.walk(self.fields[name], fn, seen)
	end
	if node.is(self.extra) then
		node.walk(self.extra, fn, seen)
	end
	for _, choice in ipairs(self.choices or {}) do
		node.walk(choice, fn, seen)
	end
	if self.kind == "ref" and node.is(self.target) then
		node.walk(self.target, fn, seen)
	end
end

--- Finds the schema that each ref means.
-- @raise a text when there is none
function node.bind(self)
	local again
	repeat
		again = false
		node.walk(self, function(part)
			if part.kind == "ref" and not node.is(part.target) then
				node.resolve(part)
				again = true
			end
		end)
	until not again
end

--- The schema that a ref means.
-- @raise a text when there is none
function node.resolve(ref)
	local target = ref.target
	if type(target) == "function" then
		target = target()
		if not node.is(target) or not target.name then
			error("schema.ref: the function must return a schema with a name, it returned a "
				.. (node.is(target) and "schema without one" or type(target)), 0)
		end
		ref.target = target
	elseif type(target) == "string" then
		error(("schema.ref: no schema around it is named %q"):format(target), 0)
	end
	return target
end

--- As a member it may be left out.
function methods:optional()
	local new = copy(self)
	new.is_optional = true
	return new
end

--- null will do, too. It is json.null to Lua; in a response nil stands for it as well.
function methods:nullable()
	local new = copy(self)
	new.is_nullable = true
	return new
end

--- As a member it may be left out; then this value stands for it, a fresh copy each time.
function methods:default(value)
	if value == nil then
		errors.blame("schema:default: expected a value; json.null is null")
	end
	local new = copy(self)
	new.is_optional, new.has_default, new.fallback = true, true, value
	return new
end

--- Gives it a name: documents describe it once and refer to it. References to that name inside of
-- it mean it.
function methods:named(name)
	if type(name) ~= "string" or not name:find("^[%w._-]+$") then
		errors.blame("schema:named: expected letters, digits and ._-, got " .. tostring(name))
	end
	local new = copy(self)
	new.name, new.origin = name, false
	new.origin = copy(new)
	new.origin.origin = new.origin
	node.walk(new, function(part)
		if part.kind == "ref" and part.target == name then
			part.target = new.origin
		end
	end)
	return new
end

--- Checks a value.
-- @param mode "lua": values made by a program, where {} may be an array and nil null; "json": what
-- json.decode returned; "text": strings from a query or a form, which are converted
-- @return the checked value: members that are not declared are left out, defaults filled in; nil,
-- "invalid", an array of {pointer = "/items/3/price" (RFC 6901), code = "minimum", detail = a sentence}
function methods:check(value, mode)
	local checked, faults = self:compile(mode or "lua")(value)
	if faults then
		return nil, "invalid", faults
	end
	return checked
end

--- The function that check() calls: (value) → the checked value, nil or the array of faults.
function methods:compile(mode)
	local check = self.compiled_[mode]
	if not check then
		check = require("moonloop.web.schema.compile").compile(self, mode)
		self.compiled_[mode] = check
	end
	return check
end

--- The document of JSON Schema (2020-12) that says the same. Custom checks are not in it.
function methods:json_schema()
	return require("moonloop.web.schema.json_schema").document(self)
end

return node
