-- Every kind of lifespan: MODE, from the environment, says which.

local lasgi = require("moonloop.lasgi")
local lib = require("lib")
local log = require("moonloop.log")
local moonloop = require("moonloop")
local task = require("moonloop.task")

local modes = {}

local function saw(message, code)
	log.info("lifespan.saw", { message = message and message.type or code })
	return message and message.type
end

local function answer_shutdown(receive, send)
	repeat
		local kind = saw(receive())
	until kind == "lifespan.shutdown"
	send({ type = "lifespan.shutdown.complete" })
end

function modes.complete(scope, receive, send)
	assert(scope.type == "lifespan" and scope.lasgi.version == "1.0" and scope.lasgi.spec_version == "1.0")
	saw(receive())
	saw(receive(0.02))
	moonloop.sleep(0.1) -- a database, perhaps
	scope.state.greeting = "hello"
	scope.state.shared = { count = 0 }
	assert(send({ type = "lifespan.startup.complete" }) == true)
	answer_shutdown(receive, send)
	saw(nil, "after_the_end")
end

function modes.failed(_, receive, send)
	receive()
	send({ type = "lifespan.startup.failed", message = "the database is down" })
end

function modes.failed_silently(_, receive, send)
	receive()
	send({ type = "lifespan.startup.failed" })
end

function modes.unsupported()
	error(lasgi.unsupported)
end

modes["return"] = function() end

function modes.raises()
	error("no database") -- RAISES
end

function modes.raises_later(_, receive)
	receive()
	moonloop.sleep(0.02)
	error("no database") -- LATER
end

function modes.asserts_type(scope)
	assert(scope.type == "http", "what is this?") -- ASSERTS
end

-- Answers without a look at scope.type.
function modes.careless(_, _, send)
	send({ type = "http.response.start", status = 200, body = "hello" })
end

-- A middleware before it may have read a key that only a request has.
function modes.raises_after_path(scope)
	if scope.path ~= "/health" then
		error("no database") -- AFTER PATH
	end
end

function modes.never(_, receive)
	receive()
	receive()
end

function modes.nonsense(_, _, send)
	send({ type = "lifespan.started" }) -- NONSENSE
end

function modes.not_a_table(_, _, send)
	send("lifespan.startup.complete") -- STRING
end

function modes.no_type(_, _, send)
	send({}) -- NO TYPE
end

function modes.too_early(_, _, send)
	send({ type = "lifespan.shutdown.complete" }) -- EARLY
end

function modes.bad_timeout(_, receive)
	receive("5") -- TIMEOUT
end

function modes.twice(_, receive, send)
	receive()
	send({ type = "lifespan.startup.complete" })
	send({ type = "lifespan.startup.complete" }) -- TWICE
end

function modes.returns_early(_, receive, send)
	receive()
	send({ type = "lifespan.startup.complete" })
end

function modes.raises_at_shutdown(_, receive, send)
	receive()
	send({ type = "lifespan.startup.complete" })
	receive()
	receive()
	error("cannot say goodbye") -- GOODBYE
end

function modes.no_goodbye(_, receive, send)
	receive()
	send({ type = "lifespan.startup.complete" })
	while true do
		receive()
	end
end

-- A service beside the requests: the drain does not wait for it; it is cancelled at the end.
function modes.service(_, receive, send)
	receive()
	moonloop.spawn(function()
		local ok, err = pcall(moonloop.sleep, 3600)
		log.info("service.over", { cancelled = not ok and task.is_cancelled(err) })
	end)
	send({ type = "lifespan.startup.complete" })
	answer_shutdown(receive, send)
	moonloop.sleep(3600)
end

-- The last request of the generation is answered before lifespan.shutdown.
local function slow(_, _, send)
	moonloop.sleep(0.3)
	log.info("request.over")
	send({ type = "http.response.start", status = 200, body = "slow" })
end

-- A stream that ends itself when it hears of the drain.
local function stream(_, receive, send)
	receive()
	send({ type = "http.response.start", status = 200, body = "begin", more_body = true })
	local message = receive()
	local again = receive()
	log.info("stream.heard", { type = message.type, reason = message.reason, again = again.type })
	send({ type = "http.response.body", body = "end" })
end

local serve = lib.routes({
	["/"] = function(scope, _, send)
		lib.answer(send, { state = scope.state })
	end,
	["/count"] = function(scope, _, send)
		scope.state.greeting = nil
		scope.state.own = true
		scope.state.shared.count = scope.state.shared.count + 1
		lib.answer(send, { state = scope.state })
	end,
	["/slow"] = slow,
	["/stream"] = stream,
})

return function(scope, receive, send)
	local mode = modes[os.getenv("MODE")]
	if scope.type == "lifespan" then
		mode(scope, receive, send)
	else
		serve(scope, receive, send)
	end
end
