local moonloop = require("moonloop")
local worker = require("moonloop.worker")

describe("worker.info", function()
	it("tells about this process", function()
		local info = worker.info()
		assert.equal(moonloop.version, info.version)
		assert.equal(0, info.index)
		assert.equal(1, info.generation)
		assert.is_true(info.pid > 1)
		local status = assert(io.open("/proc/self/stat"))
		assert.equal(info.pid, tonumber(status:read("*n")))
		status:close()
		for _, key in ipairs({ "connections", "requests", "thread_queue" }) do
			assert.equal(0, info[key], key)
		end
		assert.is_true(info.threads >= 1)
		assert.is_true(info.lua_bytes > 100000)
	end)

	it("counts the time", function()
		local before = worker.info().uptime
		moonloop.sleep(0.01)
		local passed = worker.info().uptime - before
		assert.is_true(passed >= 0.01 and passed < 1)
	end)

	it("counts the tasks", function()
		local before = worker.info().tasks
		local tasks = {}
		for i = 1, 5 do
			tasks[i] = moonloop.spawn(moonloop.sleep, 0.01)
		end
		assert.equal(before + 5, worker.info().tasks)
		for i = 1, 5 do
			tasks[i]:join()
		end
		moonloop.sleep(0)
		assert.equal(before, worker.info().tasks)
	end)

	it("gives a table of one's own", function()
		local a, b = worker.info(), worker.info()
		assert.are_not.equal(a, b)
	end)
end)
