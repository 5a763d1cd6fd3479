--- What becomes of a request whose client leaves. What happened is read back from /seen.
local lasgi = require "moonloop.lasgi"
local moonloop = require "moonloop"
local task = require "moonloop.task"
local time = require "moonloop.time"
local worker = require "moonloop.worker"

local seen = {}

local function see(fmt, ...) seen[#seen + 1] = fmt:format(...) end

local function whole(send, body)
	return send { type = "http.response.start", status = 200, body = body }
end

local routes = {}

routes["/seen"] = function(_, _, send)
	whole(send, table.concat(seen, "\n"))
	seen = {}
end

routes["/tasks"] = function(_, _, send) whole(send, tostring(worker.info().tasks)) end

routes["/sleep"] = function()
	local began = time.now()
	see("sleeping")
	local ok, err = pcall(moonloop.sleep, 30)
	local verdict = not ok and task.is_cancelled(err) and "cancelled" or "not cancelled"
	see("%s after %.1f s", verdict, time.now() - began)
	ok, err = pcall(moonloop.sleep, 30)
	see("%s again", not ok and task.is_cancelled(err) and "cancelled" or "not cancelled")
end

routes["/uncaught"] = function()
	see("sleeping")
	moonloop.sleep(30)
	see("never reached")
end

routes["/slow"] = function(_, _, send)
	moonloop.sleep(0.8)
	local ok, why = whole(send, "slow answer\n")
	see("sent: %s %s", tostring(ok), tostring(why))
end

routes["/receive"] = function(_, receive)
	local message = receive()
	while message.type == "http.request" do
		see("piece, more %s", tostring(message.more_body))
		message = receive()
	end
	see("%s %s", message.type, message.reason)
	message = receive()
	see("%s again", message.type)
end

routes["/stream"] = function(_, _, send)
	send { type = "http.response.start", status = 200 }
	local ok, err
	repeat
		send { type = "http.response.body", body = "tick\n", more_body = true }
		ok, err = pcall(moonloop.sleep, 0.02)
	until not ok
	see("sleep: %s", tostring(task.is_cancelled(err)))
	local sent, why = send { type = "http.response.body", body = "tick\n", more_body = true }
	see("send: %s %s", tostring(sent), tostring(why))
end

-- A send that waits for a client that does not read.
routes["/full"] = function(_, _, send)
	local block = ("x"):rep(65536)
	send { type = "http.response.start", status = 200 }
	see("sending")
	local ok, err, why = pcall(function()
		local sent, reason
		repeat
			sent, reason = send { type = "http.response.body", body = block, more_body = true }
		until not sent
		return sent, reason
	end)
	see("%s %s", ok and tostring(err) or "raised", ok and tostring(why) or tostring(task.is_cancelled(err)))
end

routes["/shield"] = function()
	see("shielded")
	task.shield(function()
		moonloop.sleep(0.5)
		see("done in the shield")
	end)
	local ok, err = pcall(moonloop.sleep, 30)
	see("%s behind it", not ok and task.is_cancelled(err) and "cancelled" or "not cancelled")
end

routes["/background"] = function(_, _, send)
	task.background(function()
		moonloop.sleep(0.3)
		see("background done")
	end)
	whole(send, "begun\n")
end

routes["/children"] = function()
	see("waiting")
	local child = moonloop.spawn(function()
		local ok, err = pcall(moonloop.sleep, 30)
		see("child %s", not ok and task.is_cancelled(err) and "cancelled" or "not cancelled")
	end)
	child:join()
end

return function(scope, receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	routes[scope.path](scope, receive, send)
end
