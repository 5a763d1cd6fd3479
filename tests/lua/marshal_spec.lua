-- luajit /usr/bin/busted --lpath="lua/?.lua;lua/?/init.lua" tests/lua/marshal_spec.lua

local marshal = require("moonloop.core.marshal")
local plain = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "plain_env.lua")

local function pack(...)
	return plain({ n = select("#", ...), ... })
end

--- The values after their way through bytes.
local function cross(...)
	local bytes = assert(marshal.encode(pack(...), "argument"))
	local root = marshal.decode(bytes)
	assert.equal(select("#", ...), root.n)
	return unpack(root, 1, root.n)
end

local function refusal(fn, ...)
	local root = pack(...)
	root.fn = plain(fn)
	local bytes, why = marshal.encode(root, "argument")
	assert.is_nil(bytes)
	return why
end

describe("marshal: plain values", function()
	it("keeps scalars as they are", function()
		local a, b, c, d, e, f = cross(1.5, "a\0b", true, false, nil, "")
		assert.same({ 1.5, "a\0b", true, false, [6] = "" }, { a, b, c, d, e, f })
		assert.equal(0, select("#", cross()))
		assert.equal(3, select("#", cross(nil, nil, nil)))
	end)

	it("keeps special numbers", function()
		local nan, huge, tiny, zero = cross(0 / 0, math.huge, 2 ^ -1074, -0.0)
		assert.is_true(nan ~= nan)
		assert.equal(math.huge, huge)
		assert.equal(2 ^ -1074, tiny)
		assert.equal(-math.huge, 1 / zero)
	end)

	it("carries 64-bit integers", function()
		local signed, unsigned, field = cross(-5LL, 0xffffffffffffffffULL, { x = 7LL })
		assert.is_true(signed == -5LL)
		assert.is_true(unsigned == 0xffffffffffffffffULL)
		assert.is_true(field.x == 7LL)
	end)

	it("copies tables", function()
		local t = { 1, 2, nil, 4, x = { y = { "z" } }, [1.5] = true, [false] = "no" }
		local copy = cross(t)
		assert.same(t, copy)
		assert.not_equal(t, copy)
	end)

	it("keeps tables empty, mixed and with holes", function()
		local t = {}
		t[1], t[5], t[100] = "a", {}, {}
		local copy = cross(t)
		assert.same(t, copy)
		assert.same({ {}, { {} } }, { (cross({})), (cross({ {} })) })
	end)
end)

describe("marshal: identity", function()
	it("keeps a shared table one table", function()
		local shared = { 1 }
		local a, b = cross({ shared, shared }, shared)
		assert.equal(a[1], a[2])
		assert.equal(a[1], b)
	end)

	it("keeps cycles", function()
		local t = { name = "t" }
		t.self = t
		t.list = { t, { t } }
		local copy = cross(t)
		assert.equal(copy, copy.self)
		assert.equal(copy, copy.list[2][1])
		assert.equal("t", copy.name)
	end)

	it("keeps tables and functions as keys", function()
		local key = { 1 }
		local fn = function()
			return "called"
		end
		local copy, copied_key = cross({ [key] = "by table", [fn] = key }, key)
		assert.equal("by table", copy[copied_key])
		for k, v in pairs(copy) do
			if type(k) == "function" then
				assert.equal("called", k())
				assert.equal(copied_key, v)
			end
		end
	end)

	it("goes a hundred thousand tables deep", function()
		local t = {}
		local deepest = t
		for _ = 1, 100000 do
			deepest[1] = {}
			deepest = deepest[1]
		end
		deepest.bottom = true
		local copy = cross(t)
		while copy[1] do
			copy = copy[1]
		end
		assert.is_true(copy.bottom)
	end)

	it("keeps what random graphs look like", function()
		local seed = tonumber(os.getenv("SEED")) or os.time()
		print("marshal_spec: SEED=" .. seed)
		math.randomseed(seed)
		for _ = 1, 200 do
			local nodes = {}
			for i = 1, math.random(1, 30) do
				nodes[i] = { id = i }
			end
			for _ = 1, 60 do
				local from = nodes[math.random(#nodes)]
				local key = math.random() < 0.5 and math.random(5) or "k" .. math.random(5)
				from[key] = math.random() < 0.7 and nodes[math.random(#nodes)] or math.random()
			end
			local copy = cross(nodes)
			for i, node in ipairs(nodes) do
				for key, value in pairs(node) do
					local copied = copy[i][key]
					assert.equal(type(value), type(copied))
					if type(value) == "table" then
						assert.equal(copy[value.id], copied)
					else
						assert.equal(value, copied)
					end
				end
			end
		end
	end)
end)

describe("marshal: functions", function()
	it("carries code and upvalues", function()
		local factor, list = 3, { 10, 20 }
		local missing = nil
		local fn = cross(function(x)
			return x * factor + #list, missing
		end)
		assert.same({ 17, n = 2 }, pack(fn(5)))
	end)

	it("copies upvalues rather than sharing them with this side", function()
		local n = 1
		local fn = cross(function()
			n = n + 1
			return n
		end)
		assert.equal(2, fn())
		assert.equal(3, fn())
		assert.equal(1, n)
	end)

	it("keeps one variable of two functions one variable", function()
		local count = 0
		local up, get = cross(function()
			count = count + 1
		end, function()
			return count
		end)
		up()
		up()
		assert.equal(2, get())
		assert.equal(0, count)
	end)

	it("keeps variables that are shared across levels", function()
		local state = 1
		local function inner()
			state = state + 1
		end
		local fn = cross(function()
			inner()
			return state
		end)
		assert.equal(2, fn())
		assert.equal(3, fn())
	end)

	it("carries recursive local functions", function()
		local function fact(n)
			return n < 2 and 1 or n * fact(n - 1)
		end
		assert.equal(120, cross(fact)(5))
	end)

	it("carries functions that call each other", function()
		local is_odd
		local function is_even(n)
			return n == 0 or is_odd(n - 1)
		end
		function is_odd(n)
			return n ~= 0 and is_even(n - 1)
		end
		local even, odd = cross(is_even, is_odd)
		assert.is_true(even(10))
		assert.is_false(odd(10))
	end)

	it("keeps a function that is met twice one function", function()
		local n = 0
		local fn = function()
			return n
		end
		local a, t = cross(fn, { fn, fn })
		assert.equal(a, t[1])
		assert.equal(a, t[2])
	end)

	it("keeps file and line", function()
		local line = debug.getinfo(1, "l").currentline + 2
		local fn = cross(function()
			error("here")
		end)
		local _, err = pcall(fn)
		assert.equal(("%s:%d: here"):format(debug.getinfo(1, "S").short_src, line), err)
	end)

	it("does not let one call's upvalues show in the next one", function()
		local fns = {}
		for i = 1, 100 do
			local fn = function()
				return i
			end
			fns[i] = cross(fn)
			for _ = 1, 100 do
				assert.equal(i, fns[i]())
			end
		end
		assert.equal(1, fns[1]())
	end)

	it("gives a function without upvalues its environment anew", function()
		local fn = function()
			setfenv(1, {})
			return 1
		end
		assert.equal(1, cross(fn)())
		assert.equal(1, cross(fn)())
	end)

	it("uses the globals of the other side", function()
		local fn = cross(function()
			return type(_G.tostring), tostring(1)
		end)
		assert.equal(_G, getfenv(fn))
		assert.same({ "function", "1", n = 2 }, pack(fn()))
	end)

	it("forgets no more than it may: more functions than are cached", function()
		for i = 1, 600 do
			assert.equal(i, cross(assert(loadstring("return " .. i)))())
		end
	end)
end)

describe("marshal: names", function()
	local NAME = "tests.marshal_module"

	after_each(function()
		package.loaded[NAME], package.preload[NAME] = nil, nil
		rawset(_G, "marshal_global", nil)
	end)

	it("sends the standard libraries by name", function()
		local a, b, c, d, e, f = cross(print, string.format, table, _G, string.len, require("bit").bor)
		assert.same({ print, string.format, string.len }, { a, b, e })
		assert.equal(table, c)
		assert.equal(_G, d)
		assert.equal(require("bit").bor, f)
	end)

	it("sends a module's constants by name, not its files", function()
		local null = newproxy()
		package.loaded[NAME] = { null = null, point = 1 }
		assert.equal(null, (cross({ null })[1]))
		assert.equal(require("ffi").C, (cross({ C = require("ffi").C })).C)
		assert.equal("argument 1 cannot cross to a thread: it is a userdata", refusal(print, io.stdout))
	end)

	it("requires a module on the other side", function()
		local loads = 0
		package.preload[NAME] = function()
			loads = loads + 1
			return setmetatable({ fn = function() end, number = loads }, {})
		end
		local module = require(NAME)
		local bytes = assert(marshal.encode({ n = 2, module, module.fn }, "argument"))
		package.loaded[NAME] = nil
		local root = marshal.decode(bytes)
		assert.equal(2, root[1].number)
		assert.equal(root[1].fn, root[2])
		assert.not_equal(module.fn, root[2])
	end)

	it("notices modules that come, change and go", function()
		local first, second = { fn = function() end }, { fn = function() end }
		plain(first)
		plain(second)
		package.loaded[NAME] = first
		assert.equal(first.fn, (cross(first.fn)))
		package.loaded[NAME] = second
		assert.equal(second, (cross(second)))
		assert.not_equal(first, (cross(first)))
		package.loaded[NAME] = nil
		assert.not_equal(second, (cross(second)))
	end)

	it("finds a C function that a module got later", function()
		local module = {}
		package.loaded[NAME] = module
		cross(module)
		module.later = string.gmatch("", "")
		assert.equal(module.later, (cross(module.later)))
	end)

	it("does not take an application's global for something that every state has", function()
		rawset(_G, "marshal_global", plain(function()
			return "mine"
		end))
		local fn = cross(_G.marshal_global)
		assert.not_equal(_G.marshal_global, fn)
		assert.equal("mine", fn())
	end)

	it("raises what the module raises, or what it lacks", function()
		package.loaded[NAME] = { fn = function() end }
		local bytes = assert(marshal.encode({ n = 1, package.loaded[NAME].fn }, "argument"))
		package.loaded[NAME] = {}
		assert.has_error(function()
			marshal.decode(bytes)
		end, "module 'tests.marshal_module' has no 'fn' in this Lua state")
		package.loaded[NAME] = nil
		package.preload[NAME] = function()
			error("broken", 0)
		end
		local ok, err = pcall(marshal.decode, bytes)
		assert.is_false(ok)
		assert.matches("broken", err)
	end)
end)

describe("marshal: what cannot cross", function()
	local userdata = newproxy()
	local conn = newproxy(true)

	it("is named with its path", function()
		local co = coroutine.create(function() end)
		local config = { db = { pool = { [3] = conn } } }
		local function nested()
			return conn
		end
		local rows = {
			{ 'upvalue "conn" cannot cross to a thread: it is a userdata', function()
				return conn
			end },
			{ 'upvalue "co" cannot cross to a thread: it is a coroutine', function()
				return co
			end },
			{ 'upvalue "config", field "db.pool[3]" cannot cross to a thread: it is a userdata', function()
				return config
			end },
			{ 'upvalue "nested", upvalue "conn" cannot cross to a thread: it is a userdata', function()
				return nested
			end },
			{ "argument 2 cannot cross to a thread: it is a userdata", print, 1, userdata },
			{ 'argument 2, field "x.y" cannot cross to a thread: it is a coroutine', print, 1, { x = { y = co } } },
			{ 'argument 1, field "["a b"][true]" cannot cross to a thread: it is a userdata', print,
				{ ["a b"] = { [true] = userdata } } },
			{ "argument 1, a key cannot cross to a thread: it is a userdata", print, { [userdata] = 1 } },
			{ 'argument 1, field "list[2]", a key, field "k" cannot cross to a thread: it is a userdata', print,
				{ list = { 1, { [{ k = userdata }] = 1 } } } },
			{ 'argument 1, upvalue "conn" cannot cross to a thread: it is a userdata', print, nested },
			{ 'argument 1, field "fn", upvalue "conn" cannot cross to a thread: it is a userdata', print,
				{ fn = nested } },
			{ "argument 1 cannot cross to a thread: it is a table with a metatable", print, setmetatable({}, {}) },
			{ "argument 1 cannot cross to a thread: it is a table with a metatable (my.class)", print,
				setmetatable({}, { __name = "my.class", __metatable = false }) },
			{ "argument 1 cannot cross to a thread: it is a cdata", print, require("ffi").new("int[2]") },
			{ "argument 1 cannot cross to a thread: it is a cdata", print, 1i },
			{ "argument 1 cannot cross to a thread: it is a C function that no loaded module exports", print,
				string.gmatch("", "") },
			{ "the function cannot cross to a thread: it is a C function that no loaded module exports",
				string.gmatch("", "") },
		}
		for _, row in ipairs(rows) do
			assert.equal(row[1], refusal(unpack(row, 2)))
		end
	end)

	it("is a function that sees other globals", function()
		local fn = setfenv(function() end, {})
		local bytes, why = marshal.encode({ n = 0, fn = fn }, "argument")
		assert.is_nil(bytes)
		assert.equal("the function cannot cross to a thread: "
			.. "it is a function with an environment of its own (setfenv)", why)
	end)

	it("is named by number where the names were stripped", function()
		local _a, _b = 1, conn
		local fn = loadstring(string.dump(function()
			return _a, _b
		end, true))
		debug.setupvalue(fn, 2, conn)
		assert.equal("upvalue #2 cannot cross to a thread: it is a userdata", refusal(fn))
	end)

	it("is said the other way round for results", function()
		local _, why = marshal.encode({ n = 1, userdata }, "result")
		assert.equal("result 1 cannot cross from a thread: it is a userdata", why)
	end)

	it("is too much", function()
		local many = {}
		for i = 1, 1000001 do
			many[i] = {}
		end
		assert.equal("the arguments hold more than 1000000 tables and functions", refusal(print, many))
		local big = ("x"):rep(64 * 1024 * 1024)
		assert.equal("the arguments are larger than 256 MiB", refusal(print, big, big, big, big))
	end)

	it("runs no metamethod of what it looks at", function()
		local function trap()
			error("a metamethod ran")
		end
		local trapped = setmetatable({}, { __index = trap, __pairs = trap, __tostring = trap, __len = trap })
		assert.matches("metatable", refusal(print, trapped))
	end)
end)

describe("job.run", function()
	local job = require("moonloop.core.job")

	local function run(fn, ...)
		local root = pack(...)
		root.fn = plain(fn)
		local bytes, raised = job.run((assert(marshal.encode(root, "argument"))))
		return marshal.decode(bytes), raised
	end

	it("returns the results", function()
		local results, raised = run(function(...)
			return select("#", ...), ...
		end, "a", nil, { 1 }, nil)
		assert.is_false(raised)
		assert.same({ 4, "a", nil, { 1 }, nil, n = 5 }, results)
	end)

	it("returns an error with the frames of the function", function()
		local function fail()
			error("broken")
		end
		local answer, raised = run(function()
			fail()
		end)
		assert.is_true(raised)
		assert.matches("^[^\n]*marshal_spec.lua:%d+: broken$", answer.message)
		assert.matches("^\n\t[^\n]*in function 'fail'\n\t[^\n]*marshal_spec[^\n]*$",
			answer.frames)
	end)

	it("returns what was raised if it is a table that can cross, else its text", function()
		assert.same({ object = { code = 404, why = { "x" } } }, (run(error, { code = 404, why = { "x" } })))
		assert.equal("42", run(error, 42, 0).message)
		assert.equal("nil", run(error).message)
		assert.equal("as text", run(function()
			error(setmetatable({}, {
				__tostring = function()
					return "as text"
				end,
			}))
		end).message)
		assert.equal("(error object of type table)", run(function()
			error(setmetatable({}, { __tostring = error }))
		end).message)
	end)

	it("survives an endless recursion", function()
		local function deeper()
			return 1 + deeper()
		end
		local answer, raised = run(deeper)
		assert.is_true(raised)
		assert.matches("stack overflow", answer.message)
	end)

	it("says which result cannot cross", function()
		local answer, raised = run(function()
			return 1, { x = coroutine.create(print) }
		end)
		assert.is_true(raised)
		assert.same({ message = 'result 2, field "x" cannot cross from a thread: it is a coroutine' }, answer)
	end)

	it("gives the reason each time when a module cannot be loaded", function()
		local name = "tests.broken_module"
		package.loaded[name] = { fn = function() end }
		local bytes = assert(marshal.encode({ n = 0, fn = package.loaded[name].fn }, "argument"))
		package.loaded[name] = nil
		package.preload[name] = function()
			error("cannot load")
		end
		for _ = 1, 2 do
			local out, raised = job.run(bytes)
			assert.is_true(raised)
			assert.matches("cannot load", marshal.decode(out).message)
		end
		package.preload[name] = nil
	end)
end)
