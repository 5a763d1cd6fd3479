--- Work on the thread pool, and what may go wrong there.
local fs = require "moonloop.fs"
local lasgi = require "moonloop.lasgi"
local moonloop = require "moonloop"
local thread = require "moonloop.thread"
local worker = require "moonloop.worker"

local factor = 7
local marks = {}

local function busy(seconds)
	local till = os.clock() + seconds -- CPU time of the process: this thread is the one that uses it
	local rounds = 0
	while os.clock() < till do rounds = rounds + 1 end
	return rounds > 0
end

local function number(scope, name, default)
	return tonumber(scope.query_string:match(name .. "=([%d.]+)")) or default
end

-- Sleeps in the kernel, as a database driver that blocks would; then leaves a mark.
local function block(seconds, path)
	os.execute("sleep " .. seconds)
	if path then
		local file = io.open(path, "a")
		file:write("ran\n")
		file:close()
	end
	return true
end

local routes = {}

routes["/hello"] = function() return "hello" end

routes["/busy"] = function(scope) return tostring(thread.run(busy, number(scope, "s", 1))) end

routes["/block"] = function(scope)
	local ok, why = thread.run(block, number(scope, "s", 1), scope.headers["x-path"])
	return ok and "done" or "refused: " .. why
end

routes["/values"] = function()
	local t = { 1, "two", { three = 3.5 }, [10] = true }
	local a, b, c, d, e = thread.run(function(x, n)
		return x[1] * factor, x[2] .. n, x[3].three, x[10], nil
	end, t, "\0\255")
	return table.concat({ a, (b:gsub("[^%w]", ".")), c, tostring(d), tostring(e) }, " ")
end

routes["/state"] = function()
	local first = thread.run(function()
		marks.seen = (marks.seen or 0) + 1
		return marks.seen
	end)
	return first .. " " .. tostring(marks.seen)
end

routes["/large"] = function()
	local text = ("moon"):rep(1000000)
	local back = thread.run(function(s) return s:reverse() end, text)
	return tostring(back == text:reverse())
end

local function fails() error("no fuel") end -- THREAD

routes["/error"] = function() return tostring(thread.run(fails)) end -- CALLER

routes["/waits"] = function()
	local ok, err = pcall(thread.run, function() require("moonloop").sleep(1) end)
	return tostring(ok) .. " " .. tostring(err):match("[^\n]*")
end

routes["/crossing"] = function()
	local file = io.stdout
	local co = coroutine.create(function() end)
	local lines = {}
	for name, fn in pairs {
		file = function() return file end,
		co = function() return co end,
	} do
		local ok, err = pcall(thread.run, fn)
		local named = tostring(err):find(name, 1, true) ~= nil
		lines[#lines + 1] = ("%s %s %s"):format(name, tostring(ok), tostring(named))
	end
	lines[#lines + 1] = tostring((pcall(thread.run, print, file)))
	table.sort(lines)
	return table.concat(lines, "\n")
end

routes["/read"] = function(scope)
	local text, code, detail = fs.read(scope.headers["x-path"])
	return text or code .. " " .. detail
end

routes["/write"] = function(scope, receive)
	local parts = {}
	repeat
		local message = receive()
		parts[#parts + 1] = message.body
	until not message.more_body
	local ok, code, detail = fs.write(scope.headers["x-path"], table.concat(parts))
	return ok and "written" or code .. " " .. detail
end

routes["/queue"] = function() return tostring(worker.info().thread_queue) end

routes["/tasks"] = function() return tostring(worker.info().tasks) end

routes["/endless"] = function(scope)
	local ok, why = thread.run_with({ timeout = number(scope, "s", 60) }, function()
		local rounds = 0
		while true do rounds = rounds + 1 end
	end)
	return tostring(ok) .. " " .. tostring(why)
end

routes["/jobs"] = function()
	local jobs = worker.info().jobs
	return ("%d %d"):format(jobs.busy, jobs.waiting)
end

routes["/progress"] = function(scope, _, send)
	send { type = "http.response.start", status = 200 }
	local job = thread.spawn(function(n)
		for i = 1, n do thread.yield(i, ("x"):rep(i % 100)) end
	end, number(scope, "n", 10))
	for i, text in job:results() do
		send { type = "http.response.body", body = i .. " " .. #text .. "\n", more_body = true }
	end
	send { type = "http.response.body", body = "done\n" }
	return nil
end

-- Blocking calls, here in the loop's own state.
routes["/execute"] = function(scope)
	return tostring(os.execute("sleep " .. number(scope, "s", 1)))
end

routes["/open"] = function(scope)
	local file = io.open(scope.headers["x-path"]) -- OPEN
	local text = file:read("*a")
	file:close()
	return text
end

routes["/parallel"] = function()
	local tasks = {}
	for i = 1, 20 do
		tasks[i] = moonloop.spawn(function() return thread.run(function(n) return n * n end, i) end)
	end
	local sum = 0
	for i = 1, 20 do sum = sum + tasks[i]:join() end
	return tostring(sum)
end

return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	local body = routes[scope.path](scope, receive, send)
	if body then send { type = "http.response.start", status = 200, body = body } end
end
