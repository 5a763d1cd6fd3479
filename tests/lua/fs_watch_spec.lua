local fs = require("moonloop.fs")
local moonloop = require("moonloop")
local support = require("support")
local task = require("moonloop.task")
local thread = require("moonloop.thread")
local plain = require("plain_env")
local time = require("moonloop.time")

local raises = support.raises

describe("fs.watch", function()
	local dir, root, watcher

	before_each(function()
		dir = assert(fs.tempdir())
		root = dir.path
		watcher = nil
	end)
	after_each(function()
		if watcher then
			watcher:close()
		end
		dir:close()
	end)

	-- Until one of that kind and name comes.
	local function expect(kind, name, is_dir)
		local seen = {}
		for _ = 1, 100 do
			local e, code = watcher:next(5)
			if not e then
				error(("%s instead of %s %s, after %s"):format(code, kind, name, table.concat(seen, ", ")))
			elseif e.kind == kind and e.name == name then
				assert.equal(is_dir or false, e.dir)
				return
			end
			seen[#seen + 1] = e.kind .. " " .. e.name
		end
		error("never came: " .. kind .. " " .. name)
	end

	it("tells what happens in a directory", function()
		watcher = assert(fs.watch(root))
		fs.write(root .. "/a", "x")
		expect("created", "a")
		expect("modified", "a")
		expect("written", "a")
		fs.chmod(root .. "/a", 0)
		expect("attributes", "a")
		fs.rename(root .. "/a", root .. "/b")
		expect("removed", "a")
		expect("created", "b")
		fs.mkdir(root .. "/d")
		expect("created", "d", true)
		fs.remove(root .. "/b")
		expect("removed", "b")
	end)

	it("tells what happens to a file", function()
		fs.write(root .. "/a", "")
		watcher = assert(fs.watch(root .. "/a"))
		fs.append(root .. "/a", "x")
		expect("modified", "")
		expect("written", "")
		fs.remove(root .. "/a")
		expect("removed", "")
	end)

	it("wakes who waits", function()
		watcher = assert(fs.watch(root))
		local t = moonloop.spawn(function()
			return watcher:next(5)
		end)
		moonloop.sleep(0.01)
		fs.write(root .. "/late", "")
		assert.same({ kind = "created", name = "late", dir = false }, t:join())
	end)

	it("follows directories below, those that come, too", function()
		fs.mkdir(root .. "/a/b", { parents = true })
		watcher = assert(fs.watch(root, { recursive = true }))
		fs.write(root .. "/a/b/c", "")
		expect("created", "a/b/c")
		fs.mkdir(root .. "/new")
		expect("created", "new", true)
		fs.write(root .. "/new/file", "")
		expect("created", "new/file")
		fs.remove_tree(root .. "/a")
		expect("removed", "a/b/c")
		expect("removed", "a", true)
	end)

	it("gives up in time", function()
		watcher = assert(fs.watch(root))
		local began = time.now()
		local e, code = watcher:next(0.02)
		assert.is_nil(e)
		assert.equal("timeout", code)
		assert.is_true(time.now() - began >= 0.019)
		assert.equal("timeout", select(2, watcher:next(0)))
	end)

	it("is one task's at a time", function()
		watcher = assert(fs.watch(root))
		local t = moonloop.spawn(watcher.next, watcher)
		moonloop.sleep(0.005)
		support.contains("watcher:next: another task waits on this watcher", raises(watcher.next, watcher))
		t:cancel()
		assert.is_true(task.is_cancelled(raises(t.join, t)))
		fs.write(root .. "/a", "")
		expect("created", "a")
	end)

	it("ends the wait when it is closed", function()
		watcher = assert(fs.watch(root))
		local t = moonloop.spawn(function()
			return select(2, watcher:next())
		end)
		moonloop.sleep(0.005)
		assert.is_true(watcher:close())
		assert.equal("gone", t:join())
		assert.equal("gone", select(2, watcher:next()))
		assert.is_true(watcher:close())
	end)

	it("answers what the system says", function()
		local w, code, detail = fs.watch(root .. "/none")
		assert.is_nil(w)
		assert.equal("not_found", code)
		support.contains(root .. "/none: No such file", detail)
	end)

	it("refuses wrong arguments", function()
		watcher = assert(fs.watch(root))
		support.contains("watcher:next: timeout must be a number >= 0, got -1", raises(watcher.next, watcher, -1))
		support.contains("call it as watcher:next()", raises(watcher.next))
		support.contains("call it as watcher:close()", raises(watcher.close))
		support.contains("fs.watch: a pool thread has no loop", raises(thread.run, plain(function()
			require("moonloop.fs").watch("/")
		end)))
	end)

	it("leaves nothing open when it is collected", function()
		collectgarbage()
		collectgarbage()
		local before = #fs.listdir("/proc/self/fd")
		for _ = 1, 10 do
			assert(fs.watch(root))
		end
		collectgarbage()
		collectgarbage()
		assert.equal(before, #fs.listdir("/proc/self/fd"))
	end)
end)
