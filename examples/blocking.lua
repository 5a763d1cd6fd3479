--- Work that takes long goes to the thread pool, and the worker serves others meanwhile.
-- `thread.run` sends a function and the plain values that it uses to another Lua state on another
-- thread; this coroutine continues with the results. Files are read there too.
--
-- $ moonloop run examples/blocking.lua
--
-- $ curl -s http://127.0.0.1:8000/primes & sleep 0.1; curl -s http://127.0.0.1:8000/ping; wait
-- pong
-- 283146 primes below 4000000
--
-- $ curl -s http://127.0.0.1:8000/source | head -n 1
-- --- Work that takes long goes to the thread pool, and the worker serves others meanwhile.
local fs = require "moonloop.fs"
local lasgi = require "moonloop.lasgi"
local thread = require "moonloop.thread"

local LIMIT = 4000000
local SOURCE = debug.getinfo(1, "S").source:sub(2) -- this file, as it was named to moonloop

local function count_primes(limit)
	local count = 0
	for n = 2, limit - 1 do
		local prime = n == 2 or n % 2 == 1
		for d = 3, prime and math.sqrt(n) or 0, 2 do
			if n % d == 0 then
				prime = false
				break
			end
		end
		count = count + (prime and 1 or 0)
	end
	return count
end

local function answer(path)
	if path == "/ping" then
		return 200, "pong\n"
	elseif path == "/primes" then
		local count, why = thread.run(count_primes, LIMIT)
		if not count then
			return 503, "busy: " .. why .. "\n" -- the bounded queue is full
		end
		return 200, count .. " primes below " .. LIMIT .. "\n"
	end
	local text, code, detail = fs.read(SOURCE)
	return text and 200 or 500, text or code .. ": " .. detail .. "\n"
end

return function(scope, _receive, send)
	if scope.type ~= "http" then
		error(lasgi.unsupported)
	end
	local status, body = answer(scope.path)
	send { type = "http.response.start", status = status, body = body }
end
