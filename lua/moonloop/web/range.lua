--- Ranges of bytes (RFC 9110 14).

local range = {}

-- A client that asks for more of them wants something else.
local RANGES_MAX = 16
local DIGITS_MAX = 15

-- One of the list: first and last byte; nil: malformed; false: behind the end.
local function one(text, size)
	local first, last = text:match("^(%d*)%-(%d*)$")
	if not first or first == "" and last == "" or #first > DIGITS_MAX or #last > DIGITS_MAX then
		return nil
	end
	first, last = tonumber(first), tonumber(last)
	if not first then
		first, last = math.max(size - last, 0), last > 0 and size - 1 or -1
	elseif last and last < first then
		return nil
	end
	last = math.min(last or size - 1, size - 1)
	if first > last then
		return false
	end
	return first, last
end

--- @param header the Range field, or nil
-- @param size of the whole
-- @return nil: there is none, or none that counts; false: nothing of it is there; an array of {first,
-- last}, both inclusive
function range.parse(header, size)
	local list = header and header:match("^%s*[Bb][Yy][Tt][Ee][Ss]%s*=%s*(.-)%s*$")
	if not list then
		return nil
	end
	local ranges, total, n = {}, 0, 0
	for text in (list .. ","):gmatch("%s*([^,]-)%s*,") do
		local first, last = one(text, size)
		n = n + 1
		if first == nil or n > RANGES_MAX then
			return nil
		elseif first then
			ranges[#ranges + 1] = { first, last }
			total = total + last - first + 1
		end
	end
	if #ranges == 0 then
		return false
	elseif #ranges > 1 and total > size then -- they overlap: somebody plays with us
		return nil
	end
	return ranges
end

--- The value of Content-Range.
function range.format(one_range, size)
	return ("bytes %.0f-%.0f/%.0f"):format(one_range[1], one_range[2], size)
end

return range
