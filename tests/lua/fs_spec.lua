local fs = require("moonloop.fs")
local moonloop = require("moonloop")
local thread = require("moonloop.thread")

local THIS_FILE = debug.getinfo(1, "S").short_src

local function pack(...)
	return { n = select("#", ...), ... }
end

-- The same in a task and inside a pool thread.
local function both(name, ...)
	local in_task = pack(fs[name](...))
	local in_thread = pack(thread.run(fs[name], ...))
	assert.same(in_task, in_thread)
	return unpack(in_task, 1, in_task.n)
end

describe("fs", function()
	local path

	before_each(function()
		path = os.tmpname()
	end)
	after_each(function()
		os.remove(path)
	end)

	it("reads what was written, whatever it is", function()
		for _, data in ipairs({ "a longer text", "a\0b\r\n", "", ("x"):rep(3000000) }) do
			assert.is_true(both("write", path, data))
			assert.equal(data, both("read", path))
		end
	end)

	it("makes a file that others may read", function()
		os.remove(path)
		assert.is_true(fs.write(path, "x"))
		local listing = io.popen("ls -l " .. path)
		assert.matches("^%-rw%-", listing:read("*a"))
		listing:close()
	end)

	it("reads files whose size is not known before", function()
		assert.matches("^Name:", fs.read("/proc/self/status"))
	end)

	it("answers what the system says", function()
		local rows = {
			{ "read", "/no/such/file", nil, "not_found", "/no/such/file: No such file or directory" },
			{ "read", path .. "/below", nil, "not_found", path .. "/below: Not a directory" },
			{ "read", "", nil, "not_found", ": No such file or directory" },
			{ "read", "/tmp", nil, "is_dir", "/tmp: Is a directory" },
			{ "read", ("x"):rep(300), nil, "not_found", ("x"):rep(300) .. ": File name too long" },
			{ "write", "/no/such/file", "x", "not_found", "/no/such/file: No such file or directory" },
			{ "write", "/tmp", "x", "is_dir", "/tmp: Is a directory" },
			{ "write", "/dev/full", "x", "no_space", "/dev/full: No space left on device" },
		}
		for _, row in ipairs(rows) do
			assert.same({ n = 3, nil, row[4], row[5] }, pack(both(row[1], row[2], row[3])))
		end
	end)

	it("does not read devices to their end", function()
		assert.same({ n = 3, nil, "invalid", "/dev/zero: Not a regular file" }, pack(fs.read("/dev/zero")))
	end)

	it("refuses wrong arguments at the caller's line", function()
		local rows = {
			{ "fs.read: path must be a string, got a nil", fs.read },
			{ "fs.read: path must be a string, got a table", fs.read, {} },
			{ "fs.read: path has a NUL byte", fs.read, "a\0b" },
			{ "fs.write: path must be a string, got a number", fs.write, 1, "x" },
			{ "fs.write: path has a NUL byte", fs.write, "a\0b", "x" },
			{ "fs.write: data must be a string, got a nil", fs.write, "path" },
		}
		for _, row in ipairs(rows) do
			local line = debug.getinfo(1, "l").currentline + 2
			local _, err = pcall(function()
				local result = row[2](row[3], row[4])
				return result
			end)
			assert.equal(("%s:%d: %s"):format(THIS_FILE, line, row[1]), err)
		end
	end)

	it("does many at a time", function()
		fs.write(path, ("x"):rep(100000))
		local tasks = {}
		for i = 1, 200 do
			tasks[i] = moonloop.spawn(fs.read, path)
		end
		for _, t in ipairs(tasks) do
			assert.equal(100000, #t:join())
		end
	end)
end)
