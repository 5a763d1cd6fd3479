-- Every function of the library that waits is stopped at every one of its waits, in every way, and leaves
-- nothing behind. What each one does is in cancel/*.lua, how it is stopped in support_cancel.lua.

local cancel = require("support_cancel")
local fs = require("moonloop.fs")
local public = require("public")
local wait = require("moonloop.core.wait")

-- Those that need a request: tests/lasgi/test_cancel.py. A datagram for the loopback never waits. And
-- thread.spawn is what the task of a job waits in, which nobody but the job stops.
local ELSEWHERE = { receive = true, send = true, ["udp:send"] = true, ["Udp:send"] = true,
	["thread.spawn"] = true }

local here = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$")

local function scenarios()
	local all, names = {}, {}
	for _, entry in ipairs(assert(fs.listdir(here .. "/cancel"))) do
		for name, make in pairs(require("cancel." .. entry.name:match("^[%w_]+"))) do
			all[name] = make
			names[#names + 1] = name
		end
	end
	table.sort(names)
	return all, names
end

-- Doc comments that say "Suspends" before their first @, and what follows them: "fs.read", "File:read".

local function documented(text, module, found)
	local comment
	for line in text:gmatch("(.-)\n") do
		local words = line:match("^%s*%-%-%-(.*)")
		if words then
			comment = words
		elseif comment and line:find("^%s*%-%-") then
			comment = comment .. line
		elseif comment then
			local says = (comment:match("^(.-)%-%- @") or comment):gsub("[Dd]oes not suspend", "")
			local owner, field = line:match("^function ([%w_]+)[.:]([%w_]+)")
			if not owner then
				owner, field = line:match("^([%w_]+)%.([%w_]+) = ")
			end
			field = field or line:match("^\t([%w_]+) = ")
			owner = owner or module
			local is_public = field and owner and (module or owner:find("^%u"))
			if is_public and says:find("[Ss]uspends") then
				found[owner .. (owner:find("^%u") and ":" or ".") .. field] = true
			end
			comment = nil
		end
	end
end

-- Of core only the classes are public.
local function all_documented()
	local found = { require = true }
	for module, path in pairs(public.modules) do
		documented(assert(fs.read(path)), module:match("[%w_]+$"), found)
	end
	for _, entry in ipairs(assert(fs.listdir(public.folder .. "/core"))) do
		documented(assert(fs.read(public.folder .. "/core/" .. entry.name)), nil, found)
	end
	return found
end

local all, names = scenarios()

describe("stopped at each of its waits", function()
	local world

	setup(cancel.install)
	teardown(cancel.remove)

	before_each(function()
		world = assert(fs.tempdir())
		world = { dir = world.path, owner = world }
	end)
	after_each(function()
		world.owner:close()
	end)

	for _, name in ipairs(names) do
		it(name .. " leaves nothing behind", function()
			local waits, takes_timeout = cancel.everywhere(all[name], world)
			assert.is_true(waits > 0)
			if takes_timeout then
				cancel.timeouts(all[name], world)
			end
		end)
	end

	it("is every function that has a name in task.tree()", function()
		local missing = {}
		for _, name in pairs(wait.names) do
			if not cancel.shown[name] and not ELSEWHERE[name] then
				missing[#missing + 1] = name
			end
		end
		assert.same({}, missing)
	end)

	it("is every function that is said to suspend, and no other", function()
		local found, wrong = all_documented(), {}
		for name in pairs(found) do
			if not all[name] and not ELSEWHERE[name] then
				wrong[#wrong + 1] = name .. ": suspends, and has no scenario"
			end
		end
		for _, name in ipairs(names) do
			if not found[name:match("^[^,]+")] then
				wrong[#wrong + 1] = name .. ": its comment does not say that it suspends"
			end
		end
		table.sort(wrong)
		assert.same({}, wrong)
	end)
end)
