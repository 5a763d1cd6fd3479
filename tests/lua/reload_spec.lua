local ignore = require("moonloop.core.ignore")
local support = require("support")

describe("ignore.rules", function()
	local function check(globs, rows)
		local ignored = ignore.rules(globs)
		for path, want in pairs(rows) do
			assert.equal(want, ignored(path), path)
		end
	end

	it("knows what editors and version control leave", function()
		check({}, {
			["app.lua"] = false,
			["app.lua~"] = true,
			[".#app.lua"] = true,
			["#app.lua#"] = true,
			[".app.lua.swp"] = true,
			["4913"] = true,
			["views/4913"] = true,
			["views/49131"] = false,
			[".git/index"] = true,
			["a/.git/refs/x"] = true,
			["digit/x"] = false,
			["node_modules/x/y.js"] = true,
			["x.tmp"] = true,
			["xtmp"] = false,
		})
	end)

	it("takes patterns of the user", function()
		check({ "*.log", "build/**", "/data/*.db", "cache/", "[a-c]?.txt", "[!x].md", "a%b" }, {
			["x.log"] = true,
			["deep/x.log"] = true,
			["x.logs"] = false,
			["build"] = true,
			["build/a/b.lua"] = true,
			["rebuild/a"] = false,
			["data/x.db"] = true,
			["data/deep/x.db"] = false,
			["more/data/x.db"] = false,
			["cache/x"] = true,
			["a/cache/x"] = true,
			["b1.txt"] = true,
			["d1.txt"] = false,
			["x.md"] = false,
			["y.md"] = true,
			["a%b"] = true,
			["aab"] = false,
		})
	end)

	it("asks only the user's patterns of files that the application loaded", function()
		local ignored = ignore.rules({ "generated.lua" })
		assert.is_false(ignored("odd.tmp", true))
		assert.is_true(ignored("odd.tmp"))
		assert.is_true(ignored("lib/generated.lua", true))
	end)
end)

describe("moonloop.watch", function()
	it("raises at the caller's line on what is no path", function()
		local moonloop = require("moonloop")
		for _, wrong in ipairs({ 5, {}, "" }) do
			local where = support.line(1)
			local err = support.raises(function() moonloop.watch(wrong) end)
			support.begins(where .. "watch: path must be a string", err)
		end
		moonloop.watch("anything") -- nothing watches here
	end)
end)
