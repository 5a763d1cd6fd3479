--- A chat room: server-sent events, a queue for each listener.
local fs = require "moonloop.fs"
local lasgi = require "moonloop.lasgi"
local queue = require "moonloop.queue"

local BACKLOG = 100 -- messages that a slow listener may be behind; then it misses some
local MESSAGE_MAX = 1000 -- bytes
local QUIET_SECONDS = 15 -- until a sign of life

local listeners = {} -- queue → true

local HERE = debug.getinfo(1, "S").source:match("^@(.*)/") or "."

local function answer(send, kind, body, status)
	local headers = { ["content-type"] = kind }
	send { type = "http.response.start", status = status or 200, headers = headers, body = body }
end

local function listen(send)
	local messages = queue.new(BACKLOG)
	listeners[messages] = true
	answer(send, "text/event-stream")
	local ok, err = pcall(function()
		repeat
			local text, why = messages:get(QUIET_SECONDS)
			local event = text and "data: " .. text:gsub("\r?\n", "\ndata: ") .. "\n\n" or ":\n\n"
			local there = send { type = "http.response.body", body = event, more_body = why ~= "closed" }
		until why == "closed" or not there
	end)
	listeners[messages] = nil
	if not ok then error(err, 0) end -- such as the cancellation, when the client left
end

local function say(receive, send)
	local text, heard = "", 0
	repeat
		local message = receive()
		if message.type == "http.disconnect" then return end
		text = text .. message.body
	until not message.more_body or #text > MESSAGE_MAX
	if text == "" or #text > MESSAGE_MAX then
		return answer(send, "text/plain", "1 to " .. MESSAGE_MAX .. " bytes, please\n", 422)
	end
	for messages in pairs(listeners) do
		heard = heard + (messages:try_put(text) and 1 or 0)
	end
	answer(send, "text/plain", "heard by " .. heard .. "\n")
end

local function lifespan(receive, send)
	repeat
		local kind = receive().type
		if kind == "lifespan.shutdown.notice" then -- so that listeners do not hold up the end
			for messages in pairs(listeners) do messages:close() end
		else
			send { type = kind .. ".complete" }
		end
	until kind == "lifespan.shutdown"
end

return function(scope, receive, send)
	if scope.type == "lifespan" then return lifespan(receive, send) end
	if scope.type ~= "http" then error(lasgi.unsupported) end
	local what = scope.method .. " " .. scope.path
	if what == "GET /" then
		answer(send, "text/html; charset=utf-8", assert(fs.read(HERE .. "/page.html")))
	elseif what == "GET /events" then
		listen(send)
	elseif what == "POST /messages" then
		say(receive, send)
	else
		answer(send, "text/plain", "Not found\n", 404)
	end
end
