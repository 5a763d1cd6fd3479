--- The lifespan conversation with the application (LASGI section 5).

local C = require("moonloop.core.ffi").C
local task = require("moonloop.core.task")
local errors = require("moonloop.core.errors")
local lasgi = require("moonloop.core.lasgi")
local log = require("moonloop.log")
local unsupported = require("moonloop.core.unsupported")

local lifespan = {}

local inbox = {} -- messages for the application's receive, in order
local state = "none" -- none | starting | started | stopping | stopped | failed
local failure -- text, when state is "failed"
-- What the application has shown of itself in the lifespan call.
local knows_type, has_received = false, false
local http_key -- what it looked for that only a request has

local SLOW_START = 5 -- seconds until a start that hangs is mentioned

local function set(new, text)
	state, failure = new, text
	task.wake_all(lifespan)
end

local function receive(timeout)
	if timeout ~= nil and type(timeout) ~= "number" then
		errors.blame("receive: timeout must be a number of seconds, got " .. type(timeout), lasgi.app)
	end
	local due = timeout and C.ml_now() + timeout
	while #inbox == 0 do
		if due then
			local left = due - C.ml_now()
			if left <= 0 then
				C.ml_task_alarm(-1)
				return nil, "timeout"
			end
			C.ml_task_alarm(left)
		end
		task.wait_on(inbox)
	end
	has_received = true
	return table.remove(inbox, 1)
end

local function post(message)
	inbox[#inbox + 1] = message
	task.wake_all(inbox)
end

-- What an application may send, and what it answers by that.
local ANSWERS = {
	["lifespan.startup.complete"] = "lifespan.startup",
	["lifespan.startup.failed"] = "lifespan.startup",
	["lifespan.shutdown.complete"] = "lifespan.shutdown",
}

local function send(message)
	local kind = type(message) == "table" and message.type or nil
	if type(kind) == "string" and kind:find("^http%.") then
		-- An application that answers HTTP to everything has no lifespan.
		error(unsupported, 0)
	elseif kind == "lifespan.startup.complete" and state == "starting" then
		set("started")
	elseif kind == "lifespan.startup.failed" and state == "starting" then
		set("failed", tostring(message.message or "lifespan.startup.failed without a message"))
	elseif kind == "lifespan.shutdown.complete" and state == "stopping" then
		set("stopped")
	elseif type(message) ~= "table" then
		errors.blame("send: expected a message (a table), got " .. type(message), lasgi.app)
	elseif kind == nil then
		errors.blame("send: the message has no type", lasgi.app)
	elseif ANSWERS[kind] then
		errors.blame(("send: %s comes once, after %s"):format(kind, ANSWERS[kind]), lasgi.app)
	else
		errors.blame("send: unknown message type " .. tostring(kind) .. " in a lifespan", lasgi.app)
	end
	return true
end

-- The scope and the start-up message notice what they are asked for.

local OF_HTTP = {}
for key in ([[http_version method scheme path raw_path query_string root_path headers client server
	extensions body more_body]]):gmatch("%S+") do
	OF_HTTP[key] = true
end

local Watched = {
	__index = function(_, key)
		if key == "type" then
			knows_type = true
			return "lifespan"
		elseif OF_HTTP[key] then
			http_key = http_key or key
		end
	end,
}

-- An application that raises because it takes every call for a request has no lifespan. One that has
-- looked at scope.type may be starting something, and an error in that must not be lost.
local function takes_it_for_a_request()
	return http_key ~= nil and not knows_type
end

local HINT = '\n(called with scope.type == "lifespan"; an application without one begins with:'
	.. ' if scope.type ~= "http" then error(require("moonloop.lasgi").unsupported) end)'

local function start_failed(err)
	local handles_it = knows_type and has_received
	set("failed", errors.text(err) .. (handles_it and "" or HINT))
end

-- The task that carries the application's lifespan call from start to end.
local function carry(app)
	local scope = setmetatable({
		lasgi = { version = "1.0", spec_version = "1.0" },
		state = lasgi.state,
	}, Watched)
	local ok, err = xpcall(app, errors.note, scope, receive, send)
	if state == "starting" then
		if ok or err == unsupported or takes_it_for_a_request() then
			set("none")
		else
			start_failed(err)
		end
	elseif state ~= "failed" then -- which lifespan.start has yet to see
		if not ok and not task.is_cancelled(err) then
			log.error("lifespan.error", { traceback = errors.text(err) })
		end
		set("stopped")
	end
end

--- Suspends until the application's start is complete.
-- @return true; nil and a text when it failed
function lifespan.start(app)
	state = "starting"
	post(setmetatable({ type = "lifespan.startup" }, Watched))
	task.background(carry, app)
	local slow_at = C.ml_now() + SLOW_START
	while state == "starting" do
		C.ml_task_alarm(slow_at and math.max(slow_at - C.ml_now(), 0) or -1)
		task.wait_on(lifespan)
		if slow_at and state == "starting" and C.ml_now() >= slow_at then
			slow_at = nil
			log.warn("lifespan.slow", { message = ("lifespan.startup is not answered after %d s; "
				.. "the application gets no request before lifespan.startup.complete"):format(SLOW_START) })
		end
	end
	C.ml_task_alarm(-1)
	if state == "failed" then
		return nil, failure
	end
	return true
end

--- Tells the application that a drain began.
function lifespan.notice()
	if state == "started" then
		post({ type = "lifespan.shutdown.notice" })
	end
end

--- Suspends until the application's shutdown is complete (the worker bounds it).
function lifespan.stop()
	if state ~= "started" then
		return
	end
	state = "stopping"
	post({ type = "lifespan.shutdown" })
	while state == "stopping" do
		task.wait_on(lifespan)
	end
end

return lifespan
