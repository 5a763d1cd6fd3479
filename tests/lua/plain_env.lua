-- busted gives the functions of a spec an environment of its own, and thread.run refuses such
-- functions. plain(value) gives _G back to every function that is reached from the value.

local function plain(value)
	local list, seen = {}, {}
	local function add(v)
		if (type(v) == "table" or type(v) == "function") and not seen[v] and v ~= _G then
			seen[v] = true
			list[#list + 1] = v
		end
	end
	add(value)
	while #list > 0 do
		local v = table.remove(list)
		if type(v) == "table" then
			for key, item in next, v do
				add(key)
				add(item)
			end
		elseif debug.getinfo(v, "S").source:find("_spec.lua$") and getfenv(v) ~= _G then
			setfenv(v, _G)
			local i = 1
			while debug.getupvalue(v, i) do
				add((select(2, debug.getupvalue(v, i))))
				i = i + 1
			end
		end
	end
	return value
end

return plain
