local app = require "app"
local testing = require "moonloop.testing"

describe("the application", function()
	it("greets from the path that was asked for", function()
		local answer = testing.request(app, "GET", "/moon")
		assert.equal(200, answer.status)
		assert.equal("Hello from /moon\n", answer.body)
	end)
end)
