--- The official test cases of JSON Schema 2020-12, for the keywords that schemas emit. Debian's
-- libtest-json-schema-acceptance-perl has them. Each group of cases is run twice: with the schema made
-- from its document, and with one made from the document that this schema emits.

local convert = require("support_json_schema")
local json = require("moonloop.json")

local SUITE = "/usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance/tests/draft2020-12/"

-- File → how many of its groups say what schemas cannot say: false as a schema, allOf, $id,
-- prefixItems, patternProperties, references to other documents.
local FILES = {
	additionalProperties = 3, anyOf = 3, boolean_schema = 1, const = 0, default = 0, enum = 0,
	exclusiveMaximum = 0, exclusiveMinimum = 0, items = 5, maxItems = 0, maxLength = 0, maxProperties = 0,
	maximum = 0, minItems = 0, minLength = 0, minProperties = 0, minimum = 0, multipleOf = 0, pattern = 0,
	properties = 2, ref = 24, required = 0, type = 0, uniqueItems = 4,
	["optional/bignum"] = 0, ["optional/ecmascript-regex"] = 8, ["optional/float-overflow"] = 0,
	["optional/no-schema"] = 0, ["optional/non-bmp-regex"] = 1,
	["optional/format/date"] = 0, ["optional/format/date-time"] = 0, ["optional/format/duration"] = 0,
	["optional/format/email"] = 0, ["optional/format/hostname"] = 0, ["optional/format/ipv4"] = 0,
	["optional/format/ipv6"] = 0, ["optional/format/json-pointer"] = 0, ["optional/format/regex"] = 0,
	["optional/format/time"] = 0, ["optional/format/uri"] = 0, ["optional/format/uri-reference"] = 0,
	["optional/format/uuid"] = 0,
}

-- Of the optional cases: \s is ASCII's white space to PCRE2, Unicode's to ECMA-262.
local OTHERWISE = {
	["ECMA 262 \\s matches whitespace: latin-1 non-breaking-space matches"] = true,
	["ECMA 262 \\s matches whitespace: zero-width whitespace matches"] = true,
	["ECMA 262 \\s matches whitespace: paragraph separator matches (line terminator)"] = true,
	["ECMA 262 \\s matches whitespace: EM SPACE matches (Space_Separator)"] = true,
	["ECMA 262 \\S matches everything but whitespace: latin-1 non-breaking-space does not match"] = true,
	["ECMA 262 \\S matches everything but whitespace: zero-width whitespace does not match"] = true,
	["ECMA 262 \\S matches everything but whitespace: paragraph separator does not match"
		.. " (line terminator)"] = true,
	["ECMA 262 \\S matches everything but whitespace: EM SPACE does not match (Space_Separator)"] = true,
}

local function read(name)
	local file = assert(io.open(SUITE .. name .. ".json"))
	local text = file:read("*a")
	file:close()
	return assert(json.decode(text))
end

local function run(schema, group, at)
	for _, case in ipairs(group.tests) do
		local title = group.description .. ": " .. case.description
		local accepted, faults = convert.accepts(schema, case.data)
		assert.equal(case.valid ~= (OTHERWISE[title] or false), accepted,
			("%s: %s %s"):format(at, title, faults or ""))
	end
end

describe("the official cases of JSON Schema", function()
	for name, expected in pairs(FILES) do
		it(name, function()
			local skipped = {}
			for _, group in ipairs(read(name)) do
				local schema, why = convert.schema(group.schema)
				if schema then
					run(schema, group, "as given")
					run(assert(convert.schema(assert(json.decode(json.encode(schema:json_schema()))))), group, "as emitted")
				else
					skipped[#skipped + 1] = why
				end
			end
			assert.equal(expected, #skipped, table.concat(skipped, ", "))
		end)
	end
end)
