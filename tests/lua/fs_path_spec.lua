local fs = require("moonloop.fs")
local support = require("support")
local thread = require("moonloop.thread")

local function pack(...)
	return { n = select("#", ...), ... }
end

-- Inside a pool thread what needs no waiting answers the same.
local function in_thread(name, ...)
	return pack(thread.run(fs[name], ...))
end

describe("fs", function()
	local dir, root

	before_each(function()
		dir = assert(fs.tempdir({ prefix = "fs-spec-" }))
		root = dir.path
	end)
	after_each(function()
		dir:close()
	end)

	local function fails(code, what, ...)
		local got = pack(...)
		assert.same({ n = 3, nil, code }, { n = got.n, got[1], got[2] })
		support.contains(what, got[3])
	end

	it("appends, and makes the file", function()
		local path = root .. "/log"
		assert.is_true(fs.append(path, "one\n"))
		assert.is_true(fs.append(path, "two\0\n"))
		assert.equal("one\ntwo\0\n", fs.read(path))
		fails("is_dir", root .. ": Is a directory", fs.append(root, "x"))
		fails("no_space", "No space left", fs.append("/dev/full", "x"))
	end)

	it("replaces at once, keeps the permissions, leaves nothing beside", function()
		local path = root .. "/config"
		assert.is_true(fs.replace(path, "a"))
		assert.equal(tonumber("644", 8), fs.stat(path).mode)
		fs.chmod(path, tonumber("600", 8))
		local before = fs.stat(path).inode
		assert.is_true(fs.replace(path, "b"))
		assert.equal("b", fs.read(path))
		assert.equal(tonumber("600", 8), fs.stat(path).mode)
		assert.is_not.equal(before, fs.stat(path).inode)
		fs.mkdir(root .. "/sub")
		fails("is_dir", "Is a directory", fs.replace(root .. "/sub", "x"))
		fails("not_found", "No such file", fs.replace(root .. "/none/x", "x"))
		assert.equal(2, #fs.listdir(root))
	end)

	it("tells what a path is", function()
		local path = root .. "/file"
		fs.write(path, "12345")
		local st = fs.stat(path)
		assert.equal("file", st.type)
		assert.equal(5, st.size)
		assert.is_true(st.inode > 0 and st.links == 1 and st.device >= 0 and st.uid >= 0 and st.gid >= 0)
		assert.is_true(math.abs(st.mtime - os.time()) < 10 and st.atime > 0 and st.ctime > 0)
		assert.is_true(st.mtime % 1 ~= 0 or fs.stat(root).mtime % 1 ~= 0)
		assert.same(st, in_thread("stat", path)[1])
		fs.symlink("file", root .. "/link")
		assert.equal("file", fs.stat(root .. "/link").type)
		assert.equal("link", fs.lstat(root .. "/link").type)
		assert.equal("dir", fs.stat(root).type)
		assert.equal("char", fs.stat("/dev/null").type)
		fails("not_found", root .. "/none: No such file", fs.stat(root .. "/none"))
		fails("not_found", "Not a directory", fs.stat(path .. "/below"))
	end)

	it("tells whether something is there", function()
		assert.is_true(fs.exists(root))
		assert.is_false(fs.exists(root .. "/none"))
		fs.symlink("none", root .. "/link")
		assert.is_false(fs.exists(root .. "/link"))
		fs.symlink("ring", root .. "/ring")
		fails("io", "Too many levels", fs.exists(root .. "/ring"))
	end)

	it("lists names with types", function()
		fs.write(root .. "/b", "")
		fs.write(root .. "/.hidden", "")
		fs.mkdir(root .. "/a dir")
		fs.symlink("nowhere", root .. "/link")
		local expected = {
			{ name = ".hidden", type = "file" },
			{ name = "a dir", type = "dir" },
			{ name = "b", type = "file" },
			{ name = "link", type = "link" },
		}
		assert.same(expected, fs.listdir(root))
		assert.same(expected, in_thread("listdir", root)[1])
		assert.same({}, fs.listdir(root .. "/a dir"))
		fails("not_dir", "Not a directory", fs.listdir(root .. "/b"))
		assert.same({}, fs.listdir("a dir", { root = root }))
		fails("denied", "leads out of the root", fs.listdir("..", { root = root }))
		fails("denied", "leads out of the root", fs.listdir("/", { root = root }))
		fails("not_found", "No such file", fs.listdir(root .. "/none"))
	end)

	it("makes directories, with parents if asked", function()
		local deep = root .. "/x//y/z/"
		fails("not_found", "No such file", fs.mkdir(deep))
		assert.is_true(fs.mkdir(deep, { parents = true }))
		assert.is_true(fs.mkdir(deep, { parents = true }))
		assert.equal("dir", fs.stat(root .. "/x/y/z").type)
		fails("exists", "File exists", fs.mkdir(root .. "/x"))
		assert.is_true(fs.mkdir(root .. "/private", { mode = tonumber("700", 8) }))
		assert.equal(tonumber("700", 8), fs.stat(root .. "/private").mode)
		fs.write(root .. "/file", "")
		fails("exists", "File exists", fs.mkdir(root .. "/file", { parents = true }))
		fails("not_dir", "Not a directory", fs.mkdir(root .. "/file/sub", { parents = true }))
		fails("not_found", "No such file", fs.mkdir("", { parents = true }))
	end)

	it("removes files, directories and trees", function()
		fs.mkdir(root .. "/t/u/v", { parents = true })
		fs.write(root .. "/t/u/f", "")
		fs.write(root .. "/kept", "kept")
		fs.symlink("../kept", root .. "/t/link")
		fs.symlink("../..", root .. "/t/u/up")
		fails("is_dir", "Is a directory", fs.remove(root .. "/t"))
		fails("not_empty", "not empty", fs.rmdir(root .. "/t"))
		fails("not_dir", "Not a directory", fs.rmdir(root .. "/kept"))
		fails("not_found", "No such file", fs.remove(root .. "/none"))
		fails("not_found", "No such file", fs.remove_tree(root .. "/none"))
		assert.is_true(fs.rmdir(root .. "/t/u/v"))
		assert.is_true(fs.remove(root .. "/t/link"))
		assert.is_true(fs.remove_tree(root .. "/t"))
		assert.equal("kept", fs.read(root .. "/kept"))
		assert.is_true(fs.remove_tree(root .. "/kept"))
		assert.same({}, fs.listdir(root))
	end)

	it("renames in place of another", function()
		fs.write(root .. "/a", "a")
		fs.write(root .. "/b", "b")
		assert.is_true(fs.rename(root .. "/a", root .. "/b"))
		assert.equal("a", fs.read(root .. "/b"))
		assert.is_false(fs.exists(root .. "/a"))
		fails("not_found", root .. "/a: No such file", fs.rename(root .. "/a", root .. "/c"))
		fs.mkdir(root .. "/d")
		fails("invalid", "Invalid argument", fs.rename(root .. "/d", root .. "/d/e"))
	end)

	it("copies bytes and permissions, and no file onto itself", function()
		local data = ("x"):rep(3000017)
		fs.write(root .. "/a", data)
		fs.chmod(root .. "/a", tonumber("750", 8))
		assert.is_true(fs.copy(root .. "/a", root .. "/b"))
		assert.equal(data, fs.read(root .. "/b"))
		assert.equal(tonumber("750", 8), fs.stat(root .. "/b").mode)
		fs.write(root .. "/a", "short")
		assert.is_true(fs.copy(root .. "/a", root .. "/b"))
		assert.equal("short", fs.read(root .. "/b"))
		assert.is_true(fs.copy("/proc/self/status", root .. "/c"))
		assert.matches("^Name:", fs.read(root .. "/c"))
		fails("invalid", "same file", fs.copy(root .. "/a", root .. "/a"))
		assert.equal("short", fs.read(root .. "/a"))
		fails("is_dir", "Is a directory", fs.copy(root, root .. "/d"))
		fails("invalid", "Not a regular file", fs.copy("/dev/zero", root .. "/d"))
		fails("no_space", "No space left", fs.copy(root .. "/a", "/dev/full"))
		fails("not_found", "No such file", fs.copy(root .. "/none", root .. "/d"))
	end)

	it("makes and reads links", function()
		assert.is_true(fs.symlink("target", root .. "/link"))
		assert.equal("target", fs.readlink(root .. "/link"))
		fails("exists", "File exists", fs.symlink("x", root .. "/link"))
		fails("invalid", "Not a symbolic link", fs.readlink(root))
		fails("not_found", "No such file", fs.readlink(root .. "/none"))
		fs.write(root .. "/target", "")
		assert.equal(fs.realpath(root) .. "/target", fs.realpath(root .. "/./link"))
		fails("not_found", "No such file", fs.realpath(root .. "/none"))
	end)

	it("changes permissions", function()
		fs.write(root .. "/f", "")
		assert.is_true(fs.chmod(root .. "/f", tonumber("4711", 8)))
		assert.equal(tonumber("4711", 8), fs.stat(root .. "/f").mode)
		fails("not_found", "No such file", fs.chmod(root .. "/none", 0))
	end)

	it("makes temporary directories that go with all in them", function()
		local temp = assert(fs.tempdir({ dir = root, prefix = "t-" }))
		assert.matches("/t%-%w+$", temp.path)
		fs.mkdir(temp.path .. "/a/b", { parents = true })
		fs.write(temp.path .. "/a/b/c", "x")
		assert.is_true(temp:close())
		assert.is_true(temp:close())
		assert.is_false(fs.exists(temp.path))
		fails("not_found", "No such file", fs.tempdir({ dir = root .. "/none" }))
		fails("not_found", "No such file", fs.tempfile({ dir = root .. "/none" }))
	end)

	it("works inside a pool thread", function()
		local path = root .. "/here"
		assert.same({ n = 1, true }, in_thread("append", path, "abc"))
		assert.same({ n = 1, true }, in_thread("mkdir", root .. "/p/q", { parents = true }))
		assert.same({ n = 1, true }, in_thread("remove_tree", root .. "/p"))
		fails("not_found", "No such file", unpack(in_thread("stat", root .. "/none"), 1, 3))
		assert.equal("abc", fs.read(path))
	end)

	it("refuses wrong arguments at the caller's line", function()
		local rows = {
			{ "fs.append: data must be a string, got a nil", fs.append, "x" },
			{ "fs.replace: path must be a string, got a nil", fs.replace },
			{ "fs.copy: target must be a string, got a nil", fs.copy, "x" },
			{ "fs.rename: target has a NUL byte", fs.rename, "x", "a\0b" },
			{ "fs.symlink: target must be a string, got a table", fs.symlink, {}, "x" },
			{ "fs.mkdir: options must be a table, got a boolean", fs.mkdir, "x", true },
			{ "fs.mkdir: mode must be an integer from 0 to 4095, got 5000", fs.mkdir, "x", { mode = 5000 } },
			{ "fs.chmod: mode must be an integer from 0 to 4095, got nil", fs.chmod, "x" },
			{ "fs.stat: path must be a string, got a number", fs.stat, 1 },
			{ "fs.lstat: path must be a string, got a number", fs.lstat, 1 },
			{ "fs.exists: path must be a string, got a nil", fs.exists },
			{ "fs.listdir: path must be a string, got a nil", fs.listdir },
			{ "fs.remove: path must be a string, got a nil", fs.remove },
			{ "fs.rmdir: path has a NUL byte", fs.rmdir, "\0" },
			{ "fs.remove_tree: path must be a string, got a nil", fs.remove_tree },
			{ "fs.readlink: path must be a string, got a nil", fs.readlink },
			{ "fs.realpath: path must be a string, got a nil", fs.realpath },
			{ "fs.tempdir: prefix has a slash", fs.tempdir, { prefix = "a/b" } },
			{ "fs.tempfile: dir must be a string, got a number", fs.tempfile, { dir = 1 } },
			{ "fs.watch: path must be a string, got a nil", fs.watch },
		}
		for _, row in ipairs(rows) do
			local where = support.line(2)
			local _, err = pcall(function()
				local result = row[2](row[3], row[4])
				return result
			end)
			assert.equal(where .. row[1], err)
		end
	end)
end)
