local time = require("moonloop.time")
local moonloop = require("moonloop")

describe("time", function()
	it("has a clock that never goes back", function()
		local last = time.now()
		for _ = 1, 1000 do
			local now = time.now()
			assert.is_true(now >= last)
			last = now
		end
	end)

	it("gives seconds since 1970, with a fraction", function()
		assert.is_true(math.abs(time.unix() - os.time()) < 2)
		local fraction = false
		for _ = 1, 5 do
			fraction = fraction or time.unix() % 1 ~= 0
		end
		assert.is_true(fraction)
	end)

	it("sleeps as long as asked, under all its names", function()
		for _, sleep in ipairs({ time.sleep, moonloop.sleep, require("moonloop.task").sleep }) do
			local began = time.now()
			sleep(0.02)
			local took = time.now() - began
			assert.is_true(took >= 0.02 and took < 0.5, "took " .. took)
		end
	end)

	it("keeps a short sleep short while a long one runs", function()
		local order = {}
		local long = moonloop.spawn(function()
			time.sleep(0.06)
			order[#order + 1] = "long"
		end)
		local short = moonloop.spawn(function()
			time.sleep(0.01)
			order[#order + 1] = "short"
		end)
		long:join()
		short:join()
		assert.same({ "short", "long" }, order)
	end)
end)
