local queue = require("moonloop.queue")
local support = require("support")
local task = require("moonloop.task")

local raises, contains = support.raises, support.contains
local sleep, spawn = task.sleep, task.spawn

describe("queue", function()
	for capacity = 0, 3 do
		it("keeps the order, with room for " .. capacity, function()
			local q, got = queue.new(capacity), {}
			local producer = spawn(function()
				for i = 1, 20 do
					assert(q:put(i))
					assert.is_true(q:count() <= capacity)
				end
				q:close()
			end)
			for item in q:each() do
				got[#got + 1] = item
			end
			producer:join()
			assert.equal(20, #got)
			for i = 1, 20 do
				assert.equal(i, got[i])
			end
			assert.same({ nil, "closed" }, { q:get() })
		end)
	end

	it("serves who waits in order, at both ends", function()
		local q, log = queue.new(0), {}
		local tasks = {}
		for i = 1, 3 do
			tasks[i] = spawn(function()
				log[i] = q:get()
			end)
		end
		sleep(0)
		for i = 1, 3 do
			q:put("item " .. i)
		end
		task.all(tasks)
		assert.same({ "item 1", "item 2", "item 3" }, log)
	end)

	it("answers at once when asked so", function()
		local q = queue.new(1)
		assert.same({ nil, "empty" }, { q:try_get() })
		assert.is_true(q:try_put(false))
		assert.same({ nil, "full" }, { q:try_put(2) })
		assert.same({ nil, "timeout" }, { q:put(2, 0) })
		assert.is_false(q:get())
		assert.same({ nil, "timeout" }, { q:get(0) })
	end)

	it("tells all who wait when it is closed", function()
		local empty, full = queue.new(1), queue.new(1)
		full:put(1)
		local a, b = spawn(empty.get, empty), spawn(full.put, full, 2)
		sleep(0)
		empty:close()
		full:close()
		assert.same({ nil, "closed" }, { a:join() })
		assert.same({ nil, "closed" }, { b:join() })
		assert.equal(1, full:get())
		assert.same({ nil, "closed" }, { full:get() })
		assert.same({ nil, "closed" }, { full:put(3) })
		assert.is_true(full:is_closed())
	end)

	it("loses no item to who is cancelled as it is handed over", function()
		local q, got = queue.new(0), nil
		local t = spawn(function()
			got = q:get()
		end)
		sleep(0)
		q:put("item")
		t:cancel()
		t:join()
		assert.equal("item", got)
	end)

	it("refuses misuse", function()
		contains("capacity must be an integer >= 0, got nil", raises(queue.new))
		local q = queue.new(1)
		contains("nil cannot be put", raises(q.put, q, nil))
		contains("expected a queue, got a nil", raises(q.get))
		contains("select: expected an array of queues, got none", raises(queue.select, {}))
		contains("select: [1] must be a queue", raises(queue.select, { 1 }))
	end)
end)

describe("select", function()
	it("takes what is there", function()
		local a, b = queue.new(1), queue.new(1)
		b:put("x")
		assert.same({ 2, "x" }, { queue.select({ a, b }) })
		assert.same({ 1, true }, { queue.select({ { a, "y" }, b }) })
		assert.equal("y", a:get())
		assert.same({ nil, "timeout" }, { queue.select({ a, b }, 0) })
		b:close()
		assert.same({ 2, nil, "closed" }, { queue.select({ a, b }) })
	end)

	it("waits, and does only one thing", function()
		local a, b, full = queue.new(0), queue.new(0), queue.new(0)
		local t = spawn(queue.select, { a, b, { full, "item" } })
		sleep(0)
		b:put("x")
		assert.same({ nil, "full" }, { a:try_put("lost") })
		assert.same({ nil, "empty" }, { full:try_get() })
		assert.same({ 2, "x" }, { t:join() })
		t = spawn(queue.select, { a, b, { full, "item" } })
		sleep(0)
		assert.equal("item", full:get())
		assert.same({ 3, true }, { t:join() })
		t = spawn(queue.select, { a, b })
		sleep(0)
		b:close()
		assert.same({ 2, nil, "closed" }, { t:join() })
	end)

	it("shares fairly", function()
		local a, b, count = queue.new(0), queue.new(0), { 0, 0 }
		for _, q in ipairs({ a, b }) do
			spawn(function()
				for i = 1, 50 do
					q:put(i)
				end
			end)
		end
		for _ = 1, 100 do
			local i = queue.select({ a, b })
			count[i] = count[i] + 1
		end
		assert.same({ 50, 50 }, count)
	end)
end)
