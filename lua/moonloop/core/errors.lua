--- Error values and what is shown of them.

local errors = {}

--- What a wait raises in a task that was cancelled. Compare with task.is_cancelled(err).
errors.CANCELLED = setmetatable({}, {
	__name = "moonloop.cancelled",
	__tostring = function()
		return "cancelled"
	end,
})

-- The traceback that was taken where the error was raised, for one that is raised again on its way
-- up (through require, join, a middleware's pcall): the first one knows the line that matters.
local noted = { err = nil, text = nil }

local function describe(err)
	if type(err) == "string" then
		return err
	end
	local ok, text = pcall(tostring, err)
	return ok and text or "(error object of type " .. type(err) .. ")"
end

-- Frames of the gateway's own Lua say nothing to a user.
local function tidy(text)
	local lines, in_stack = {}, false
	for line in text:gmatch("[^\n]+") do
		in_stack = in_stack or line == "stack traceback:"
		local ours = line:find("^%s*moonloop%.core%.") or line:find("^%s*%[C%]: in function 'x?pcall'")
		if not (in_stack and ours) then
			lines[#lines + 1] = line
		end
	end
	return table.concat(lines, "\n")
end

--- A handler for xpcall: notes the traceback and returns the error as it is.
function errors.note(err)
	if err ~= errors.CANCELLED and (noted.err == nil or noted.err ~= err) then
		noted.err = err
		noted.text = tidy(debug.traceback(describe(err), 2))
	end
	return err
end

--- The text for the log: message and traceback, from where it was first raised if that was noted.
function errors.text(err)
	if noted.err ~= nil and noted.err == err then
		local text = noted.text
		noted.err, noted.text = nil, nil
		return text
	end
	return describe(err)
end

--- One line for humans.
errors.describe = describe

return errors
