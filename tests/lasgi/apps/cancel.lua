-- The peer goes away: what each kind of wait sees.

local fs = require("moonloop.fs")
local lib = require("lib")
local moonloop = require("moonloop")
local task = require("moonloop.task")
local thread = require("moonloop.thread")

local START = "http.response.start"
local PIECE = ("x"):rep(60000)

local seen = {} -- name of the request → what it saw

local function outcome(ok, err, code)
	if ok then
		return { ok = true, value = tostring(err), code = code }
	end
	return { ok = false, cancelled = task.is_cancelled(err), text = tostring(err) }
end

local waits = {}

function waits.sleep()
	moonloop.sleep(60)
end
function waits.join()
	moonloop.spawn(moonloop.sleep, 60):join()
end
function waits.thread()
	thread.run(function()
		local until_ = os.time() + 1
		repeat until os.time() > until_ -- luacheck: ignore 542
	end)
end
function waits.file()
	while true do
		fs.read("/proc/self/status")
	end
end
function waits.coroutine()
	coroutine.wrap(function()
		moonloop.sleep(60)
	end)()
end
function waits.receive(receive)
	local message = receive()
	return message.type, message.reason
end
function waits.send(_, send)
	while send({ type = "http.response.body", body = PIECE, more_body = true }) do -- luacheck: ignore 542
	end
end
-- Never parked in send: it hears of the departure by the answer.
function waits.send_slowly(_, send)
	while true do
		local ok, code = send({ type = "http.response.body", body = "x", more_body = true })
		if not ok then
			return "answer", code
		end
		task.shield(moonloop.sleep, 0.005)
	end
end

local routes = {}

for name, wait in pairs(waits) do
	routes["/" .. name] = function(_, receive, send)
		receive()
		send({ type = START, status = 200, body = "begin", more_body = true })
		local got = { first = outcome(pcall(wait, receive, send)) }
		got.again = outcome(pcall(moonloop.sleep, 0))
		got.message = receive().type
		got.sent, got.code = send({ type = "http.response.body" })
		got.sent = tostring(got.sent)
		seen[name] = got
	end
end

-- Nobody catches it: no error, no log.
routes["/uncaught"] = function(_, _, send)
	send({ type = START, status = 200, body = "begin", more_body = true })
	moonloop.sleep(60)
end

routes["/children"] = function(_, _, send)
	local got = {}
	local function child(name)
		return moonloop.spawn(function()
			got[name] = outcome(pcall(moonloop.sleep, 60))
			seen.children = got.a and got.b and got
		end)
	end
	child("a")
	child("b")
	send({ type = START, status = 200, body = "begin", more_body = true })
	moonloop.sleep(60)
end

routes["/shield"] = function(_, _, send)
	send({ type = START, status = 200, body = "begin", more_body = true })
	local got = {}
	got.shielded = outcome(pcall(task.shield, function()
		moonloop.sleep(0.15)
		got.sent, got.code = send({ type = "http.response.body", body = "x", more_body = true })
		got.sent = tostring(got.sent)
		return "saved"
	end))
	got.after = outcome(pcall(moonloop.sleep, 60))
	seen.shield = got
end

routes["/background"] = function(_, _, send)
	task.background(function()
		moonloop.sleep(0.1)
		seen.background = { done = true }
	end)
	send({ type = START, status = 200, body = "begin", more_body = true })
	moonloop.sleep(60)
end

-- A half-closed peer is not gone.
routes["/half-closed"] = function(_, receive, send)
	receive()
	local message = receive(0.4)
	send({ type = START, status = 200, body = message and message.type or "still there" })
end

routes["/seen"] = function(scope, _, send)
	lib.answer(send, seen[scope.query_string] or {})
end

return lib.routes(routes)
