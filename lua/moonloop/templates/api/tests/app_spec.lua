local testing = require "moonloop.testing"

describe("notes", function()
	local app

	local function request(...)
		return testing.request(app, ...)
	end

	before_each(function()
		package.loaded.app = nil
		app = require "app" -- with no note in it
	end)

	it("are made, listed, read and removed", function()
		local made = request("POST", "/notes", { body = "buy cheese" })
		assert.equal(201, made.status)
		assert.equal('{"id":1,"text":"buy cheese"}\n', made.body)
		request("POST", "/notes", { body = "and wine" })
		assert.equal('[{"id":1,"text":"buy cheese"},{"id":2,"text":"and wine"}]\n', request("GET", "/notes").body)
		assert.equal(204, request("DELETE", "/notes/1").status)
		assert.equal(404, request("GET", "/notes/1").status)
		assert.equal(200, request("GET", "/notes/2").status)
	end)

	it("keep quotes, backslashes and line ends", function()
		local answer = request("POST", "/notes", { body = 'a "b" \\ \n' })
		assert.equal('{"id":1,"text":"a \\u0022b\\u0022 \\u005c \\u000a"}\n', answer.body)
	end)

	it("are not empty", function()
		assert.equal(422, request("POST", "/notes").status)
	end)

	it("refuse other methods and other paths", function()
		assert.equal(405, request("PUT", "/notes").status)
		assert.equal(404, request("GET", "/else").status)
	end)
end)
