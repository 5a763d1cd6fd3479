local app = require "app"
local task = require "moonloop.task"
local testing = require "moonloop.testing"

local function say(text)
	return testing.request(app, "POST", "/messages", { body = text })
end

describe("the room", function()
	it("tells every listener", function()
		local one, two = testing.open(app, "GET", "/events"), testing.open(app, "GET", "/events")
		assert.equal("text/event-stream", one:start().headers["content-type"])
		two:start()
		assert.equal("heard by 2\n", say("the Eagle\nhas landed").body)
		assert.equal("data: the Eagle\ndata: has landed\n\n", one:read())
		assert.equal("data: the Eagle\ndata: has landed\n\n", two:read())
		one:close()
		assert.equal("heard by 1\n", say("one small step").body)
		two:close()
	end)

	it("forgets who left", function()
		testing.open(app, "GET", "/events"):close()
		assert.equal("heard by 0\n", say("is anybody there?").body)
	end)

	it("lets its listeners go when the gateway stops", function()
		local listener = testing.open(app, "GET", "/events"):start()
		local messages = { { type = "lifespan.shutdown.notice" }, { type = "lifespan.shutdown" } }
		app({ type = "lifespan" }, function() return table.remove(messages, 1) end, function() end)
		assert.equal(":\n\n", listener:read())
		assert.is_nil(listener:read())
	end)

	it("wants short messages", function()
		assert.equal(422, say("").status)
		assert.equal(422, say(("x"):rep(1001)).status)
	end)

	it("may wait while others talk", function()
		local listener = testing.open(app, "GET", "/events")
		listener:start()
		task.spawn(function()
			task.sleep(0.05)
			say("late")
		end)
		assert.equal("data: late\n\n", listener:read())
		listener:close()
	end)
end)
