-- Functions that would never end, and what a worker does besides: tests/e2e/test_guard.py.

local lasgi = require("moonloop.lasgi")
local task = require("moonloop.task")
local worker = require("moonloop.worker")

local forms = {}

-- Compiled to machine code long before the budget is over.
function forms.loop()
	while true do end -- LOOP
end

forms["goto"] = function()
	::again::
	goto again
end

forms["repeat"] = function()
	repeat local done = false until done
end

function forms.interpreted()
	jit.off(true)
	local n = 0
	while true do n = n + 1 end
end

function forms.pcall()
	while true do
		pcall(function()
			local n = 0
			while true do n = n + 1 end
		end)
	end
end

function forms.xpcall()
	local function again()
		return xpcall(again, again)
	end
	while true do xpcall(forms.loop, again) end
end

function forms.handler() -- of an error
	return xpcall(error, forms.loop)
end

function forms.recursion()
	local function down(n)
		return down(n + 1)
	end
	return down(0)
end

function forms.tree()
	local function fib(n)
		return n < 2 and n or fib(n - 1) + fib(n - 2)
	end
	return fib(100)
end

function forms.strings()
	local s = ""
	while true do
		s = #s > 1000 and "" or s .. tostring(#s)
	end
end

function forms.coroutine()
	local co = coroutine.create(function()
		coroutine.wrap(forms.loop)()
	end)
	while true do coroutine.resume(co) end
end

function forms.generator()
	for n in coroutine.wrap(function()
		local n = 0
		while true do
			n = n + 1
			coroutine.yield(n)
		end
	end) do
		forms.last = n
	end
end

function forms.metamethod()
	local t = setmetatable({}, { __index = function()
		while true do forms.last = 0 end
	end })
	return t.field
end

function forms.iterator()
	for n in function(_, n) return (n or 0) + 1 end do
		forms.last = n
	end
end

function forms.gsub()
	return (("x"):rep(10):gsub(".", forms.loop))
end

function forms.sort()
	table.sort({ 3, 2, 1 }, function()
		while true do forms.last = 1 end
	end)
end

function forms.tables()
	while true do
		local t = {}
		for n = 1, 100 do t[n] = { n } end
		forms.last = t
	end
end

function forms.shield()
	task.shield(forms.pcall)
end

function forms.spawned()
	task.spawn(forms.loop):join()
end

function forms.require()
	package.preload.endless = forms.loop
	return require("endless")
end

function forms.swallowed() -- nothing of ours runs behind the pcall
	return pcall(forms.loop)
end

local routes = {}

local function answer(send, text)
	send { type = "http.response.start", status = 200, body = text }
end

local function busy(seconds)
	local till = os.clock() + seconds
	while os.clock() < till do end -- BUSY
end

function routes.form(scope, send)
	forms[scope.query_string]()
	answer(send, "it ended\n")
end

function routes.begun(_, send)
	send { type = "http.response.start", status = 200, body = "so far", more_body = true }
	forms.loop()
end

function routes.lowered(_, send)
	task.cpu_budget(0.1)
	busy(1)
	answer(send, "not stopped\n")
end

function routes.raised(_, send)
	task.cpu_budget(5)
	busy(0.6)
	answer(send, "done\n")
end

function routes.waits(_, send)
	for _ = 1, 8 do
		busy(0.01)
		task.sleep(0.1)
	end
	answer(send, "done\n")
end

function routes.total(_, send) -- 0.1 s between two waits, one second in all
	for _ = 1, 10 do
		busy(0.1)
		task.sleep(0.001)
	end
	answer(send, "not stopped\n")
end

function routes.busy(scope, send)
	busy(tonumber(scope.query_string))
	answer(send, "done\n")
end

function routes.block(scope, send)
	io.popen("sleep " .. scope.query_string):close() -- BLOCK
	answer(send, "done\n")
end

-- A finalizer is out of the guard's reach.
function routes.finalizer(_, send)
	getmetatable(newproxy(true)).__gc = function()
		busy(5)
	end
	collectgarbage()
	answer(send, "done\n")
end

function routes.forms(_, send) -- but for those that are no run of the request's own
	local names = {}
	for name in pairs(forms) do
		names[#names + 1] = name ~= "spawned" and name or nil
	end
	table.sort(names)
	answer(send, table.concat(names, " "))
end

function routes.profile(_, send)
	answer(send, tostring(select(2, pcall(require, "jit.profile"))))
end

function routes.hook(_, send)
	answer(send, tostring(debug.gethook()))
end

function routes.hello(_, send)
	answer(send, "hello\n")
end

function routes.pid(_, send)
	answer(send, tostring(worker.info().pid))
end

-- A lifespan's task lives as long as the worker: it may use its budget between any two waits.
local function tick()
	while true do
		busy(0.05)
		task.sleep(0.01)
	end
end

return function(scope, receive, send)
	if scope.type == "lifespan" then
		receive()
		if os.getenv("GUARD_TICK") then
			task.spawn(tick)
		end
		send { type = "lifespan.startup.complete" }
		repeat until receive().type == "lifespan.shutdown"
		send { type = "lifespan.shutdown.complete" }
		return
	elseif scope.type ~= "http" then
		error(lasgi.unsupported)
	end
	routes[scope.path:sub(2)](scope, send)
end
