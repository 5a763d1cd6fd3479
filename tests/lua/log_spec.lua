local log = require("moonloop.log")
local support = require("support")

local begins, line, raises = support.begins, support.line, support.raises

-- What an application's log calls write, one string for each line.
local function written(body, options)
	local _, text = support.check(([[
		local log = require("moonloop.log")
		%s
		return function() end
	]]):format(body), options)
	local lines = {}
	for one in text:gmatch("[^\n]+") do
		if one:find("^%d%d%d%d%-") or one:find("^{") or one:find("^\t") then
			lines[#lines + 1] = one
		end
	end
	return lines
end

describe("log", function()
	it("writes time, level, event and the fields in order of their names", function()
		local lines = written([[log.info("probe.landed", { place = "tycho", crew = 2, alive = true })]])
		assert.equal(1, #lines)
		local when, rest = lines[1]:match("^(%S+) (.*)$")
		assert.is_truthy(when:find("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$"))
		begins("info probe.landed alive=true crew=2 place=tycho", rest)
	end)

	it("has four levels, and writes those from --log-level on", function()
		local calls = [[
			for _, level in ipairs({ "debug", "info", "warn", "error" }) do
				log[level]("event." .. level)
			end
		]]
		local function levels(options)
			local seen = {}
			for i, one in ipairs(written(calls, options)) do
				seen[i] = one:match("^%S+ (%S+) event")
			end
			return seen
		end
		assert.same({ "debug", "info", "warn", "error" }, levels("--log-level debug"))
		assert.same({ "info", "warn", "error" }, levels())
		assert.same({ "error" }, levels("--log-level error"))
	end)

	it("cannot be made to write a second line", function()
		local lines = written([[log.warn("forged", { value = "a\n2030-01-01T00:00:00.000Z error b \27[31m" })]])
		assert.equal(1, #lines)
		assert.is_falsy(lines[1]:find("\27", 1, true))
	end)

	it("indents a traceback below its line", function()
		local lines = written([[log.error("bad", { traceback = "first\nsecond", key = 1 })]])
		assert.is_truthy(lines[1]:find("error bad key=1", 1, true))
		assert.same({ "\tfirst", "\tsecond" }, { lines[2], lines[3] })
	end)

	it("writes JSON", function()
		local lines = written([[log.info("one", { text = 'say "x"', number = 1.5 })]], "--log-format json")
		assert.equal(1, #lines)
		support.contains([["event":"one"]], lines[1])
		support.contains([["number":1.5]], lines[1])
		support.contains([["text":"say \"x\""]], lines[1])
	end)

	it("takes any value, by tostring", function()
		local lines = written([[log.info("any", { [1] = {}, f = print, u = io.stdout, n = 0/0, i = 1/0 })]])
		assert.equal(1, #lines)
		support.contains('f="function: ', lines[1])
		support.contains("i=inf n=nan", lines[1])
	end)

	it("raises at the caller's line when it is called wrongly", function()
		local where = line(2)
		begins(where .. "log: the event must be a string, got nil", raises(function()
			log.info(nil)
		end))
		where = line(2)
		begins(where .. "log: fields must be a table, got string", raises(function()
			log.error("event", "text")
		end))
	end)

	it("raises what a field's __tostring raises, and logs on", function()
		local bad = setmetatable({}, {
			__tostring = function()
				error("no text", 0)
			end,
		})
		assert.equal("no text", raises(log.info, "event", { bad = bad }))
		log.debug("event")
	end)
end)
