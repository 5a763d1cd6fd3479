-- The benched application on moonloop: the same routes as its peers have.
local moonloop = require("moonloop")
local socket = require("moonloop.socket")
local thread = require("moonloop.thread")

-- The encoder that is there: moonloop's own, lua-cjson, or none.
local function find_encoder()
	for _, name in ipairs({"moonloop.json", "cjson"}) do
		local found, json = pcall(require, name)
		if found then
			return json.encode, name
		end
	end
	return function(v)
		return '{"message":"' .. v.message .. '","id":' .. v.id .. ',"ok":' .. tostring(v.ok)
			.. ',"price":' .. v.price .. ',"tags":["' .. table.concat(v.tags, '","') .. '"]}'
	end, "hand"
end

local encode, encoder = find_encoder()
local text_plain = {{"content-type", "text/plain"}}
local application_json = {{"content-type", "application/json"}}

local function answer(send, body, headers)
	send({type = "http.response.start", status = 200, headers = headers or text_plain, body = body})
end

local routes = {}

routes["/"] = function(_, _, send)
	answer(send, "Hello, World!")
end

routes["/about"] = function(_, _, send)
	answer(send, ("moonloop %s, %s; JSON by %s"):format(moonloop.version or "", jit.version, encoder))
end

routes["/json"] = function(_, _, send)
	local value = {message = "Hello, World!", id = 42, ok = true, price = 9.5, tags = {"a", "b", "c"}}
	answer(send, encode(value), application_json)
end

routes["/headers"] = function(scope, _, send)
	local headers = scope.headers
	local agent = headers["user-agent"]
	local language = headers["accept-language"]
	local id = headers["x-request-id"]
	answer(send, agent and language and id or "missing")
end

routes["/echo"] = function(_, receive, send)
	local message = receive()
	local body = message.body or ""
	while message.more_body do
		message = receive()
		body = body .. (message.body or "")
	end
	answer(send, body)
end

routes["/sleep"] = function(_, _, send)
	moonloop.sleep(0.01)
	answer(send, "Hello, World!")
end

local message = ("x"):rep(64)
local echo_address = "127.0.0.1:" .. (os.getenv("ECHO_PORT") or "7")

routes["/socket"] = function(_, _, send)
	local sock = assert(socket.connect(echo_address))
	local bytes = 0
	for _ = 1, 100 do
		assert(sock:write(message))
		bytes = bytes + #assert(sock:read(64))
	end
	sock:close()
	answer(send, tostring(bytes))
end

-- Keeps a thread of the pool busy for two seconds of its own processor time or more.
routes["/block"] = function(_, _, send)
	thread.run(function()
		local clock = os.clock
		local till = clock() + 2
		while clock() < till do end
	end)
	answer(send, "done")
end

return function(scope, receive, send)
	if scope.type ~= "http" then
		return
	end
	routes[scope.path](scope, receive, send)
end
