--- The lifespan of an application and of those that are mounted in it (LASGI 5).

local lasgi = require("moonloop.lasgi")
local queue = require("moonloop.queue")
local task = require("moonloop.task")

local lifespan = {}

-- The lifespan of one mounted application, in a task of its own.
local Child = {}
Child.__index = Child

local function start_child(app, scope)
	local child = setmetatable({ inbox = queue.new(8), answers = queue.new(8) }, Child)
	child.task = task.spawn(function()
		local ok, err = pcall(app, lasgi.derive(scope, {}), function(timeout)
			return child.inbox:get(timeout)
		end, function(message)
			return child.answers:put(message)
		end)
		if not ok and err ~= lasgi.unsupported then
			child.answers:put({ type = "failed", err = err })
		end
		child.answers:close()
	end)
	return child
end

-- nil when it has no lifespan, or ended it.
function Child:ask(kind)
	self.inbox:put({ type = kind })
	return self.answers:get()
end

function Child:start()
	local answer = self:ask("lifespan.startup")
	if answer and answer.type == "failed" then
		error(answer.err, 0)
	elseif answer and answer.type == "lifespan.startup.failed" then
		error(tostring(answer.message), 0)
	end
end

--- Runs the start functions, then those of mounted applications; at the end, in reverse, the stop functions.
-- @param hooks {start = array of function(state), stop = array of function(state), notice = ...}
-- @param mounted an array of applications
function lifespan.run(hooks, mounted, scope, receive, send)
	local children = {}
	local function each(kind)
		for _, fn in ipairs(hooks[kind]) do
			fn(scope.state)
		end
	end
	local message = receive()
	assert(message.type == "lifespan.startup")
	each("start")
	for i, app in ipairs(mounted) do
		children[i] = start_child(app, scope)
		children[i]:start()
	end
	send({ type = "lifespan.startup.complete" })
	repeat
		message = receive()
		if message.type == "lifespan.shutdown.notice" then
			each("notice")
			for _, child in ipairs(children) do
				child.inbox:put(message)
			end
		end
	until message.type == "lifespan.shutdown"
	for i = #children, 1, -1 do
		children[i]:ask("lifespan.shutdown")
	end
	for i = #hooks.stop, 1, -1 do
		hooks.stop[i](scope.state)
	end
	send({ type = "lifespan.shutdown.complete" })
end

return lifespan
