-- A raw TCP server beside HTTP: answers each line with the worker's process id, its generation, and the line.
local lasgi = require("moonloop.lasgi")
local socket = require("moonloop.socket")
local task = require("moonloop.task")
local worker = require("moonloop.worker")

local address = "127.0.0.1:" .. os.getenv("ECHO_PORT")
local listener = assert(socket.listen(address))
local pool = socket.pool({ max = 2 })
local name = ("%d.%d"):format(worker.info().pid, worker.info().generation)

local function echo(sock)
	for line in sock:lines() do
		if line == "fail" then
			error("told to")
		end
		sock:write({ name, " ", line, "\n" })
	end
end

local function lifespan(receive, send)
	local server = task.spawn(listener.serve, listener, echo)
	repeat
		local message = receive()
		if message.type == "lifespan.startup" then
			send({ type = "lifespan.startup.complete" })
		elseif message.type == "lifespan.shutdown.notice" then
			listener:close()
			pool:close()
		end
	until message.type == "lifespan.shutdown"
	listener:close()
	server:join(1)
	send({ type = "lifespan.shutdown.complete" })
end

local routes = {}

-- Through the pool, to whichever worker's server.
routes["/ask"] = function()
	return assert(pool:with(address, function(sock)
		assert(sock:write("from http\n"))
		return assert(sock:read("line"))
	end))
end

routes["/open"] = function()
	left_open = assert(socket.connect(address)) -- luacheck: ignore 111
	return "left open"
end

routes["/slow"] = function()
	local sock = assert(socket.connect(address))
	local ok, err = pcall(sock.read, sock) -- raises when the client leaves
	sock:close()
	error(ok and "it was answered" or err, 0)
end

return function(scope, receive, send)
	if scope.type == "lifespan" then
		return lifespan(receive, send)
	elseif scope.type ~= "http" then
		error(lasgi.unsupported)
	end
	send({ type = "http.response.start", status = 200, body = routes[scope.path]() })
end
