--- A time limit for handlers (503 else): every wait of a handler past it ends it.
--
--     app:use(web.timeout { seconds = 10 })
--
-- It holds for what happens until the response begins, not for a stream. A handler that computes and
-- does not wait is stopped by --cpu-budget.

local blame = require("moonloop.core.errors").blame
local errors = require("moonloop.web.errors")
local options = require("moonloop.web.options")
local task = require("moonloop.task")

--- @param given {seconds =, status = 503}
-- @return middleware
return function(given)
	given = options.check("web.timeout", given, { seconds = "seconds", status = "count" })
	local seconds, status = given.seconds, given.status or 503
	if not seconds then
		blame("web.timeout: seconds is missing")
	elseif status < 500 or status > 599 then
		blame("web.timeout: status must be from 500 to 599, got " .. status)
	end
	return function(req, next)
		local res = task.timeout(seconds, next, req)
		if res == nil then
			errors.raise(status, ("no answer within %g seconds"):format(seconds))
		end
		return res
	end
end
