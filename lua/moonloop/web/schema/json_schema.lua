--- Schemas as documents of JSON Schema (2020-12), which is what OpenAPI 3.1 takes.

local json = require("moonloop.json")
local node = require("moonloop.web.schema.node")

local json_schema = {}

local write = {}

function write.any() end

local function scalar(self, out)
	out.type = self.kind
end
write.boolean, write.null = scalar, scalar

function write.string(self, out)
	out.type = "string"
	out.minLength, out.maxLength = self.options.min, self.options.max
	out.pattern, out.format = self.options.pattern, self.options.format
end

local function numeric(self, out)
	local o = self.options
	out.type = self.kind
	out.minimum, out.maximum, out.multipleOf = o.min, o.max, o.multiple_of
	out.exclusiveMinimum, out.exclusiveMaximum = o.above, o.below
end
write.integer, write.number = numeric, numeric

local TYPES = { string = "string", number = "number", boolean = "boolean" }

function write.enum(self, out)
	if self.literal then
		out.const = self.values[1]
	else
		out.enum = json.array({ unpack(self.values) })
	end
	local kind = TYPES[type(self.values[1])]
	for _, value in ipairs(self.values) do
		if TYPES[type(value)] ~= kind then
			return
		end
	end
	out.type = kind
end

function write.array(self, out, refer)
	out.type = "array"
	out.items = json_schema.of(self.item, refer)
	out.minItems, out.maxItems, out.uniqueItems = self.options.min, self.options.max, self.options.unique
end

function write.object(self, out, refer)
	local required = json.array {}
	out.type = "object"
	out.minProperties, out.maxProperties = self.options.min, self.options.max
	for _, name in ipairs(self.names) do
		out.properties = out.properties or {}
		out.properties[name] = json_schema.of(self.fields[name], refer)
		if not self.fields[name].is_optional then
			required[#required + 1] = name
		end
	end
	out.required = #required > 0 and required or nil
	if self.extra == "refuse" then
		out.additionalProperties = false
	elseif node.is(self.extra) then
		out.additionalProperties = json_schema.of(self.extra, refer)
	end
end

local function discriminator(self, refer)
	local mapping
	for value, i in pairs(self.by_value) do
		local ref = json_schema.of(self.choices[i], refer)["$ref"]
		if ref and type(value) == "string" then
			mapping = mapping or {}
			mapping[value] = ref
		end
	end
	return { propertyName = self.by, mapping = mapping }
end

function write.union(self, out, refer)
	local choices = json.array {}
	for i, choice in ipairs(self.choices) do
		choices[i] = json_schema.of(choice, refer)
	end
	out[self.by and "oneOf" or "anyOf"] = choices
	out.discriminator = self.by and discriminator(self, refer)
end

function write.ref(self, out, refer)
	for key, value in pairs(json_schema.of(node.resolve(self), refer)) do
		out[key] = value
	end
end

-- A document that accepts null, too.
local function with_null(out)
	local values = out.enum or out.const ~= nil and json.array { out.const }
	if out["$ref"] or out.oneOf then
		return { anyOf = json.array { out, { type = "null" } } }
	elseif out.anyOf then
		table.insert(out.anyOf, { type = "null" })
	elseif values then
		table.insert(values, json.null)
		out.enum, out.const = values, nil
	end
	if out.type then
		out.type = json.array { out.type, "null" }
	end
	return out
end

local function describe(self, out)
	local o = self.options
	out.title, out.description, out.deprecated = o.title, o.description, o.deprecated
	out.examples = o.examples and json.array({ unpack(o.examples) })
	return out
end

--- @param refer function(schema) → the reference that stands for a named schema
function json_schema.of(self, refer)
	local out = {}
	if self.name then
		out["$ref"] = refer(self.origin)
	else
		write[self.kind](self, out, refer)
		describe(self, out)
	end
	if self.is_nullable and (self.kind ~= "any" or self.name) then
		out = with_null(out)
	end
	if self.has_default then
		out.default = self:check(self.fallback)
	end
	return out
end

--- What a named schema is, as the place where it is referred to has it.
function json_schema.definition(self, refer)
	local out = describe(self, {})
	write[self.kind](self, out, refer)
	return self.is_nullable and self.kind ~= "any" and with_null(out) or out
end

--- Collects named schemas. refer is what of() wants; definitions() returns their documents by name.
-- @param prefix "#/$defs/"
-- @return refer, definitions
function json_schema.collector(prefix)
	local named, todo = {}, {}
	local function refer(self)
		local there = named[self.name]
		if there and there ~= self then
			error(("two schemas are named %s"):format(self.name), 0)
		elseif not there then
			named[self.name] = self
			todo[#todo + 1] = self
		end
		return prefix .. self.name
	end
	local documents = {}
	local function definitions()
		while #todo > 0 do
			local self = table.remove(todo)
			documents[self.name] = json_schema.definition(self, refer)
		end
		return next(documents) and documents or nil
	end
	return refer, definitions
end

--- A document of its own.
function json_schema.document(self)
	node.bind(self)
	local refer, definitions = json_schema.collector("#/$defs/")
	local out = json_schema.of(self, refer)
	out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	out["$defs"] = definitions()
	return out
end

return json_schema
