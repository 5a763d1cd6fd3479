local moonloop = require("moonloop")
local support = require("support")
local task = require("moonloop.task")
local time = require("moonloop.time")

local begins, contains, raises = support.begins, support.contains, support.raises
local with_module = support.with_module
local spawn = moonloop.spawn

describe("require", function()
	it("loads a module that waits while it loads", function()
		with_module('require("moonloop").sleep(0.02) return { name = ... }', function(name)
			local began = time.now()
			assert.equal(name, require(name).name)
			assert.is_true(time.now() - began >= 0.02)
			assert.equal(require(name), require(name))
		end)
	end)

	it("loads it once for two tasks that ask at the same time", function()
		local source = [[
			loads_of_this_module = (loads_of_this_module or 0) + 1
			require("moonloop").sleep(0.01)
			return { n = loads_of_this_module }
		]]
		with_module(source, function(name)
			local tasks = {}
			for i = 1, 4 do
				tasks[i] = spawn(require, name)
			end
			local first = tasks[1]:join()
			for i = 2, 4 do
				assert.equal(first, tasks[i]:join())
			end
			assert.equal(1, first.n)
			rawset(_G, "loads_of_this_module", nil)
		end)
	end)

	it("takes what the module put into package.loaded, and true for nothing", function()
		with_module("package.loaded[...] = 'put'", function(name)
			assert.equal("put", require(name))
		end)
		with_module("", function(name)
			assert.is_true(require(name))
		end)
		with_module("return false", function(name)
			assert.is_false(require(name))
		end)
	end)

	it("uses package.preload", function()
		package.preload["preloaded.module"] = function(name)
			moonloop.sleep(0)
			return name .. "!"
		end
		assert.equal("preloaded.module!", require("preloaded.module"))
		package.preload["preloaded.module"], package.loaded["preloaded.module"] = nil, nil
	end)

	it("says what it tried, at the line that requires", function()
		local where = support.line(2)
		local err = raises(function()
			require("no.such.module")
		end)
		begins(where .. "module 'no.such.module' not found:", err)
		contains("no field package.preload['no.such.module']", err)
		contains("no module 'no.such.module' in the binary", err)
		contains("no file", err)
		contains("no/such/module.lua'", err)
	end)

	it("names file and line of a module that does not compile", function()
		with_module("local x =\n= 1", function(name, path)
			local err = raises(require, name)
			contains(("error loading module '%s' from file '%s'"):format(name, path), err)
			contains(path .. ":2:", err)
		end)
	end)

	it("keeps the error of a module that fails, which can be required again", function()
		local source = [[
			fails_of_this_module = (fails_of_this_module or 0) + 1
			if fails_of_this_module == 1 then
				error("not yet")
			end
			return "now"
		]]
		with_module(source, function(name, path)
			assert.equal(path .. ":3: not yet", raises(require, name))
			assert.equal("now", require(name))
			rawset(_G, "fails_of_this_module", nil)
		end)
	end)

	it("refuses a module that requires itself", function()
		with_module("local name = ...\nrequire(name)", function(name, path)
			local expected = "%s:2: module '%s' requires itself while it loads"
			assert.equal(expected:format(path, name), raises(require, name))
		end)
	end)

	it("refuses two modules that require each other, from two tasks", function()
		local function source(other)
			return ('require("moonloop").sleep(0.01)\nreturn require(%q)'):format(other)
		end
		package.preload.ring_a = assert(loadstring(source("ring_b"), "=ring_a"))
		package.preload.ring_b = assert(loadstring(source("ring_a"), "=ring_b"))
		local a, b = spawn(require, "ring_a"), spawn(require, "ring_b")
		local results = { { pcall(a.join, a) }, { pcall(b.join, b) } }
		for _, result in ipairs(results) do
			assert.is_false(result[1])
			contains("requires itself while it loads", result[2])
		end
		package.preload.ring_a, package.preload.ring_b = nil, nil
	end)

	it("lets another task load what a cancelled one began", function()
		with_module('require("moonloop").sleep(0.02) return "loaded"', function(name)
			local first = spawn(require, name)
			moonloop.sleep(0.005)
			local second = spawn(require, name)
			first:cancel()
			assert.is_true(task.is_cancelled(raises(first.join, first)))
			assert.equal("loaded", second:join())
		end)
	end)

	it("raises on a wrong argument at the caller's line", function()
		local where = support.line(2)
		local err = raises(function()
			require(nil)
		end)
		assert.equal(where .. "bad argument #1 to 'require' (string expected, got nil)", err)
	end)
end)
