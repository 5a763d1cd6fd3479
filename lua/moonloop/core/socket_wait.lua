--- The one loop in which a task waits for a socket: server/bindings/lua_socket.c has the verbs.
-- Hot: no closures, no FFI.

local native = require("moonloop.core.ffi")
local co = require("moonloop.core.coroutine")
local errors = require("moonloop.core.errors")
local scope = require("moonloop.core.scope")
local waits = require("moonloop.core.wait")

local AGAIN, CANCELLED, TIMEOUT = native.codes.AGAIN, native.codes.CANCELLED, native.codes.TIMEOUT
local name_of, park, blame = native.name, co.park, errors.blame

-- enum misuse (lua_socket.c)
local BUSY, NO_TASK, BAD_TIMEOUT = 1, 2, 3

local DOES = { read = "reads from", write = "writes to", accept = "accepts from", send = "sends by",
	receive = "receives from" }

local socket_wait = {}

-- Raises the application's mistake.
local function misuse(self, verb, code, words, timeout)
	local name = self.kind_ .. ":" .. verb
	if code == BUSY then
		blame(("%s: another task %s this %s now"):format(name, DOES[verb] or "uses", self.kind_))
	elseif code == NO_TASK then
		waits.begin()
		blame(name .. ": nothing can wait here")
	elseif code == BAD_TIMEOUT then
		waits.due(name, timeout)
	end
	blame(("%s: %s"):format(name, words))
end

--- What a verb's refusal means: raises it, or returns nil, code, detail.
function socket_wait.refused(self, verb, code, words, timeout)
	if code > 0 then
		misuse(self, verb, code, words, timeout)
	end
	self.failed_ = true -- it may be in the middle of something: of no use for a pool
	if code == CANCELLED then
		scope.stopped_by(words)
	elseif code == TIMEOUT and words == nil then
		words = verb .. " took too long"
	elseif words == nil or words == "" then
		words = native.codes.meaning[code]
	end
	return nil, name_of(code), ("%s: %s"):format(self.address or self.kind_, words)
end
local refused = socket_wait.refused

--- Calls a verb until it has an answer. Suspends.
-- @return what it answers; nil, code, detail
function socket_wait.call(self, name, verb, timeout, a, b)
	local value, code, more = verb(self.id_, timeout, nil, a, b)
	while code == AGAIN do
		park()
		value, code, more = verb(self.id_, timeout, more, a, b)
	end
	if value ~= nil then
		return value, code
	end
	return refused(self, name, code, more, timeout)
end

return socket_wait
