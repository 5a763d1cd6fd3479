--- Makes schemas of moonloop.web.schema from documents of JSON Schema, as far as the two say the same.

local json = require("moonloop.json")
local s = require("moonloop.web.schema")

local convert = {}

local TYPES = { "string", "number", "boolean", "null", "array", "object" }

-- Keywords that need nothing done.
local SILENT = { ["$schema"] = true, ["$comment"] = true, ["$defs"] = true, ["definitions"] = true,
	title = true, description = true, default = true, examples = true, deprecated = true, discriminator = true }

local function unsupported(what)
	error({ unsupported = what })
end

local function types_of(doc)
	local types = doc.type or TYPES
	return type(types) == "table" and types or { types }
end

local function used(keys, doc, ...)
	local values = {}
	for i = 1, select("#", ...) do
		local key = select(i, ...)
		keys[key] = true
		values[i] = doc[key]
	end
	return unpack(values, 1, select("#", ...))
end

local make = {}

function make.string(doc, keys)
	local min, max, pattern, format = used(keys, doc, "minLength", "maxLength", "pattern", "format")
	if pattern and pattern:find("\\p{%a%a%a") then
		unsupported("a long name in \\p{}") -- not known to PCRE2
	end
	return s.string { min = min, max = max, pattern = pattern, format = format }
end

local function numeric(kind)
	return function(doc, keys)
		local min, max, above, below, step = used(keys, doc, "minimum", "maximum", "exclusiveMinimum",
			"exclusiveMaximum", "multipleOf")
		return s[kind] {
			min = tonumber(min),
			max = tonumber(max),
			above = tonumber(above),
			below = tonumber(below),
			multiple_of = step,
		}
	end
end
make.number, make.integer = numeric("number"), numeric("integer")

function make.boolean()
	return s.boolean()
end

function make.null()
	return s.null()
end

function make.array(doc, keys, context)
	local items, min, max, unique = used(keys, doc, "items", "minItems", "maxItems", "uniqueItems")
	return s.array(items == nil and s.any() or context:schema(items), { min = min, max = max, unique = unique })
end

function make.object(doc, keys, context)
	local properties, required, extra, min, max = used(keys, doc, "properties", "required",
		"additionalProperties", "minProperties", "maxProperties")
	local fields = {}
	for name, part in pairs(properties or {}) do
		fields[name] = context:schema(part):optional()
	end
	for _, name in ipairs(required or {}) do
		fields[name] = properties and properties[name] and context:schema(properties[name]) or s.any()
	end
	if extra == nil or extra == true then
		extra = "keep"
	else
		extra = extra == false and "refuse" or context:schema(extra)
	end
	return s.object(fields, { extra = extra, min = min, max = max })
end

local function values_of(doc, keys)
	if doc.const == nil and doc.enum == nil then
		return nil
	end
	local const, enum = used(keys, doc, "const", "enum", "type")
	if const ~= nil then
		return s.literal(const)
	end
	return s.enum(enum)
end

local Context = {}
Context.__index = Context

-- "#/$defs/a~1b" → the document there
local function find(root, pointer)
	local at = root
	for token in pointer:gmatch("/([^/]*)") do
		token = token:gsub("%%(%x%x)", function(hex)
			return string.char(tonumber(hex, 16))
		end):gsub("~1", "/"):gsub("~0", "~")
		at = type(at) == "table" and (at[token] or at[tonumber(token) and tonumber(token) + 1])
	end
	return at
end

function Context:reference(doc)
	local pointer = doc["$ref"]:match("^#(.*)$")
	local target = pointer and (pointer == "" or pointer:find("^/")) and find(self.root, pointer)
	if not target then
		unsupported("$ref " .. doc["$ref"])
	end
	return s.ref(function()
		if not self.named[pointer] then
			self.count = self.count + 1
			self.named[pointer] = self:schema(target):named("d" .. self.count)
		end
		return self.named[pointer]
	end)
end

local function choices_of(doc, keys, context)
	local any, one = doc.anyOf, doc.discriminator and doc.oneOf
	if not any and not one then
		return nil
	end
	used(keys, doc, any and "anyOf" or "oneOf")
	local choices = {}
	for i, choice in ipairs(any or one) do
		choices[i] = context:schema(choice)
	end
	return s.union(choices, { by = doc.discriminator and doc.discriminator.propertyName })
end

local function by_type(doc, keys, context)
	local choices = {}
	keys.type = true
	for i, kind in ipairs(types_of(doc)) do
		choices[i] = make[kind](doc, keys, context)
	end
	if #choices == 2 and types_of(doc)[2] == "null" then
		return choices[1]:nullable()
	end
	return #choices == 1 and choices[1] or s.union(choices)
end

function Context:schema(doc)
	if doc == true then
		return s.any()
	elseif doc == false then
		unsupported("false")
	end
	local keys = { ["$ref"] = true }
	local made = doc["$ref"] and self:reference(doc) or values_of(doc, keys) or choices_of(doc, keys, self)
		or by_type(doc, keys, self)
	for key in pairs(doc) do
		if not keys[key] and not SILENT[key] then
			unsupported(key)
		end
	end
	return made
end

--- @return a schema; nil and what it says that schemas cannot say
function convert.schema(doc)
	local context = setmetatable({ root = doc, named = {}, count = 0 }, Context)
	local ok, made = pcall(function()
		local made = context:schema(doc)
		made:compile("json")
		return made
	end)
	if ok then
		return made
	elseif type(made) == "table" and made.unsupported then
		return nil, made.unsupported
	end
	error(made, 0)
end

--- Whether a schema accepts a decoded document.
function convert.accepts(schema, value)
	local _, faults = schema:compile("json")(value)
	return faults == nil, faults and json.encode(faults)
end

return convert
