--- A name server on the port of --dns-servers, for the time of a scenario of support_cancel.lua. It answers
-- when it is told to: a query comes at once over the loopback, so between two calls nothing is on its way.

local socket = require("moonloop.socket")

local PORT = assert((os.getenv("MOONLOOP_DNS_SERVERS") or ""):match("^127%.0%.0%.1:(%d+)$"),
	"the specs need MOONLOOP_DNS_SERVERS=127.0.0.1:PORT with a free port; make specs sets it")
local QUERY_SECONDS = 10 -- until the first query

local support_names = {}

local function number(n)
	return string.char(math.floor(n / 256), n % 256)
end

-- RFC 1035 4.1: the question comes back, with one record for its name if there is one of that type. What
-- follows the question in a query (EDNS) does not.
local function answer(query, records)
	local name_end = query:find("\0", 13, true)
	local high, low = query:byte(name_end + 1, name_end + 2)
	local kind = high * 256 + low
	local data = records[kind]
	local counts = number(1) .. number(data and 1 or 0) .. number(0) .. number(0)
	local message = query:sub(1, 2) .. "\129\128" .. counts .. query:sub(13, name_end + 4)
	if data then
		message = message .. "\192\12" .. number(kind) .. number(1) .. "\0\0\0\60" .. number(#data) .. data
	end
	return message
end

local asked = 0

--- A name that nobody asked for yet: answers are kept.
function support_names.fresh()
	asked = asked + 1
	return ("n%d.test."):format(asked)
end

--- Begins to serve.
-- @param records type of a record → its data
-- @return {answer = function: waits for the first query, and answers all that came; close = function}
function support_names.serve(records)
	local server = assert(socket.udp({ bind = "127.0.0.1:" .. PORT }))
	local answered = false
	local function answer_all(seconds)
		local query, from = server:receive(seconds)
		while query do
			answered = true
			assert(server:send(answer(query, records), from))
			query, from = server:receive(0)
		end
	end
	return {
		answer = function()
			answer_all(answered and 0 or QUERY_SECONDS)
		end,
		close = function()
			answer_all(0)
			server:close()
		end,
	}
end

return support_names
