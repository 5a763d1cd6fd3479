--- Schemas: what they accept, what they make of it, and what they say is wrong.

local json = require("moonloop.json")
local s = require("moonloop.web.schema")
local support = require("support")

-- "pointer code; pointer code", in order.
local function faults(schema, value, mode)
	local checked, code, list = schema:check(value, mode)
	if not list then
		return "", checked
	end
	assert.is_nil(checked)
	assert.equal("invalid", code)
	local texts = {}
	for i, fault in ipairs(list) do
		assert.equal("string", type(fault.detail))
		texts[i] = fault.pointer .. " " .. fault.code
	end
	table.sort(texts)
	return table.concat(texts, "; "), list
end

local function decode(text)
	return assert(json.decode(text))
end

describe("scalars", function()
	it("check strings by characters, not bytes", function()
		local name = s.string { min = 2, max = 3 }
		for text, expected in pairs({
			a = " minLength", ab = "", abc = "", abcd = " maxLength", ["\195\164"] = " minLength",
			["\195\164\195\164"] = "", ["\195\164\195\164\195\164"] = "", ["\195\164\195\164\195\164x"] = " maxLength",
		}) do
			assert.equal(expected, (faults(name, text)), text)
		end
		assert.equal(" type", (faults(name, 5)))
	end)

	it("say in words what is wrong", function()
		local _, list = faults(s.string { min = 1 }, "")
		assert.equal("must not be empty", list[1].detail)
		_, list = faults(s.integer { max = 3 }, 5)
		assert.equal("must be at most 3", list[1].detail)
		_, list = faults(s.string():nullable(), 5)
		assert.equal("must be a string or null", list[1].detail)
		_, list = faults(s.enum { "a", "b" }, "c")
		assert.equal('must be one of "a", "b"', list[1].detail)
	end)

	it("tell whole numbers from others", function()
		for _, value in ipairs({ 1, 0, -5, 2 ^ 60, 9007199254740993LL, 18446744073709551615ULL }) do
			assert.equal("", (faults(s.integer(), value)))
		end
		for _, value in ipairs({ 1.5, "1", 0 / 0, 1 / 0, true }) do
			assert.equal(" type", (faults(s.integer(), value)))
		end
		assert.equal(" type", (faults(s.number(), 1 / 0)))
		assert.equal(" type", (faults(s.number(), 0 / 0)))
	end)

	it("limit numbers, wide ones too", function()
		local n = s.integer { min = 1, max = 10, multiple_of = 2 }
		assert.equal(" minimum", (faults(n, 0)))
		assert.equal(" maximum", (faults(n, 12)))
		assert.equal(" multipleOf", (faults(n, 3)))
		assert.equal(" maximum;  multipleOf", (faults(n, 9007199254740993LL)))
		assert.equal(" maximum", (faults(n, 9007199254740994LL)))
		local open = s.number { above = 0, below = 1 }
		assert.equal(" exclusiveMinimum", (faults(open, 0)))
		assert.equal(" exclusiveMaximum", (faults(open, 1)))
		assert.equal(" exclusiveMaximum", (faults(open, 9007199254740993LL)))
		assert.equal(" exclusiveMinimum", (faults(open, -9007199254740993LL)))
		assert.equal("", (faults(open, 0.5)))
	end)

	it("match patterns of ECMA-262", function()
		local plate = s.string { pattern = "^[A-Z]{2}-\\d+$" }
		assert.equal("", (faults(plate, "AB-12")))
		assert.equal(" pattern", (faults(plate, "AB-12\n")))
		assert.equal("", (faults(s.string { pattern = "\\u{1F319}" }, "a \240\159\140\153")))
	end)

	it("give up on a pattern that takes too long", function()
		local slow = s.string { pattern = "^(a+)+$" }
		local text, list = faults(slow, ("a"):rep(40) .. "!")
		assert.equal(" pattern", text)
		support.contains("takes too long", list[1].detail)
		assert.equal(" pattern", (faults(s.string { pattern = "(?=(a+))\\1b" }, ("a"):rep(9000))))
		assert.equal("", (faults(s.string { pattern = "^a+$" }, ("a"):rep(1000000))))
		assert.equal("", (faults(s.string { pattern = "foo.*bar" }, "foo" .. ("a"):rep(8000) .. "bar")))
	end)

	it("know formats, and learn new ones", function()
		assert.equal("", (faults(s.string { format = "uuid" }, "0190b6a4-1f2e-7000-8000-0123456789ab")))
		local _, list = faults(s.string { format = "uuid" }, "0190b6a4")
		assert.equal("must be a UUID", list[1].detail)
		s.format("even", function(text)
			return #text % 2 == 0
		end, "must be of even length")
		assert.equal("", (faults(s.string { format = "even" }, "ab")))
		_, list = faults(s.string { format = "even" }, "abc")
		assert.equal("must be of even length", list[1].detail)
		support.contains("unknown format odd", support.raises(s.string, { format = "odd" }))
	end)

	it("take one of some values", function()
		local kind = s.enum { "a", 1, true, json.null }
		for _, value in ipairs({ "a", 1, true, json.null }) do
			assert.equal("", (faults(kind, value)))
		end
		assert.equal(" enum", (faults(kind, "1")))
		assert.equal(" const", (faults(s.literal "x", "y")))
		assert.equal("", (faults(s.literal { 1, 2 }, { 1, 2 })))
		assert.equal("", (faults(s.boolean(), false)))
		assert.equal(" type", (faults(s.boolean(), "false")))
		assert.equal("", (faults(s.null(), json.null)))
		assert.equal(" type", (faults(s.null(), 0)))
		assert.equal("", (faults(s.any(), {})))
	end)
end)

describe("objects and arrays", function()
	local Item = s.object { name = s.string(), price = s.number { min = 0 } }

	it("find every fault and say where", function()
		local order = s.object { id = s.integer(), items = s.array(Item, { min = 1 }), ["a/b~c"] = s.boolean() }
		assert.equal("/a~1b~0c required; /id type; /items/1/price minimum; /items/2/name required; "
			.. "/items/2/price required; /items/3 type", (faults(order, decode
			'{"id": "x", "items": [{"name":"a","price":1},{"name":"b","price":-1},{},5]}', "json")))
		assert.equal(" type", (faults(order, decode "[]", "json")))
		assert.equal("/a~1b~0c required; /items minItems", (faults(order, decode '{"id":1,"items":[]}', "json")))
	end)

	it("do with members that are not declared what they are told", function()
		local value = decode '{"name":"a","price":1,"more":2}'
		assert.same({ name = "a", price = 1 }, (Item:check(value, "json")))
		assert.equal(2, value.more)
		local fields = { name = s.string(), price = s.number() }
		assert.same({ name = "a", price = 1, more = 2 }, s.object(fields, { extra = "keep" }):check(value, "json"))
		assert.equal("/more additionalProperties", (faults(s.object(fields, { extra = "refuse" }), value, "json")))
		assert.equal("/more type", (faults(s.object(fields, { extra = s.string() }), value, "json")))
		assert.same({ a = 1, b = 2 }, (s.map(s.integer()):check({ a = 1, b = 2 })))
		assert.equal(" maxProperties", (faults(s.map(s.integer(), { max = 1 }), { a = 1, b = 2 })))
		assert.equal(" minProperties", (faults(s.map(s.integer(), { min = 1 }), {})))
	end)

	it("fill in defaults, each time a fresh one", function()
		local schema = s.object { list = s.array(s.integer()):default {}, n = s.integer { default = 5 } }
		local first, second = schema:check({}), schema:check({})
		assert.equal('{"list":[],"n":5}', json.encode(first, { sort = true }))
		assert.are_not.equal(first.list, second.list)
		support.contains("the default of n must be an integer", support.raises(function()
			s.object({ n = s.integer():default "x" }):check({})
		end))
	end)

	it("tell null from what is not there", function()
		local schema = s.object { a = s.string():nullable(), b = s.string():optional() }
		assert.equal("", (faults(schema, decode '{"a":null}', "json")))
		assert.equal("/a required", (faults(schema, decode "{}", "json")))
		assert.equal("/b type", (faults(schema, decode '{"a":"","b":null}', "json")))
		assert.equal(json.null, schema:check({}, "lua").a)
	end)

	it("take a program's tables as arrays, and mark them", function()
		local list = s.array(s.integer(), { max = 2, unique = true })
		assert.equal("[]", json.encode((list:check({}))))
		assert.equal("[1,2]", json.encode((list:check({ 1, 2 }))))
		assert.equal(" type", (faults(list, decode "{}", "json")))
		assert.equal(" type", (faults(list, { a = 1 })))
		assert.equal(" maxItems", (faults(list, { 1, 2, 3 })))
		assert.equal(" uniqueItems", (faults(list, { 1, 1 })))
		assert.equal(" type", (faults(Item, { 1 })))
		assert.equal("", (faults(s.array(s.any(), { unique = true }), { 1, "1", { 1 }, { "1" }, true })))
	end)

	it("stop looking at the limit", function()
		local saved = s.limits.faults
		s.limits.faults = 3
		local text, list = faults(s.array(s.string()), { 1, 2, 3, 4, 5, 6 })
		s.limits.faults = saved
		assert.equal("/0 type; /1 type; /2 type", text)
		assert.is_true(list.full)
	end)
end)

describe("unions and references", function()
	it("take the first choice that fits", function()
		local schema = s.union { s.integer(), s.string { format = "date" } }
		assert.equal("", (faults(schema, 5)))
		assert.equal("", (faults(schema, "2026-01-01")))
		assert.equal(" format", (faults(schema, "x")))
		local _, list = faults(schema, true)
		assert.equal("anyOf", list[1].code)
		assert.equal("must be an integer, or a string", list[1].detail)
	end)

	it("look into the only choice of the right type", function()
		local schema = s.union { s.string(), s.object { a = s.integer() } }
		assert.equal("/a type", (faults(schema, { a = "x" })))
	end)

	it("go by a member", function()
		local Cat = s.object { kind = s.literal "cat", lives = s.integer() }:named "Cat"
		local Dog = s.object { kind = s.enum { "dog", "puppy" }, name = s.string() }
		local schema = s.union({ Cat, Dog }, { by = "kind" })
		assert.equal("", (faults(schema, { kind = "cat", lives = 9 })))
		assert.equal("/lives required", (faults(schema, { kind = "cat" })))
		assert.equal("/name required", (faults(schema, { kind = "puppy" })))
		assert.equal("/kind enum", (faults(schema, { kind = "cow" })))
		assert.equal("/kind required", (faults(schema, {})))
		assert.equal(" type", (faults(schema, 5)))
		support.contains("choice 1 must be an object", support.raises(s.union, { s.string() }, { by = "kind" }))
		support.contains("two choices have kind = cat", support.raises(s.union, { Cat, Cat }, { by = "kind" }))
	end)

	it("recur, by name and by function", function()
		local Node = s.object { value = s.integer(), next = s.ref("Node"):optional() }:named "Node"
		assert.equal("/next/next/value required", (faults(Node, { value = 1, next = { value = 2, next = {} } })))
		local A, B
		A = s.object { b = s.ref(function() return B end):optional() }:named "A"
		B = s.object { a = s.ref(function() return A end):optional(), n = s.integer() }:named "B"
		assert.equal("/b/a/b/n required", (faults(A, { b = { n = 1, a = { b = {} } } })))
		assert.same({ "A", "B" }, (function()
			local names = {}
			for name in pairs(A:json_schema()["$defs"]) do
				names[#names + 1] = name
			end
			table.sort(names)
			return names
		end)())
		support.contains('no schema around it is named "X"', support.raises(function()
			s.array(s.ref "X"):check({})
		end))
		support.contains("schema with a name", support.raises(function()
			s.ref(function() return s.string() end):check("")
		end))
	end)
end)

describe("checks of the application", function()
	it("run when all else is well", function()
		local calls = 0
		local even = s.integer { check = function(n)
			calls = calls + 1
			return n % 2 == 0 or nil, "must be even"
		end }
		assert.equal("", (faults(even, 2)))
		local text, list = faults(even, 3)
		assert.equal(" check", text)
		assert.equal("must be even", list[1].detail)
		assert.equal(" type", (faults(even, "x")))
		assert.equal(2, calls)
	end)

	it("see whole objects", function()
		local range = s.object({ from = s.integer(), to = s.integer() }, { check = function(value)
			return value.from <= value.to
		end })
		local schema = s.object { range = range }
		assert.equal("", (faults(schema, { range = { from = 1, to = 2 } })))
		local text, list = faults(schema, { range = { from = 2, to = 1 } })
		assert.equal("/range check", text)
		assert.equal("is not accepted", list[1].detail)
	end)
end)

describe("text", function()
	it("is converted", function()
		local schema = s.object {
			n = s.integer():optional(), x = s.number():optional(), b = s.boolean():optional(),
			e = s.enum({ 1, 2 }):optional(), list = s.array(s.integer()):optional(),
			u = s.union({ s.integer(), s.string() }):optional(),
		}
		local given = { n = "-05", x = "1.5e1", b = "true", e = "2", list = { "1", "2" }, u = "7" }
		local value = assert(schema:check(given, "text"))
		assert.same({ -5, 15, true, 2, 7 }, { value.n, value.x, value.b, value.e, value.u })
		assert.same({ 1, 2 }, { unpack(value.list) })
		assert.equal(9223372036854775807LL, schema:check({ n = "9223372036854775807" }, "text").n)
		assert.equal("seven", schema:check({ u = "seven" }, "text").u)
		assert.equal("/b type; /n type; /x type", (faults(schema, { n = "1.5", x = "0x10", b = "yes" }, "text")))
		assert.equal("/x type", (faults(schema, { x = "nan" }, "text")))
	end)

	it("has to be UTF-8", function()
		assert.equal(" type", (faults(s.string(), "\255", "text")))
		assert.equal("", (faults(s.string(), "\195\164", "text")))
	end)
end)

describe("misuse", function()
	it("is blamed on the caller's line", function()
		for what, call in pairs({
			["schema.string: unknown option mni"] = function() s.string { mni = 1 } end,
			["schema.string: min must be an integer >= 0, got -1"] = function() s.string { min = -1 } end,
			["schema.integer: max must be a number, got a string"] = function() s.integer { max = "5" } end,
			["schema.integer: multiple_of must be above 0"] = function() s.integer { multiple_of = 0 } end,
			["schema.string: pattern \"(\": missing closing parenthesis"] = function() s.string { pattern = "(" } end,
			["schema.array: expected a schema, got a nil"] = function() s.array() end,
			["schema.object: a must be a schema, got a string"] = function() s.object { a = "string" } end,
			["schema.object: extra must be"] = function() s.object({}, { extra = "drop" }) end,
			["schema.enum: expected an array of values"] = function() s.enum {} end,
			["schema.union: expected an array"] = function() s.union {} end,
			["schema.ref: expected a name or a function"] = function() s.ref(5) end,
			["schema:named: expected"] = function() s.string():named "a b" end,
			["schema:default: expected a value"] = function() s.string():default() end,
			["schema.format: expected a name"] = function() s.format("x") end,
			["the mode must be"] = function() s.string():check("", "xml") end,
		}) do
			support.contains(what, support.raises(call))
		end
		local at = support.line(1)
		support.begins(at, support.raises(function() s.string { mni = 1 } end))
	end)

	it("leaves schemas as they are", function()
		local name = s.string()
		local optional = name:optional()
		assert.are_not.equal(name, optional)
		assert.equal("/a required", (faults(s.object { a = name }, {})))
		assert.equal("", (faults(s.object { a = optional }, {})))
		assert.is_true(s.is(name))
		assert.is_false(s.is({}))
	end)
end)
