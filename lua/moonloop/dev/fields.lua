--- The two forms in which an application gives header fields: an array of pairs, or a table by name.

local fields = {}

--- Whether it is one of them, or nil; anything else is the gateway's to refuse.
function fields.is_fields(headers)
	if headers == nil then
		return true
	elseif type(headers) ~= "table" then
		return false
	end
	for i = 1, #headers do
		if type(headers[i]) ~= "table" then
			return false
		end
	end
	return true
end

local function matches(name, wanted)
	return type(name) == "string" and name:lower() == wanted
end

--- The first value of a field.
-- @param wanted its name in lower case
function fields.get(headers, wanted)
	for i = 1, #(headers or {}) do
		if matches(headers[i][1], wanted) then
			return headers[i][2]
		end
	end
	for name, value in pairs(headers or {}) do
		if matches(name, wanted) then
			return type(value) == "table" and value[1] or value
		end
	end
end

--- A copy in which the values of a field are fn(value).
-- @param wanted its name in lower case
function fields.map(headers, wanted, fn)
	local copy = {}
	for i = 1, #(headers or {}) do
		local pair = headers[i]
		copy[i] = matches(pair[1], wanted) and { pair[1], fn(pair[2]) } or pair
	end
	for name, value in pairs(headers or {}) do
		if type(name) ~= "number" then
			copy[name] = matches(name, wanted) and fn(value) or value
		end
	end
	return copy
end

return fields
