--- What the specs of sockets share.

local assert = require("luassert")
local moonloop = require("moonloop")
local socket = require("moonloop.socket")
local task = require("moonloop.task")
local time = require("moonloop.time")

local count_fds = require("support").count_fds

local support = {}

--- Runs fn(...), and proves that no descriptor is left over by it.
function support.leaves_none(fn, ...)
	collectgarbage()
	collectgarbage()
	local before = count_fds()
	fn(...)
	local until_ = time.now() + 5
	local now
	repeat
		collectgarbage()
		moonloop.sleep(0.005)
		now = count_fds()
	until now <= before or time.now() > until_
	assert.is_true(now <= before)
end

--- Calls fn(listener) while a server calls serve_fn(socket) for each connection.
function support.with_server(serve_fn, fn, options)
	local listener = assert(socket.listen("127.0.0.1:0", options))
	local server = task.spawn(listener.serve, listener, serve_fn)
	local ok, err = pcall(fn, listener, listener:address())
	listener:close()
	server:cancel()
	pcall(server.join, server)
	if not ok then
		error(err, 0)
	end
end

--- Sends back what comes, line by line.
function support.echo(sock)
	for line in sock:lines() do
		sock:write({ line, "\n" })
	end
end

--- Starts fn(...) in a task, lets it wait, cancels it; what its join raised.
function support.cancelled(fn, ...)
	local t = task.spawn(fn, ...)
	moonloop.sleep(0.02)
	assert.is_false(t:ended())
	t:cancel()
	local ok, err = pcall(t.join, t, 5)
	assert.is_false(ok)
	return err
end

--- Calls fn(...) under a deadline that passes while it waits.
function support.overdue(fn, ...)
	return select(2, task.timeout(0.02, fn, ...))
end

return support
