--- A limit for request bodies (413 else), for what stands behind it. --body-max is that of all.
--
--     app:post("/notes", { use = { web.body_limit(65536) } }, add)

local blame = require("moonloop.core.errors").blame
local errors = require("moonloop.web.errors")

local function refuse(max)
	errors.raise(413, ("the body has more than %d bytes, the limit of this request"):format(max))
end

--- @param max bytes
-- @return middleware
return function(max)
	if type(max) ~= "number" or max < 0 or max % 1 ~= 0 then
		blame("web.body_limit: expected a number of bytes, got " .. tostring(max))
	end
	return function(req, next)
		local length = tonumber(req.headers["content-length"])
		if length and length > max then
			refuse(max)
		end
		local receive, seen = req.receive_, 0
		req.receive_ = function(timeout)
			local message = receive(timeout)
			if message and message.type == "http.request" then
				seen = seen + #message.body
				if seen > max then
					refuse(max)
				end
			end
			return message
		end
		return next(req)
	end
end
