local lasgi = require("moonloop.lasgi")
local support = require("support")

describe("lasgi.derive", function()
	it("lays changes over a scope, which stays as it is", function()
		local scope = { type = "http", path = "/api/x", root_path = "" }
		local inner = lasgi.derive(scope, { root_path = "/api", extra = 1 })
		assert.equal("/api", inner.root_path)
		assert.equal("/api/x", inner.path)
		assert.equal(1, inner.extra)
		assert.equal("", scope.root_path)
		assert.equal(nil, scope.extra)
		assert.equal(nil, inner.unknown)
	end)

	it("can be done again", function()
		local inner = lasgi.derive(lasgi.derive({ a = 1, b = 1, c = 1 }, { b = 2, c = 2 }), { c = 3 })
		assert.same({ 1, 2, 3 }, { inner.a, inner.b, inner.c })
	end)

	it("reads what the parent makes when it is first read", function()
		local made = 0
		local parent = setmetatable({}, {
			__index = function(t, key)
				made = made + 1
				t[key] = key .. "!"
				return t[key]
			end,
		})
		local inner = lasgi.derive(parent, {})
		assert.equal("headers!", inner.headers)
		assert.equal("headers!", inner.headers)
		assert.equal(1, made)
	end)

	it("raises at the caller's line on anything else", function()
		for _, wrong in ipairs({ { {} }, { nil, {} }, { "scope", {} } }) do
			local where = support.line(2)
			local err = support.raises(function()
				lasgi.derive(wrong[1], wrong[2])
			end)
			assert.equal(where .. "lasgi.derive: expected a scope and a table of changes", err)
		end
	end)
end)

describe("lasgi.unsupported", function()
	it("is one object that reads well", function()
		assert.equal(lasgi.unsupported, require("moonloop.lasgi").unsupported)
		assert.equal("this application does not support that scope type", tostring(lasgi.unsupported))
	end)
end)
