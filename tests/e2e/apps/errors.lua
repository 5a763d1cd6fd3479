--- Every way to be wrong. The tests look for the lines marked with a name in capitals.
local lasgi = require "moonloop.lasgi"
local moonloop = require "moonloop"
local task = require "moonloop.task"

local routes = {}

local function start(send, message)
	message.type, message.status = "http.response.start", message.status or 200
	return send(message)
end

local function depth(crater)
	return crater.depth -- INDEX
end

routes["/index"] = function() return depth(nil) .. "" end

routes["/raise"] = function() error("secret detail") end -- RAISE

routes["/object"] = function() error(setmetatable({}, { __tostring = function() return "an object" end })) end

routes["/nil"] = function() error(nil) end

-- What a C module may do by mistake: a yield that is no wait.
routes["/raw-yield"] = function()
	for i = 1, 20 do
		local name, value = debug.getupvalue(coroutine.yield, i)
		if name == "raw_yield" then
			value("no wait")
		end
	end
end

-- Objects whose finalizers raise, whenever the collector comes by.
routes["/finalizers"] = function(_, _, send)
	for _ = 1, 1000 do
		getmetatable(newproxy(true)).__gc = function() error("in a finalizer") end
	end
	send { type = "http.response.start", status = 200, body = "set\n" }
end

routes["/nothing"] = function() end

routes["/coroutine"] = function()
	local step = coroutine.wrap(function()
		moonloop.sleep(0.01)
		error("inside a coroutine") -- COROUTINE
	end)
	step()
end

routes["/spawned"] = function(_, _, send)
	local child = moonloop.spawn(function()
		moonloop.sleep(0.01)
		error("in a child") -- CHILD
	end)
	child:join()
	send { type = "http.response.start", status = 200, body = "not reached\n" }
end

routes["/unjoined"] = function(_, _, send)
	task.background(function()
		error("nobody joins") -- UNJOINED
	end)
	send { type = "http.response.start", status = 200, body = "fine\n" }
end

routes["/held"] = function(_, _, send)
	send { type = "http.response.start", status = 200, headers = { ["x-first"] = "yes" } }
	error("before the first byte") -- HELD
end

routes["/late"] = function(_, _, send)
	send { type = "http.response.start", status = 200 }
	send { type = "http.response.body", body = "half", more_body = true }
	error("after the first byte") -- LATE
end

routes["/late-length"] = function(_, _, send)
	send { type = "http.response.start", status = 200, headers = { ["content-length"] = "100" } }
	send { type = "http.response.body", body = "half" }
end

routes["/unfinished"] = function(_, _, send)
	send { type = "http.response.start", status = 200 }
	send { type = "http.response.body", body = "half", more_body = true }
end

routes["/overflow"] = function()
	local function again(n) return 1 + again(n + 1) end
	return again(1)
end

routes["/global"] = function() return undefined_function() end -- luacheck: ignore 113

routes["/yield"] = function()
	table.sort({ 3, 2, 1 }, function(a, b)
		moonloop.sleep(0.01)
		return a < b
	end)
end

-- Misuse of send and receive: each must raise at its own line, and leave no trace.
local OK = { type = "http.response.start", status = 200 }
local misuses = {
	body_before_start = function(send) send { type = "http.response.body", body = "x" } end,
	start_twice = function(send) send(OK); send(OK) end,
	after_end = function(send) send { type = "http.response.start", status = 200, body = "" }; send(OK) end,
	no_table = function(send) send "hello" end,
	no_type = function(send) send {} end,
	unknown_type = function(send) send { type = "http.response.begin" } end,
	no_status = function(send) send { type = "http.response.start" } end,
	bad_status = function(send) send { type = "http.response.start", status = 99 } end,
	text_status = function(send) send { type = "http.response.start", status = "ok" } end,
	number_body = function(send) send { type = "http.response.start", status = 200, body = 5 } end,
	header_name = function(send) start(send, { headers = { ["a b"] = "c" } }) end,
	header_value = function(send) start(send, { headers = { a = "b\r\nc: d" } }) end,
	header_boolean = function(send) start(send, { headers = { a = true } }) end,
	framing = function(send) start(send, { headers = { connection = "close" } }) end,
	coding = function(send)
		send { type = "http.response.start", status = 200, headers = { { "Transfer-Encoding", "chunked" } } }
	end,
	too_much = function(send)
		send { type = "http.response.start", status = 200, headers = { ["content-length"] = "2" }, body = "abc" }
	end,
	bad_length = function(send)
		send { type = "http.response.start", status = 200, headers = { ["content-length"] = "many" }, body = "abc" }
	end,
	receive_text = function(_, receive) receive("soon") end,
	sleep_text = function() moonloop.sleep("soon") end,
	spawn_text = function() moonloop.spawn("work") end,
}

-- Raised or not, where, and what; then the answer that the misuse must not have spoilt.
local function try(name, receive, send)
	local misuse = misuses[name]
	local info = debug.getinfo(misuse, "S")
	local ok, err = pcall(misuse, send, receive)
	local line = tonumber(tostring(err):match("errors%.lua:(%d+): "))
	local inside = line ~= nil and line >= info.linedefined and line <= info.lastlinedefined
	local verdict = (ok and "no error" or inside and "at its line" or "elsewhere") .. ": " .. tostring(err)
	if name == "start_twice" then
		send { type = "http.response.body", body = verdict }
	elseif name ~= "after_end" or not inside then
		send { type = "http.response.start", status = 200, body = verdict }
	end
end

return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	if scope.path == "/misuses" then
		local names = {}
		for name in pairs(misuses) do names[#names + 1] = name end
		return send { type = "http.response.start", status = 200, body = table.concat(names, " ") }
	end
	local name = scope.path:match("^/misuse/(.*)")
	if name then return try(name, receive, send) end
	local route = routes[scope.path]
	if not route then return send { type = "http.response.start", status = 200, body = "still here\n" } end
	route(scope, receive, send)
end
