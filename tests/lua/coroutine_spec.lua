local moonloop = require("moonloop")
local support = require("support")
local time = require("moonloop.time")

local begins, contains, raises = support.begins, support.contains, support.raises
local sleep, spawn = moonloop.sleep, moonloop.spawn
local resume, wrap, yield = coroutine.resume, coroutine.wrap, coroutine.yield

-- Sleeps for n ms and checks that it did.
local function nap(n)
	local began = time.now()
	sleep(n / 1000)
	assert.is_true(time.now() - began >= n / 1000)
	return n
end

describe("a wait", function()
	it("inside of a coroutine suspends the task", function()
		local ticks = 0
		local ticker = spawn(function()
			while true do
				sleep(0.001)
				ticks = ticks + 1
			end
		end)
		local co = coroutine.create(function(a)
			while ticks < 3 do -- as long as it takes on a busy machine
				nap(1)
			end
			return a, nap(20)
		end)
		assert.same({ true, "a", 20 }, { resume(co, "a") })
		assert.equal("dead", coroutine.status(co))
		ticker:cancel()
		pcall(ticker.join, ticker)
	end)

	it("works three coroutines deep", function()
		local function deep(n)
			if n == 0 then
				return nap(2)
			end
			return wrap(function()
				sleep(0)
				local result = deep(n - 1)
				sleep(0)
				return result
			end)()
		end
		assert.equal(2, deep(3))
	end)

	it("works inside of pcall, metamethods and iterators in a coroutine", function()
		local object = setmetatable({}, {
			__index = function(_, key)
				sleep(0)
				return key
			end,
			__add = function(a, b)
				sleep(0)
				return b or a
			end,
		})
		local function items()
			return function(_, i)
				sleep(0)
				return i < 3 and i + 1 or nil
			end, nil, 0
		end
		local out = wrap(function()
			local seen = {}
			for i in items() do
				seen[#seen + 1] = i
			end
			local ok, err = pcall(function()
				sleep(0)
				error("inside", 0)
			end)
			return { object.name, object + 1, seen, ok, err }
		end)()
		assert.same({ "name", 1, { 1, 2, 3 }, false, "inside" }, out)
	end)

	it("mixes with a generator's own yields", function()
		local function generate(n)
			return wrap(function()
				for i = 1, n do
					sleep(0)
					local answer = yield(i, i * i)
					sleep(0)
					assert.equal(nil, answer)
				end
			end)
		end
		local got = {}
		for i, square in generate(4) do
			got[i] = square
			sleep(0)
		end
		assert.same({ 1, 4, 9, 16 }, got)
	end)

	it("mixes in a producer, a filter and a consumer", function()
		local producer = wrap(function()
			for i = 1, 6 do
				sleep(0)
				yield(i)
			end
		end)
		local filter = wrap(function()
			for i in producer do
				sleep(0)
				if i % 2 == 0 then
					yield(i)
				end
			end
		end)
		local got = {}
		for i in filter do
			got[#got + 1] = i
		end
		assert.same({ 2, 4, 6 }, got)
	end)

	it("passes values through resume and yield unchanged", function()
		local co = coroutine.create(function(...)
			sleep(0)
			local n = select("#", yield(...))
			sleep(0)
			return n, nil
		end)
		assert.equal(4, select("#", resume(co, nil, 2, nil)))
		local got = { n = select("#", resume(co, nil, nil)) }
		assert.equal(3, got.n)
		assert.equal("dead", coroutine.status(co))
	end)

	it("can go on in another task", function()
		local co = coroutine.create(function()
			sleep(0)
			yield("first")
			sleep(0)
			return "second"
		end)
		assert.same({ true, "first" }, { resume(co) })
		assert.same({ true, "second" }, { spawn(resume, co):join() })
	end)
end)

describe("an error", function()
	it("comes out of resume as false and the error", function()
		local where = support.line(3)
		local co = coroutine.create(function()
			sleep(0)
			error("broken")
		end)
		assert.same({ false, where .. "broken" }, { resume(co) })
		assert.same({ false, "cannot resume dead coroutine" }, { resume(co) })
	end)

	it("comes out of wrap, three deep, at its line", function()
		local where = support.line(5)
		local fn = wrap(function()
			wrap(function()
				wrap(function()
					sleep(0)
					error("deep")
				end)()
			end)()
		end)
		assert.equal(where .. "deep", raises(fn))
	end)

	it("that is an object comes out as it is", function()
		local object = {}
		assert.equal(object, raises(wrap(function()
			sleep(0)
			error(object)
		end)))
	end)

	it("is coroutine.yield outside of any coroutine", function()
		local err = raises(function()
			yield(1)
		end)
		begins(support.line(-2) .. "coroutine.yield outside of a coroutine", err)
	end)

	it("is coroutine.yield in a task of one's own", function()
		local t = spawn(function()
			coroutine.yield()
		end)
		contains("coroutine.yield outside of a coroutine", raises(t.join, t))
	end)

	it("is what wrap and create make of a wrong argument", function()
		contains("bad argument #1 to 'create'", raises(function()
			coroutine.create(nil)
		end))
		contains("bad argument #1 to", raises(function()
			coroutine.wrap(5)
		end))
	end)
end)

describe("the rest of the library", function()
	it("tells where code runs", function()
		local main = coroutine.running()
		assert.equal("thread", type(main))
		local co
		co = coroutine.create(function()
			sleep(0)
			assert.equal(co, coroutine.running())
			assert.equal("running", coroutine.status(co))
			assert.equal("normal", coroutine.status(main))
			yield()
		end)
		assert.equal("suspended", coroutine.status(co))
		assert.is_true(resume(co))
		assert.equal("suspended", coroutine.status(co))
		assert.is_true(resume(co))
		assert.equal("dead", coroutine.status(co))
	end)

	it("tells whether coroutine.yield would work", function()
		assert.is_false(coroutine.isyieldable())
		assert.is_true(wrap(function()
			sleep(0)
			return coroutine.isyieldable()
		end)())
	end)
end)
