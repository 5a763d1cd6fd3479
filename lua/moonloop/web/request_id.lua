--- Request ids: a name for each request, in its response and in the log.
--
--     app:use(web.request_id())
--
-- req.id is what the client or a proxy sent, if that is a short token, or a random one.

local log_fields = require("moonloop.web.log_fields")
local options = require("moonloop.web.options")

local HEADER = "x-request-id"

--- @param given {header = "x-request-id", trust = false: what the client sends is not taken}
-- @return middleware
return function(given)
	given = options.check("web.request_id", given, { header = "string", trust = "boolean" })
	local header = (given.header or HEADER):lower()
	local trust = given.trust ~= false
	return function(req, next)
		local sent = trust and req.headers[header]
		if sent and #sent <= 64 and sent:find("^[%w%-._]+$") then
			req.id = sent
		elseif not trust or header ~= HEADER then
			req.id = require("moonloop.crypto").random_id()
		end
		log_fields.add("request_id", req.id)
		return next(req):header(header, req.id)
	end
end
