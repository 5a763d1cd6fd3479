-- The way in: what receive returns, and when.

local lib = require("lib")
local moonloop = require("moonloop")
local time = require("moonloop.time")

local seen = {} -- what a request saw after its answer, by its name

local function message(one, code)
	if one == nil then
		return { code = code }
	end
	return { type = one.type, body = one.body and #one.body, more = one.more_body, reason = one.reason }
end

-- Takes the whole body: its length, and the lengths of its pieces.
local function pieces(_, receive, send)
	local all, total = {}, 0
	repeat
		local one = receive()
		if one.type == "http.disconnect" then
			return
		end
		all[#all + 1] = message(one)
		total = total + #one.body
	until not one.more_body
	lib.answer(send, { pieces = all, total = total })
end

local function timeouts(_, receive, send)
	local answers = {}
	for _, seconds in ipairs({ 0, 0.03, 10 }) do
		local began = time.now()
		local answer = message(receive(seconds))
		answer.took = time.now() - began
		answers[#answers + 1] = answer
	end
	-- An alarm that is left over must not shorten what follows.
	local began = time.now()
	moonloop.sleep(0.05)
	answers.slept = time.now() - began
	lib.answer(send, { answers = answers, slept = answers.slept })
end

-- Answers, and goes on: every further receive is a disconnect.
local function after_answer(scope, receive, send)
	local first = message(receive())
	lib.answer(send, {})
	local rest = { message(receive()), message(receive(1)), message(receive()) }
	seen[scope.query_string] = { first = first, rest = rest }
end

-- Waits for the end without having answered, or in the middle of a stream.
local function wait_for_end(scope, receive, send)
	receive()
	if scope.query_string == "stream" then
		send({ type = "http.response.start", status = 200, body = "begin", more_body = true })
	end
	local got = { message(receive()), message(receive()) }
	local sent, code = send({ type = "http.response.body" })
	seen[scope.query_string] = { got = got, sent = tostring(sent), code = code }
end

-- A watcher beside the handler, in a task of its own.
local function watcher(_, receive, send)
	receive()
	local task = moonloop.spawn(function()
		seen.watcher = { message(receive()) }
	end)
	send({ type = "http.response.start", status = 200, body = "begin", more_body = true })
	task:join()
end

-- The body is taken by a task that the handler spawned.
local function by_child(_, receive, send)
	local total = moonloop.spawn(function()
		local n = 0
		repeat
			local one = receive()
			n = n + #one.body
		until not one.more_body
		return n
	end):join()
	lib.answer(send, { total = total })
end

-- A watcher that is not needed any more.
local function cancelled_watcher(_, receive, send)
	receive()
	local task = moonloop.spawn(receive)
	moonloop.sleep(0.01)
	task:cancel()
	local ok, err = pcall(task.join, task)
	lib.answer(send, { ok = ok, err = tostring(err) })
end

return lib.routes({
	["/pieces"] = pieces,
	["/timeouts"] = timeouts,
	["/after"] = after_answer,
	["/wait"] = wait_for_end,
	["/watcher"] = watcher,
	["/by-child"] = by_child,
	["/cancelled-watcher"] = cancelled_watcher,
	["/late"] = function(scope, receive, send)
		moonloop.sleep(scope.query_string == "" and 0.1 or tonumber(scope.query_string))
		pieces(nil, receive, send)
	end,
	["/never"] = function(_, _, send)
		lib.answer(send, {})
	end,
	["/seen"] = function(scope, _, send)
		lib.answer(send, seen[scope.query_string] or {})
	end,
})
