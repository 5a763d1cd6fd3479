--- The error log: `log.info("event", {key = value})`. Never blocks; works in pool threads too.
-- The event is a fixed word ("order.paid"), what varies goes into the fields: strings, numbers,
-- booleans; anything else by tostring. A field named `traceback` may have several lines. What stands in
-- task.locals().log_fields is added to each record of that task.

local C = require("moonloop.core.ffi").C
local state = require("moonloop.core.state")

local LOCALS = state.LOCALS

local function add(list, key, value)
	list[#list + 1] = { tostring(key), type(value) == "number" and value or tostring(value) }
end

-- The record's fields and its task's.
local function all_fields(fields)
	local list, own = {}, state.of[C.ml_task_self()]
	for key, value in pairs(own and own[LOCALS] and own[LOCALS].log_fields or {}) do
		if fields[key] == nil then
			add(list, key, value)
		end
	end
	for key, value in pairs(fields) do
		add(list, key, value)
	end
	return list
end

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
	local pairs_ = all_fields(fields or {})
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
