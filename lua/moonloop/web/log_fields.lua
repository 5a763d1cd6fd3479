--- Fields that all records have which this task, and what it spawns, writes with moonloop.log.

local task = require("moonloop.task")

local log_fields = {}

--- The rest of the task has the field, so the request should be the task's only one.
function log_fields.add(name, value)
	local locals, copy = task.locals(), {}
	for key, one in pairs(locals.log_fields or {}) do
		copy[key] = one -- the table may be the parent's, too
	end
	copy[name] = value
	locals.log_fields = copy
end

return log_fields
