--- A request body echoed while it arrives: a large upload needs no more memory than a small one.
-- `receive` hands out pieces of at most 64 KiB, and nothing more is read from the socket until the
-- application takes them; `send` waits while the client is slow to read.
--
-- $ moonloop run examples/upload.lua
--
-- $ printf 'one small step\n' | curl -s --data-binary @- http://127.0.0.1:8000/
-- one small step
-- 15 bytes
--
-- $ head -c 1000000 /dev/zero | tr '\0' '\n' | curl -s -T - http://127.0.0.1:8000/ | tail -n 1
-- 1000000 bytes
--
-- $ curl -s -I http://127.0.0.1:8000/ | head -n 1 | tr -d '\r'
-- HTTP/1.1 405 Method Not Allowed
local lasgi = require "moonloop.lasgi"
local log = require "moonloop.log"

local TEXT = { ["content-type"] = "text/plain" }
local ACCEPTED = { POST = true, PUT = true }

return function(scope, receive, send)
	if scope.type ~= "http" then
		error(lasgi.unsupported)
	end
	if not ACCEPTED[scope.method] then
		send {
			type = "http.response.start",
			status = 405,
			headers = { allow = "POST, PUT" },
			body = "POST or PUT something\n",
		}
		return
	end

	local bytes = 0
	local message = receive()
	send { type = "http.response.start", status = 200, headers = TEXT }
	while message.type == "http.request" do
		bytes = bytes + #message.body
		send { type = "http.response.body", body = message.body, more_body = true }
		if not message.more_body then
			send { type = "http.response.body", body = bytes .. " bytes\n" }
			return
		end
		message = receive()
	end
	-- http.disconnect: the client left in the middle, and nobody reads an answer.
	log.warn("upload.aborted", { bytes = bytes, reason = message.reason })
end
