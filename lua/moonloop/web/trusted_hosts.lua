--- Only requests for our own names: who makes links from the Host field must not take any (421 else).
--
--     app:use(web.trusted_hosts { "example.org", "*.example.org" })
--
-- The fields that a proxy sets are the gateway's business: --trusted-proxies says whose are believed.

local blame = require("moonloop.core.errors").blame
local errors = require("moonloop.web.errors")

-- Without its port.
local function name_of(host)
	return (host:gsub(":%d*$", ""):lower())
end

--- @param hosts an array of names without ports; "*.example.org" is every name below example.org
-- @return middleware
return function(hosts)
	if type(hosts) ~= "table" or #hosts == 0 then
		blame("web.trusted_hosts: expected an array of names, got "
			.. (type(hosts) == "table" and "none" or "a " .. type(hosts)))
	end
	local exact, tails = {}, {}
	for _, host in ipairs(hosts) do
		if type(host) ~= "string" or not host:find("^[%w%-._%[%]:*]+$") or host:find("*", 2, true) then
			blame("web.trusted_hosts: expected a name, or *. and a name, got " .. tostring(host))
		end
		local tail = host:match("^%*(%..+)$")
		if tail then
			tails[#tails + 1] = tail:lower()
		else
			exact[host:lower()] = true
		end
	end
	return function(req, next)
		local name = name_of(req.headers.host or "")
		if exact[name] then
			return next(req)
		end
		for _, tail in ipairs(tails) do
			if #name > #tail and name:sub(-#tail) == tail then
				return next(req)
			end
		end
		errors.raise(421, "this server does not answer for that host")
	end
end
