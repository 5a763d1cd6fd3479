local fs = require("moonloop.fs")
local ignore = require("moonloop.core.ignore")
local moonloop = require("moonloop")
local news = require("moonloop.core.news")
local reload = require("moonloop.core.reload")
local sources = require("moonloop.core.sources")
local support = require("support")
local time = require("moonloop.time")

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
		for _, wrong in ipairs({ 5, {}, "" }) do
			local where = support.line(1)
			local err = support.raises(function() moonloop.watch(wrong) end)
			support.begins(where .. "watch: path must be a string", err)
		end
		moonloop.watch("anything") -- nothing watches here
	end)
end)

describe("reload", function()
	local dir, asked

	before_each(function()
		dir = assert(fs.tempdir())
		asked = {}
	end)

	after_each(function()
		dir:close()
	end)

	-- A test whose watching tasks end with it.
	local function that(name, fn)
		it(name, function()
			local ok, err = pcall(fn)
			reload.stop()
			sources.on = false
			moonloop.sleep(0.01)
			if not ok then
				error(err, 0)
			end
		end)
	end

	local function watch(dirs, globs)
		sources.on = true
		reload.start({ dirs = dirs or {}, ignore = globs or {}, request = function(names)
			asked[#asked + 1] = names
		end })
		moonloop.sleep(0.2)
	end

	-- Until that file was named; bounded.
	local function wait_for(name)
		local until_ = time.now() + 10
		local text
		repeat
			moonloop.sleep(0.01)
			text = table.concat(asked, " ")
		until text:find(name, 1, true) or time.now() > until_
		support.contains(name, text)
	end

	that("sees a file that was loaded, saved in place and by rename", function()
		local path = dir.path .. "/app.lua"
		assert(fs.write(path, "return 1"))
		moonloop.sleep(0.02)
		sources.on = true
		sources.note(path)
		watch()
		assert.same({}, asked)
		assert(fs.write(path, "return 2"))
		wait_for("app.lua")
		asked = {}
		assert(fs.replace(path, "return 3"))
		wait_for("app.lua")
	end)

	that("sees one that was saved between being loaded and being watched", function()
		local path = dir.path .. "/early.lua"
		assert(fs.write(path, "return 1"))
		sources.on = true
		sources.note(path)
		moonloop.sleep(0.05)
		assert(fs.write(path, "return 2"))
		watch()
		wait_for("early.lua")
	end)

	that("sees a module that is required late, and one that is missing come", function()
		watch()
		sources.note(dir.path .. "/late.lua")
		sources.note(dir.path .. "/not/there/yet.lua")
		moonloop.sleep(0.2)
		assert(fs.write(dir.path .. "/late.lua", "return 1"))
		wait_for("late.lua")
		assert(fs.mkdir(dir.path .. "/not/there", { parents = true }))
		wait_for("/not")
	end)

	that("sees through links to what they lead to", function()
		assert(fs.mkdir(dir.path .. "/real"))
		assert(fs.write(dir.path .. "/real/x.lua", "return 1"))
		assert(fs.symlink(dir.path .. "/real/x.lua", dir.path .. "/x.lua"))
		moonloop.sleep(0.02)
		sources.on = true
		sources.note(dir.path .. "/x.lua")
		watch()
		assert(fs.write(dir.path .. "/real/x.lua", "return 2"))
		wait_for("real/x.lua")
	end)

	that("goes on with the files of younger code that does not start", function()
		watch({ dir.path })
		local other = assert(fs.tempdir())
		news.post(news.BROKEN, "{}\0" .. other.path .. "/new.lua\n" .. other.path .. "/gone.lua")
		moonloop.sleep(0.2)
		assert(fs.write(other.path .. "/gone.lua", "return 1"))
		wait_for("gone.lua")
		news.post(news.SWAPPED, "")
		other:close()
	end)

	that("follows directories that come, but for ignored ones", function()
		watch({ dir.path }, { "*.log" })
		assert(fs.mkdir(dir.path .. "/.git/deep", { parents = true }))
		assert(fs.write(dir.path .. "/.git/deep/x", "1"))
		assert(fs.write(dir.path .. "/a.log", "1"))
		assert(fs.mkdir(dir.path .. "/a/b/c", { parents = true }))
		moonloop.sleep(0.3)
		assert.same({}, asked)
		assert(fs.write(dir.path .. "/a/b/c/d.html", "1"))
		wait_for("a/b/c/d.html")
		assert.equal(1, #asked)
	end)

	that("takes many changes for one", function()
		watch({ dir.path })
		for i = 1, 40 do
			assert(fs.write(("%s/f%02d"):format(dir.path, i), "1"))
		end
		wait_for("and 35 more")
	end)
end)
