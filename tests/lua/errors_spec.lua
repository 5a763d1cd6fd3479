-- What a failed start tells, and the texts and positions of errors in the log.
local errors = require("moonloop.core.errors")
local support = require("support")

local contains = support.contains

-- An application that fails to start: exit code 3, one record in the log, its text.
local function failed(source)
	local code, text = support.check(source)
	assert.equal(3, code, text)
	local _, records = text:gsub("%f[%w]error app%.start_failed", "")
	assert.equal(1, records, text)
	return text
end

describe("an application that does not load", function()
	it("has its syntax error reported with file and line", function()
		local text = failed("local x = 1\nlocal = 2\n")
		contains("\tapp.lua:2: '<name>' expected near '='", text)
		assert.is_falsy(text:find("traceback", 1, true))
	end)

	it("has its error reported with its own lines of the traceback, and no other", function()
		local text = failed('local function deep()\n\terror("no stars")\nend\ndeep()\n')
		contains("\tapp.lua:2: no stars\n", text)
		contains("stack traceback:\n", text)
		contains("app.lua:2: in function 'deep'\n", text)
		contains("app.lua:4: in ", text)
		assert.is_falsy(text:find("moonloop.core", 1, true), text)
		assert.is_falsy(text:find("[C]", 1, true), text)
	end)

	it("may raise what is no string", function()
		contains("(error object of type table)", failed('error(setmetatable({}, { __tostring = error }))'))
		contains("\terror() was called without a message\n", failed("error(nil)"))
		contains('\terror object {code = 42, why = "no fuel"}\n', failed('error({ why = "no fuel", code = 42 })'))
		contains("\tcode 7\n", failed('error(setmetatable({}, { __tostring = function() return "code 7" end }))'))
	end)

	it("may require what is not there", function()
		contains("app.lua:2: module 'stars' not found:", failed('\nrequire("stars")'))
	end)

	it("keeps the line of a module's error", function()
		local text = failed('package.preload.m = loadstring("\\nerror(\'bad module\')", "@m.lua")\nrequire("m")')
		contains("m.lua:2: bad module", text)
		contains("app.lua:2: in ", text)
	end)

	it("may wait in vain: cancellation of a joined task is an error, too", function()
		local text = failed([[
			local t = require("moonloop").spawn(require("moonloop").sleep, 60)
			t:cancel()
			t:join()
		]])
		contains("cancelled", text)
		contains("app.lua:3: in ", text)
	end)
end)

describe("an application file", function()
	it("must return something that can be called", function()
		contains("app.lua returned nothing; an application file ends with: return function(scope, receive, send)",
			failed("local x"))
		contains("app.lua returned a table; ", failed("return {}"))
		contains("app.lua returned a string; ", failed('return "app"'))
	end)

	it("may return a callable table", function()
		local code = support.check("return setmetatable({}, { __call = function() end })")
		assert.equal(0, code)
	end)
end)

describe("errors.blame", function()
	it("names the nearest line that is not the runtime's", function()
		local where = support.line(2)
		local err = support.raises(function()
			errors.blame("wrong")
		end)
		assert.equal(where .. "wrong", err)
	end)

	it("names the function when it left by a tail call", function()
		local source = "\n\nreturn function(blame, self) return blame('wrong', self) end"
		local fn = assert(loadstring(source, "=left.lua"))()
		local ok, err = coroutine.resume(coroutine.create(fn), errors.blame, fn)
		assert.is_false(ok)
		assert.equal("left.lua: in the function at line 3, by a call in a `return`: wrong", err)
	end)
end)
