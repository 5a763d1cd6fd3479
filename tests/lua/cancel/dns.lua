--- Scenarios of support_cancel.lua: what of moonloop.dns waits.

local dns = require("moonloop.dns")
local names = require("support_names")

local scenarios = {}

local function of(kind, data, ask)
	return function()
		local server = names.serve({ [kind] = data })
		local name = names.fresh()
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
			release = server.answer,
			check = server.close,
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
