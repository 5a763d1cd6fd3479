--- A response sent in pieces, each as soon as it is there, until the client leaves.
-- When the client goes away the task is cancelled: `send` answers `nil, "closed"`, or the sleep
-- raises the cancellation, which `pcall` sees.
--
-- $ moonloop run examples/stream.lua
--
-- $ curl -sN http://127.0.0.1:8000/countdown
-- 3
-- 2
-- 1
-- lift-off
--
-- $ curl -sN http://127.0.0.1:8000/forever | head -n 2; sleep 1
-- tick 1
-- tick 2
--
-- $ curl -s http://127.0.0.1:8000/left
-- 1 client left early
local lasgi = require "moonloop.lasgi"
local moonloop = require "moonloop"
local task = require "moonloop.task"

local left = 0

local function piece(text)
	return { type = "http.response.body", body = text .. "\n", more_body = true }
end

local function countdown(send)
	for n = 3, 1, -1 do
		send(piece(n))
		moonloop.sleep(0.2)
	end
	send { type = "http.response.body", body = "lift-off\n" }
end

local function forever(send)
	for n = 1, math.huge do
		if not send(piece("tick " .. n)) then return end
		moonloop.sleep(0.1)
	end
end

return function(scope, _receive, send)
	if scope.type ~= "http" then error(lasgi.unsupported) end
	send { type = "http.response.start", status = 200, headers = { ["content-type"] = "text/plain" } }
	if scope.path == "/countdown" then
		countdown(send)
	elseif scope.path == "/forever" then
		local ok, err = pcall(forever, send)
		left = left + 1
		if not ok and not task.is_cancelled(err) then
			error(err, 0)
		end
	else
		send { type = "http.response.body", body = left .. " client left early\n" }
	end
end
