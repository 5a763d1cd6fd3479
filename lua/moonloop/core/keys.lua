--- The keys of a table in their order: for messages, and for output that is the same each time.
-- @param map its keys are all strings, or all numbers
-- @return an array
return function(map)
	local keys = {}
	for key in pairs(map) do
		keys[#keys + 1] = key
	end
	table.sort(keys)
	return keys
end
