--- HTTP dates (RFC 9110 5.6.7): seconds since 1970 as text, and back.

local date = {}

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10,
	Nov = 11, Dec = 12 }

--- "Sun, 06 Nov 1994 08:49:37 GMT". A fraction is cut off.
function date.format(seconds)
	return os.date("!%a, %d %b %Y %H:%M:%S GMT", math.floor(seconds))
end

-- Days from 1970-01-01, years beginning in March so that a leap day is the last one.
local function days(year, month, day)
	year = month <= 2 and year - 1 or year
	local era = math.floor(year / 400)
	local of_era = year - era * 400
	local of_year = math.floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
	return era * 146097 + of_era * 365 + math.floor(of_era / 4) - math.floor(of_era / 100) + of_year - 719468
end

-- The two digits of RFC 850 mean the year that is at most 50 years ahead.
local function full_year(digits)
	local year = tonumber(digits)
	if #digits == 2 then
		local now = tonumber(os.date("!%Y"))
		year = year + now - now % 100
		year = year > now + 50 and year - 100 or year
	end
	return year
end

local function fields(text)
	local day, month, year, h, m, s = text:match("^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
	if not day then
		day, month, year, h, m, s = text:match("^%a+, (%d%d)%-(%a%a%a)%-(%d%d) (%d%d):(%d%d):(%d%d) GMT$")
	end
	if not day then
		month, day, h, m, s, year = text:match("^%a%a%a (%a%a%a) ([ %d]%d) (%d%d):(%d%d):(%d%d) (%d%d%d%d)$")
	end
	return day, month, year, h, m, s
end

--- @return seconds since 1970; nil when it is no date
function date.parse(text)
	local day, name, year, h, m, s = fields(text)
	local month = MONTHS[name]
	if not month then
		return nil
	end
	day, h, m, s = tonumber(day), tonumber(h), tonumber(m), tonumber(s)
	if not day or day < 1 or day > 31 or h > 23 or m > 59 or s > 60 then
		return nil
	end
	return days(full_year(year), month, day) * 86400 + h * 3600 + m * 60 + s
end

return date
