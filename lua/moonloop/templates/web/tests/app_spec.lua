local app = require "app"
local testing = require "moonloop.testing"

local FORM = { ["content-type"] = "application/x-www-form-urlencoded" }

describe("the guest book", function()
	it("begins empty", function()
		local answer = testing.request(app, "GET", "/")
		assert.equal(200, answer.status)
		assert.is_nil(answer.body:find("<li>", 1, true))
	end)

	it("shows who was here, the last one first", function()
		for _, name in ipairs({ "Neil", "Buzz+%26+Co" }) do
			local answer = testing.request(app, "POST", "/", { headers = FORM, body = "name=" .. name })
			assert.equal(303, answer.status)
			assert.equal("/", answer.headers.location)
		end
		local page = testing.request(app, "GET", "/").body
		assert.is_truthy(page:find("<li>Buzz &amp; Co</li>\n<li>Neil</li>", 1, true))
	end)

	it("has a style sheet", function()
		local answer = testing.request(app, "GET", "/style.css")
		assert.equal("text/css", answer.headers["content-type"])
		assert.is_truthy(answer.body:find("body {", 1, true))
	end)

	it("has nothing else", function()
		assert.equal(404, testing.request(app, "GET", "/else").status)
	end)
end)
