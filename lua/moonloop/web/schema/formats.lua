--- The formats of strings: name → {test = function(text) → boolean, detail =}.

local keys = require("moonloop.core.keys")
local regex = require("moonloop.core.regex")

local find, match, sub, byte = string.find, string.match, string.sub, string.byte

local formats = {}

-- Dates and times (RFC 3339).

local DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function is_date(text)
	local year, month, day = match(text, "^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
	if not year then
		return false
	end
	year, month, day = tonumber(year), tonumber(month), tonumber(day)
	local leap = month == 2 and year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
	return DAYS[month] ~= nil and day >= 1 and day <= DAYS[month] + (leap and 1 or 0)
end

-- Minutes that a time is ahead of UTC; nil: that is no offset.
local function offset_of(zone)
	if zone == "Z" or zone == "z" then
		return 0
	end
	local sign, hours, minutes = match(zone, "^([+-])(%d%d):(%d%d)$")
	if sign and tonumber(hours) <= 23 and tonumber(minutes) <= 59 then
		return (sign == "-" and -1 or 1) * (hours * 60 + minutes)
	end
end

local function is_time(text)
	local hour, minute, second, rest = match(text, "^(%d%d):(%d%d):(%d%d)(.*)$")
	if not hour then
		return false
	end
	local offset = offset_of(match(rest, "^%.%d+(.*)$") or rest)
	if not offset or tonumber(hour) > 23 or tonumber(minute) > 59 or tonumber(second) > 60 then
		return false
	end
	-- A leap second is the last one of a day in UTC.
	return second ~= "60" or (hour * 60 + minute - offset) % 1440 == 1439
end

local function is_date_time(text)
	return find(text, "^..........[Tt]") ~= nil and is_date(sub(text, 1, 10)) and is_time(sub(text, 12))
end

-- ISO 8601: units from large to small, none left out in between.
local function is_units(text, units)
	local at, seen = 1, false
	while text ~= "" do
		local unit, rest = match(text, "^%d+(%a)(.*)$")
		local found = unit and find(units, unit, at, true)
		if not found or seen and found ~= at then
			return false
		end
		at, seen, text = found + 1, true, rest
	end
	return seen
end

local function is_duration(text)
	local days, time = match(text, "^P([^T]*)T(.+)$")
	if days then
		return (days == "" or is_units(days, "YMD")) and is_units(time, "HMS")
	end
	days = match(text, "^P([^T]+)$")
	return days ~= nil and (is_units(days, "YMD") or find(days, "^%d+W$") ~= nil)
end

-- Addresses.

local function is_hostname(text)
	if #text > 253 or text == "" then
		return false
	end
	for label in (text .. "."):gmatch("([^.]*)%.") do
		if #label > 63 or not find(label, "^%w[%w-]*$") or sub(label, -1) == "-" then
			return false
		end
	end
	return true
end

local function is_ipv4(text)
	local n = 0
	for part in (text .. "."):gmatch("([^.]*)%.") do
		n = n + 1
		if not find(part, "^%d%d?%d?$") or #part > 1 and byte(part) == 48 or tonumber(part) > 255 then
			return false
		end
	end
	return n == 4
end

-- How many groups of 16 bits stand there; nil: they are none.
local function groups_of(text, last)
	if text == "" then
		return 0
	end
	local n = 0
	for part, separator in (text .. ":"):gmatch("([^:]*)(:)") do
		local _ = separator
		n = n + 1
		if find(part, ".", 1, true) then
			n = n + 1
			if not last or not is_ipv4(part) or sub(text, -#part) ~= part then
				return nil
			end
		elseif not find(part, "^%x%x?%x?%x?$") then
			return nil
		end
	end
	return n
end

local function is_ipv6(text)
	local left, right = match(text, "^(.-)::(.*)$")
	if not left then
		return groups_of(text, true) == 8
	end
	left, right = groups_of(left, false), groups_of(right, true)
	return left ~= nil and right ~= nil and left + right <= 7
end

-- RFC 5321 4.1.2: an address as a server takes it.
local function is_local_part(text)
	if sub(text, 1, 1) == '"' then
		return find(text:gsub("\\[\32-\126]", ""), '^"[ !#-Z%[%]^-~]*"$') ~= nil
	end
	return find(text, "^[%w!#$%%&'*+/=?^_`{|}~.-]+$") ~= nil and not find("." .. text .. ".", "..", 1, true)
end

-- What most of them look like.
local PLAIN = "^[%w+_-]+%.?[%w+_-]+@%w+%.%w+$"

local function is_email(text)
	if #text <= 64 and find(text, PLAIN) then
		return true
	end
	local part, domain = match(text, "^(.+)@([^@]+)$")
	if not part or #part > 64 or not is_local_part(part) then
		return false
	end
	local literal = match(domain, "^%[(.*)%]$")
	if literal then
		local six = match(literal, "^IPv6:(.*)$")
		return six and is_ipv6(six) or is_ipv4(literal)
	end
	return is_hostname(domain)
end

-- URIs (RFC 3986), one class of characters for each component.

local UNRESERVED = "%w%-._~!$&'()*+,;="

local function only(text, class)
	return not find(text:gsub("%%%x%x", ""), "[^" .. class .. "]")
end

local function is_authority(text)
	local user, host = match(text, "^(.-)@(.*)$")
	if user and not only(user, UNRESERVED .. ":") then
		return false
	end
	host = host or text
	local literal, port = match(host, "^%[(.*)%](.*)$")
	if literal then
		return (is_ipv6(literal) or find(literal, "^[vV]%x+%.[" .. UNRESERVED .. ":]+$") ~= nil)
			and find(port, "^:?%d*$") ~= nil and not find(port, "^%d")
	end
	host = match(host, "^(.-):%d*$") or host
	return only(host, UNRESERVED)
end

local function is_uri_reference(text)
	local rest, fragment = match(text, "^([^#]*)#?(.*)$")
	local hierarchy, query = match(rest, "^([^?]*)%??(.*)$")
	local scheme, tail = match(hierarchy, "^(%a[%w+.-]*):(.*)$")
	hierarchy = scheme and tail or hierarchy
	local authority, path = match(hierarchy, "^//([^/]*)(.*)$")
	path = path or hierarchy
	if authority and not is_authority(authority) then
		return false
	elseif not scheme and not authority and find(path, "^[^/]*:") then
		return false
	end
	return only(path, UNRESERVED .. ":@/") and only(query, UNRESERVED .. ":@/?")
		and only(fragment, UNRESERVED .. ":@/?")
end

local function is_uri(text)
	return find(text, "^%a[%w+.-]*:") ~= nil and is_uri_reference(text)
end

-- Others.

local UUID = "^" .. ("%x"):rep(8) .. ("%-" .. ("%x"):rep(4)):rep(3) .. "%-" .. ("%x"):rep(12) .. "$"

local function is_uuid(text)
	return #text == 36 and find(text, UUID) ~= nil
end

local function is_json_pointer(text)
	return (text == "" or byte(text) == 47) and not find(text, "~[^01]") and sub(text, -1) ~= "~"
end

local function is_regex(text)
	return regex.new(text) ~= nil
end

formats.known = {
	date = { test = is_date, detail = "must be a date such as 2026-01-31" },
	["date-time"] = { test = is_date_time, detail = "must be a date and time such as 2026-01-31T12:00:00Z" },
	duration = { test = is_duration, detail = "must be a duration such as P3DT12H" },
	email = { test = is_email, detail = "must be an e-mail address" },
	hostname = { test = is_hostname, detail = "must be a host name" },
	ipv4 = { test = is_ipv4, detail = "must be an IPv4 address" },
	ipv6 = { test = is_ipv6, detail = "must be an IPv6 address" },
	["json-pointer"] = { test = is_json_pointer, detail = "must be a JSON pointer" },
	regex = { test = is_regex, detail = "must be a regular expression" },
	time = { test = is_time, detail = "must be a time such as 12:00:00Z" },
	uri = { test = is_uri, detail = "must be an absolute URI" },
	["uri-reference"] = { test = is_uri_reference, detail = "must be a URI or a relative reference" },
	uuid = { test = is_uuid, detail = "must be a UUID" },
}

--- Their names, for people.
function formats.list()
	return table.concat(keys(formats.known), ", ")
end

return formats
