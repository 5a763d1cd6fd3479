--- The error log: `log.info("event", {key = value})`. Never blocks; works in pool threads too.
-- The event is a fixed word ("order.paid"), what varies goes into the fields: strings, numbers,
-- booleans; anything else by tostring. A field named `traceback` may have several lines.

local C = require("moonloop.core.ffi").C

local function write(level, event, fields)
	if type(event) ~= "string" then
		error("log: the event must be a string, got " .. type(event), 3)
	end
	if fields ~= nil and type(fields) ~= "table" then
		error("log: fields must be a table, got " .. type(fields), 3)
	end
	if C.ml_log_on(level) == 0 then
		return
	end
	local pairs_ = {}
	for key, value in pairs(fields or {}) do
		pairs_[#pairs_ + 1] = { tostring(key), type(value) == "number" and value or tostring(value) }
	end
	table.sort(pairs_, function(a, b)
		return a[1] < b[1]
	end)
	C.ml_log_begin(level, event)
	for _, pair in ipairs(pairs_) do
		local key, value = pair[1], pair[2]
		if type(value) == "number" then
			C.ml_log_num(key, value)
		elseif key == "traceback" then
			C.ml_log_text(key, value, #value)
		else
			C.ml_log_str(key, value, #value)
		end
	end
	C.ml_log_end()
end

local function at(level)
	return function(event, fields)
		write(level, event, fields)
	end
end

return {
	--- debug(event, fields), and so the others: one record of that level, or nothing if --log-level
	-- is above it.
	-- @param event a fixed word
	-- @param fields a table of name → value, or nil
	-- @raise at the caller's line when one of them has another type
	debug = at(0),
	info = at(1),
	warn = at(2),
	error = at(3),
}
