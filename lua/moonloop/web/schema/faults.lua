--- What is wrong with a value: an array of {pointer =, code =, detail =}, or nil while nothing is.
-- Pointers (RFC 6901) are relative to the value that a function checks; its caller puts them below
-- where that value stands, so they cost nothing as long as all is well.

local faults = {}

faults.limits = { faults = 1000 }

local limits = faults.limits

--- Adds a fault. When there are enough of them, list.full is set.
-- @param code the keyword of JSON Schema that the value breaks, or "check"
-- @return the list
function faults.add(list, pointer, code, detail)
	list = list or {}
	if #list >= limits.faults then
		list.full = true
	else
		list[#list + 1] = { pointer = pointer, code = code, detail = detail }
	end
	return list
end

--- Adds the faults of a part that stands at a pointer.
-- @return the list
function faults.under(list, pointer, part)
	list = list or {}
	for i = 1, #part do
		local fault = part[i]
		if #list >= limits.faults then
			list.full = true
			break
		end
		fault.pointer = pointer .. fault.pointer
		list[#list + 1] = fault
	end
	list.full = list.full or part.full
	return list
end

--- A reference token (RFC 6901 3).
function faults.token(name)
	return (tostring(name):gsub("~", "~0"):gsub("/", "~1"))
end

return faults
