--- Scenarios of support_cancel.lua: what of moonloop.dns waits. The gateway asks a name server on a port
-- of --dns-servers, which is here.

local dns = require("moonloop.dns")
local socket = require("moonloop.socket")

local scenarios = {}

local PORT = assert((os.getenv("MOONLOOP_DNS_SERVERS") or ""):match("^127%.0%.0%.1:(%d+)$"),
	"the specs need MOONLOOP_DNS_SERVERS=127.0.0.1:PORT with a free port; make specs sets it")

-- RFC 1035 4.1: the question comes back, with one record for its name.
local function answer(query, kind, data)
	local function number(n)
		return string.char(math.floor(n / 256), n % 256)
	end
	return query:sub(1, 2) .. "\129\128" .. number(1) .. number(1) .. number(0) .. number(0)
		.. query:sub(13) .. "\192\12" .. number(kind) .. number(1) .. "\0\0\0\60" .. number(#data) .. data
end

local asked = 0

-- Each time another name: answers are kept.
local function of(kind, data, ask)
	return function()
		local server = assert(socket.udp({ bind = "127.0.0.1:" .. PORT }))
		asked = asked + 1
		local name = ("n%d.test."):format(asked)
		local function serve()
			local query, from = server:receive(0.05)
			if query then
				server:send(answer(query, kind, data), from)
			end
			return query
		end
		return {
			gives = { true },
			timeout = true,
			run = function(timeout)
				local list, code = ask(name, timeout)
				if not list then
					return nil, code
				end
				return #list == 1
			end,
			release = serve,
			check = function()
				while serve() do
				end
				server:close()
			end,
		}
	end
end

scenarios["dns.resolve"] = of(1, "\192\0\2\1", function(name, timeout)
	return dns.resolve(name, { family = 4, timeout = timeout })
end)
scenarios["dns.srv"] = of(33, "\0\1\0\1\0\80\192\12", function(name, timeout)
	return dns.srv(name, { timeout = timeout })
end)
scenarios["dns.txt"] = of(16, "\5hello", function(name, timeout)
	return dns.txt(name, { timeout = timeout })
end)
scenarios["dns.mx"] = of(15, "\0\1\192\12", function(name, timeout)
	return dns.mx(name, { timeout = timeout })
end)

return scenarios
