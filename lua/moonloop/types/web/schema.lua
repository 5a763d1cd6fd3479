---@meta moonloop.web.schema

---@class moonloop.SchemaOptions
---@field title? string
---@field description? string
---@field examples? any[]
---@field deprecated? boolean
---@field default? any
---@field check? fun(value: any): boolean?, string? true; nil and why not

---@alias moonloop.Format string
---| "date"
---| "date-time"
---| "duration"
---| "email"
---| "hostname"
---| "ipv4"
---| "ipv6"
---| "json-pointer"
---| "regex"
---| "time"
---| "uri"
---| "uri-reference"
---| "uuid"

---@class moonloop.StringOptions: moonloop.SchemaOptions
---@field min? integer characters
---@field max? integer characters
---@field pattern? string a regular expression of ECMA-262 with its u flag
---@field format? moonloop.Format

---@class moonloop.NumberOptions: moonloop.SchemaOptions
---@field min? number
---@field max? number
---@field above? number
---@field below? number
---@field multiple_of? number

---@class moonloop.ArrayOptions: moonloop.SchemaOptions
---@field min? integer items
---@field max? integer items
---@field unique? boolean

---@class moonloop.ObjectOptions: moonloop.SchemaOptions
---@field extra? "ignore"|"refuse"|"keep"|moonloop.Schema
---@field min? integer members
---@field max? integer members

---@class moonloop.UnionOptions: moonloop.SchemaOptions
---@field by? string the member that tells the choices apart

---@class moonloop.Fault
---@field pointer string RFC 6901
---@field code string the keyword of JSON Schema, or "check"
---@field detail string
---@field in? "path"|"query"|"header"|"cookie"|"body"

---@class moonloop.Schema
local Schema = {}

---As a member it may be left out.
---@return moonloop.Schema
function Schema:optional() end

---null will do, too.
---@return moonloop.Schema
function Schema:nullable() end

---As a member it may be left out; then it is that.
---@param value any
---@return moonloop.Schema
function Schema:default(value) end

---Documents describe it once, by that name.
---@param name string
---@return moonloop.Schema
function Schema:named(name) end

---@param value any
---@param mode? "lua"|"json"|"text"
---@return any checked
---@return "invalid"? code
---@return moonloop.Fault[]? faults
function Schema:check(value, mode) end

---The document of JSON Schema 2020-12.
---@return table
function Schema:json_schema() end

local schema = {
	limits = { faults = 1000 },
	NULL = nil, ---@type userdata
}

---@param options? moonloop.StringOptions
---@return moonloop.Schema
function schema.string(options) end

---@param options? moonloop.NumberOptions
---@return moonloop.Schema
function schema.integer(options) end

---@param options? moonloop.NumberOptions
---@return moonloop.Schema
function schema.number(options) end

---@param options? moonloop.SchemaOptions
---@return moonloop.Schema
function schema.boolean(options) end

---@param options? moonloop.SchemaOptions
---@return moonloop.Schema
function schema.null(options) end

---@param options? moonloop.SchemaOptions
---@return moonloop.Schema
function schema.any(options) end

---@param values any[]
---@param options? moonloop.SchemaOptions
---@return moonloop.Schema
function schema.enum(values, options) end

---@param value any
---@param options? moonloop.SchemaOptions
---@return moonloop.Schema
function schema.literal(value, options) end

---@param item moonloop.Schema
---@param options? moonloop.ArrayOptions
---@return moonloop.Schema
function schema.array(item, options) end

---@param fields table<string, moonloop.Schema>
---@param options? moonloop.ObjectOptions
---@return moonloop.Schema
function schema.object(fields, options) end

---@param value moonloop.Schema
---@param options? moonloop.ObjectOptions
---@return moonloop.Schema
function schema.map(value, options) end

---@param choices moonloop.Schema[]
---@param options? moonloop.UnionOptions
---@return moonloop.Schema
function schema.union(choices, options) end

---@param target string|fun(): moonloop.Schema
---@param options? moonloop.SchemaOptions
---@return moonloop.Schema
function schema.ref(target, options) end

---Adds a format for strings.
---@param name string
---@param test fun(text: string): boolean
---@param detail? string "must be an IBAN"
function schema.format(name, test, detail) end

---@param value any
---@return boolean
function schema.is(value) end

return schema
