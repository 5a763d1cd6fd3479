--- What several specs need.

local assert = require("luassert")
local fs = require("moonloop.fs")
local moonloop = require("moonloop")
local time = require("moonloop.time")
local worker = require("moonloop.worker")

local support = {}

--- The file and line of the function that called this one, some lines further down: where an error
-- raised by the next statements is expected.
function support.line(offset)
	local info = debug.getinfo(2, "Sl")
	return ("%s:%d: "):format(info.short_src, info.currentline + (offset or 0))
end

--- Calls fn(...), which must raise; returns what it raised.
function support.raises(fn, ...)
	local ok, err = pcall(fn, ...)
	assert.is_false(ok)
	return err
end

--- How many descriptors are open. One of them is the look itself.
function support.count_fds()
	return #fs.listdir("/proc/self/fd")
end

--- Waits for the count to be n: a job that was left to itself, or removes a directory beside, has one now
-- and then. The count that was looked at is the one that counts.
-- @return it
function support.settles_at(n)
	local until_ = time.now() + 5
	local now = support.count_fds()
	while now ~= n and time.now() < until_ do
		moonloop.sleep(0.005)
		now = support.count_fds()
	end
	return now
end

--- Asserts that a text begins with another one.
function support.begins(prefix, text)
	assert.equal(prefix, tostring(text):sub(1, #prefix))
end

--- Asserts that a text contains another one.
function support.contains(part, text)
	assert.is_truthy(tostring(text):find(part, 1, true), ("%q is not in:\n%s"):format(part, tostring(text)))
end

--- Runs `moonloop check` on an application of that source, in a process of its own.
-- Blocks the loop; bounded.
-- @param before shell commands that come first, or nil
-- @return the exit code; everything that it wrote
function support.check(source, options, before)
	local path = os.tmpname()
	local file = assert(io.open(path, "w"))
	file:write(source)
	file:close()
	local pipe = assert(io.popen(("%stimeout 20 %s check %s --log - %s 2>&1; echo rc=$?"):format(
		before or "", ("/proc/%d/exe"):format(worker.info().pid), path, options or "")))
	local text = pipe:read("*a")
	pipe:close()
	os.remove(path)
	return tonumber(text:match("rc=(%d+)%s*$")), (text:gsub(path:gsub("%p", "%%%0"), "app.lua"))
end

--- Writes a Lua module into a fresh directory on package.path; fn gets its name. Cleaned up after.
function support.with_module(source, fn)
	local path = os.tmpname()
	local dir, name = path:match("^(.*)/([^/]*)$")
	name = "m" .. name:gsub("%W", "")
	local file = assert(io.open(dir .. "/" .. name .. ".lua", "w"))
	file:write(source)
	file:close()
	local saved = package.path
	package.path = dir .. "/?.lua"
	local ok, err = pcall(fn, name, dir .. "/" .. name .. ".lua")
	package.path = saved
	package.loaded[name] = nil
	os.remove(path)
	os.remove(dir .. "/" .. name .. ".lua")
	if not ok then
		error(err, 0)
	end
end

return support
