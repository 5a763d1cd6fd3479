local news = require("moonloop.core.news")
local moonloop = require("moonloop")
local task = require("moonloop.task")

describe("news", function()
	it("tells only what comes after a number", function()
		local before = news.seq()
		assert.is_nil((news.after(before)))
		news.post(news.RAISED, "one\0two")
		local seq, kind, text = news.after(before)
		assert.same({ before + 1, news.RAISED, "one\0two" }, { seq, kind, text })
		assert.is_nil((news.after(seq)))
		news.post(news.RAISED, "")
		assert.equal("", select(3, news.after(before)))
	end)

	it("remembers what is broken until other code serves", function()
		news.post(news.BROKEN, "line 3")
		news.post(news.RAISED, "unrelated")
		assert.equal("line 3", news.broken())
		news.post(news.SWAPPED, "")
		assert.is_nil(news.broken())
	end)

	it("wakes every task that waits", function()
		local core = require("moonloop.core.task")
		local function wait_for_news(seq)
			while true do
				local found, _, text = news.after(seq)
				if found then
					return text
				end
				core.wait()
			end
		end
		local seq = news.seq()
		local a, b = moonloop.spawn(wait_for_news, seq), moonloop.spawn(wait_for_news, seq)
		local gone = moonloop.spawn(wait_for_news, seq)
		moonloop.sleep(0.01)
		gone:cancel()
		moonloop.sleep(0.01)
		news.post(news.RAISED, "awake")
		assert.same({ "awake", "awake" }, { a:join(5), b:join(5) })
		assert.is_true(task.is_cancelled(select(2, pcall(gone.join, gone, 5))))
	end)
end)
