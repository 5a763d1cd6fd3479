local fs = require("moonloop.fs")
local moonloop = require("moonloop")
local plain = require("plain_env")
local support = require("support")
local task = require("moonloop.task")
local thread = require("moonloop.thread")
local time = require("moonloop.time")

local count_fds, settles_at, raises = support.count_fds, support.settles_at, support.raises
local spawn = moonloop.spawn

local function pack(...)
	return { n = select("#", ...), ... }
end

describe("fs.open", function()
	local dir, path

	before_each(function()
		dir = assert(fs.tempdir())
		path = dir.path .. "/file"
	end)
	after_each(function()
		dir:close()
	end)

	it("opens in every mode as it says", function()
		local rows = { -- mode, of a file that is there, of one that is not; what a write of "X" leaves
			{ "r", true, "not_found" },
			{ "r+", true, "not_found", "Xld" },
			{ "w", true, true, "X" },
			{ "w+", true, true, "X" },
			{ "a", true, true, "oldX" },
			{ "a+", true, true, "oldX" },
			{ "x", "exists", true },
			{ "x+", "exists", true },
		}
		for _, row in ipairs(rows) do
			fs.write(path, "old")
			local f, code = fs.open(path, row[1])
			assert.equal(row[2], f and true or code)
			if f and row[4] then
				assert.is_true(f:write("X"))
				assert.equal(row[4], fs.read(path))
			end
			if f then
				f:close()
			end
			fs.remove(path)
			f, code = fs.open(path, row[1])
			assert.equal(row[3], f and true or code)
			if f then
				assert.equal(tonumber("644", 8), f:stat().mode)
				f:close()
			end
		end
	end)

	it("answers what the system says", function()
		local rows = {
			{ "/no/such/file", "r", "not_found", "/no/such/file: No such file or directory" },
			{ dir.path, "r", "is_dir", dir.path .. ": Is a directory" },
			{ dir.path, "w", "is_dir", dir.path .. ": Is a directory" },
		}
		for _, row in ipairs(rows) do
			assert.same({ n = 3, nil, row[3], row[4] }, pack(fs.open(row[1], row[2])))
		end
		assert(os.execute("mkfifo " .. path) == 0)
		assert.same({ n = 3, nil, "invalid", path .. ": A pipe is not a file" }, pack(fs.open(path)))
	end)

	it("gives a new file the permissions asked for", function()
		local f = fs.open(path, "x", { mode = tonumber("600", 8) })
		assert.equal(tonumber("600", 8), f:stat().mode)
		f:close()
	end)

	it("reads by bytes, lines and to the end", function()
		fs.write(path, "one\n\nthree\0\r\nrest of it")
		local f = fs.open(path)
		assert.equal("on", f:read(2))
		assert.equal("e", f:read())
		assert.equal("", f:read("line"))
		assert.equal("three\0\r", f:read("line"))
		assert.equal("rest", f:read(4))
		assert.equal("", f:read(0))
		assert.equal(" of it", f:read("all"))
		assert.equal("", f:read("all"))
		assert.same({ n = 1 }, pack(f:read(1)))
		assert.same({ n = 1 }, pack(f:read("line")))
		f:close()
	end)

	it("reads lines longer than what is read ahead", function()
		local long = ("x"):rep(200000)
		fs.write(path, long .. "\nshort\n" .. long)
		local f = fs.open(path)
		assert.equal(long, f:read("line"))
		assert.equal("short", f:read("line"))
		assert.equal(long, f:read("line"))
		assert.is_nil(f:read("line"))
		f:close()
	end)

	it("hands out its lines to a loop", function()
		local expected = {}
		for i = 1, 20000 do
			expected[i] = "line " .. i
		end
		fs.write(path, table.concat(expected, "\n") .. "\n")
		local f, got = fs.open(path), {}
		for line in f:lines() do
			got[#got + 1] = line
		end
		assert.same(expected, got)
		f:close()
		support.contains("the file is closed", raises(f.lines, f))
	end)

	it("reads what was appended after the end was met", function()
		local f = fs.open(path, "w+")
		assert.is_nil(f:read("line"))
		fs.append(path, "more\n")
		assert.equal("more", f:read("line"))
		f:close()
	end)

	it("keeps one position for reads and writes", function()
		local f = fs.open(path, "w+")
		f:write("0123456789\nabc\n")
		assert.equal(15, f:seek())
		assert.equal(0, f:seek("set"))
		assert.equal("0123456789", f:read("line"))
		assert.equal(11, f:seek("cur"))
		f:write("ABC")
		assert.equal("\n", f:read(5))
		assert.equal(12, f:seek("end", -3))
		assert.equal("BC\n", f:read("all"))
		assert.equal(20, f:seek("end", 5))
		f:write("!")
		assert.equal("0123456789\nABC\n\0\0\0\0\0!", fs.read(path))
		assert.same({ n = 3, nil, "invalid", path .. ": a position before the beginning" }, pack(f:seek("set", -1)))
		f:close()
	end)

	it("appends at the end, wherever it reads", function()
		fs.write(path, "head")
		local f = fs.open(path, "a+")
		assert.equal("he", f:read(2))
		f:write("tail")
		assert.equal(8, f:seek())
		assert.equal("headtail", fs.read(path))
		f:close()
	end)

	it("truncates, syncs, tells", function()
		local f = fs.open(path, "w+")
		f:write("0123456789")
		assert.is_true(f:truncate(4))
		assert.is_true(f:sync())
		assert.equal(4, f:stat().size)
		assert.equal("file", f:stat().type)
		f:seek("set", 2)
		assert.is_true(f:truncate())
		assert.equal("01", fs.read(path))
		f:close()
	end)

	it("tells of a full disk, and stays where it was", function()
		local f = fs.open("/dev/full", "w")
		assert.same({ n = 3, nil, "no_space", "/dev/full: No space left on device" }, pack(f:write("x")))
		assert.equal(0, f:seek())
		f:close()
	end)

	it("does not take a device for a whole", function()
		local f = fs.open("/dev/zero")
		assert.equal(("\0"):rep(100), f:read(100))
		assert.same({ n = 3, nil, "invalid", "/dev/zero: Not a regular file" }, pack(f:read("all")))
		f:close()
	end)

	it("refuses a second task while one waits", function()
		fs.write(path, ("x"):rep(1000000))
		local f = fs.open(path, "r+")
		local first = spawn(f.read, f, "all")
		-- Runs right after the first, before the loop hears of a thread.
		local second = spawn(function()
			for _, name in ipairs({ "read", "write", "seek", "truncate", "sync", "stat", "lines" }) do
				support.contains(("file:%s: another task uses this file now"):format(name), raises(f[name], f))
			end
		end)
		second:join()
		assert.equal(1000000, #first:join())
		f:close()
	end)

	it("may be closed below a task that reads", function()
		local before = count_fds()
		fs.write(path, ("x"):rep(1000000))
		local f = fs.open(path)
		local first = spawn(f.read, f, "all")
		moonloop.sleep(0)
		assert.is_true(f:close())
		local all, code = first:join()
		assert.is_true(code == "gone" or #all == 1000000)
		assert.equal(before, settles_at(before))
	end)

	it("is refused once closed, closing twice is not", function()
		local f = fs.open(path, "w+")
		assert.is_true(f:close())
		assert.is_true(f:close())
		for _, name in ipairs({ "read", "write", "seek", "truncate", "sync", "stat", "lines" }) do
			support.contains(("file:%s: the file is closed"):format(name), raises(f[name], f))
		end
	end)

	it("refuses wrong arguments at the caller's line", function()
		local f = fs.open(path, "w+")
		local reader = fs.open(path, "r")
		local writer = fs.open(path, "w")
		local rows = {
			{ 'fs.open: mode must be "r", "w", "a" or "x", maybe with "+", got rb', fs.open, "x", "rb" },
			{ "fs.open: path must be a string, got a nil", fs.open },
			{ 'file:read: expected a number of bytes, "all" or "line", got *a', f.read, f, "*a" },
			{ "file:read: bytes must be an integer from 0 to 9007199254740992, got -1", f.read, f, -1 },
			{ "file:read: expected a file, got a nil; call it as file:read()", f.read },
			{ "file:write: data must be a string, got a nil", f.write, f },
			{ 'file:seek: expected "set", "cur" or "end", got x', f.seek, f, "x" },
			{ "file:truncate: size must be an integer from 0 to 9007199254740992, got -1", f.truncate, f, -1 },
			{ "file:close: expected a file, got a nil; call it as file:close()", f.close },
			{ "file:write: it was not opened for that: " .. path, reader.write, reader, "x" },
			{ "file:read: it was not opened for that: " .. path, writer.read, writer, 1 },
			{ "file:lines: it was not opened for that: " .. path, writer.lines, writer },
		}
		for _, row in ipairs(rows) do
			local where = support.line(2)
			local _, err = pcall(function()
				local result = row[2](row[3], row[4])
				return result
			end)
			assert.equal(where .. row[1], err)
		end
		f:close()
		reader:close()
		writer:close()
	end)

	it("works inside a pool thread", function()
		local got = thread.run(plain(function(p)
			local f = assert(require("moonloop.fs").open(p, "w+"))
			f:write("a\nb\n")
			f:seek("set")
			local lines = {}
			for line in f:lines() do
				lines[#lines + 1] = line
			end
			f:close()
			return table.concat(lines, ",")
		end), path)
		assert.equal("a,b", got)
	end)

	it("takes hundreds at once", function()
		local before = count_fds()
		local tasks = {}
		for i = 1, 200 do
			tasks[i] = spawn(function()
				local f = assert(fs.open(path .. i, "w+"))
				f:write("x" .. i)
				f:seek("set")
				local text = f:read("all")
				f:close()
				return text
			end)
		end
		for i, t in ipairs(tasks) do
			assert.equal("x" .. i, t:join())
		end
		assert.equal(before, settles_at(before))
	end)
end)

describe("a temporary file", function()
	it("goes when it is closed", function()
		local f = assert(fs.tempfile({ prefix = "spec-" }))
		assert.matches("/spec%-%w+$", f.path)
		assert.equal(tonumber("600", 8), f:stat().mode)
		f:write("kept until then")
		assert.equal("kept until then", fs.read(f.path))
		f:close()
		assert.is_false(fs.exists(f.path))
	end)

	it("stays when it got another name", function()
		local f = assert(fs.tempfile())
		local path = f.path .. ".kept"
		f:write("kept")
		assert.is_true(fs.rename(f.path, path))
		f:close()
		assert.equal("kept", fs.read(path))
		fs.remove(path)
	end)
end)

describe("what nobody closed", function()
	it("goes when it is collected", function()
		collectgarbage()
		local before = count_fds()
		local paths = {}
		do
			for i = 1, 20 do
				local f, d = assert(fs.tempfile()), assert(fs.tempdir())
				fs.write(d.path .. "/inside", "x")
				paths[i * 2 - 1], paths[i * 2] = f.path, d.path
			end
		end
		collectgarbage()
		collectgarbage()
		assert.equal(before, settles_at(before))
		local until_ = time.now() + 5
		for _, path in ipairs(paths) do
			while fs.exists(path) and time.now() < until_ do
				moonloop.sleep(0.005)
			end
			assert.is_false(fs.exists(path))
		end
	end)
end)

describe("a task that is cancelled in the middle", function()
	local dir

	before_each(function()
		collectgarbage()
		dir = assert(fs.tempdir())
	end)
	after_each(function()
		dir:close()
	end)

	it("leaves the file to others", function()
		local path = dir.path .. "/file"
		fs.write(path, ("x"):rep(3000000))
		local f = fs.open(path)
		local t = spawn(f.read, f, "all")
		spawn(t.cancel, t):join() -- runs right after it
		assert.is_true(task.is_cancelled(raises(t.join, t)))
		local text, code
		local until_ = time.now() + 5
		repeat
			text, code = f:read(5)
		until code ~= "busy" or time.now() > until_
		assert.equal("xxxxx", text)
		f:close()
	end)
end)
